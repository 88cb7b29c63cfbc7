"""Numbers of exemplars. The command line reads them when it starts, so this module does not import torch."""

from __future__ import annotations

DEFAULT_COUNT = 9
"""Number of exemplars of each kind that are shown by default."""

KEPT = 64
"""Number of photographs that an index keeps for each channel, with the largest and with the smallest activations."""
