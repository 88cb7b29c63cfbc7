"""Changes of settings: the other settings that return to their defaults. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterable

RESET_BY = {
    "layer": ("objective",),
    "guide": ("objective",),
    "target": ("objective", "label", "together", "number"),
    "objective": ("layer", "guide", "target", "label"),
    "octaves": ("smallest_octave",),
    "smallest_octave": ("octaves",),
    "preset": ("prior", "steps"),
    "size": ("shape",),
}
"""Settings that return to their defaults when another setting changes, by the name of the changed setting."""


def reset_settings(changed: Iterable[str]) -> set[str]:
    """Return the settings that return to their defaults when settings change, without the changed ones themselves."""
    changed = set(changed)
    return {other for name in changed for other in RESET_BY.get(name, ())} - changed
