"""Defaults of grids and atlases. The command line reads them when it starts, so this module does not import torch."""

from __future__ import annotations

DEFAULT_SIDE = 96
"""Side of the picture of a cell in pixels, if the network accepts it."""

DEFAULT_PRESET = "fast"
"""Preset of the picture of a cell. The preset of large pictures would take hours for a grid."""

DEFAULT_COSINE = 2.0
"""Power of the cosine in the objective of a cell."""

MAX_GRID_CELLS = 14
"""Largest number of cells in a row or a column of a grid by default. A grid of 14 by 14 cells takes some minutes."""

MAX_ATLAS_CELLS = 20
"""Largest number of cells in a row or a column of an atlas by default."""

DEFAULT_SAMPLES = 4
"""Number of activations that an atlas takes from each photograph by default."""

DEFAULT_LEAST = 2
"""Smallest number of activations of a cell that is shown in an atlas by default."""
