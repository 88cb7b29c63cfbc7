from .atlas import ActivationAtlas, AtlasCell
from .defaults import (
    DEFAULT_COSINE,
    DEFAULT_LEAST,
    DEFAULT_PRESET,
    DEFAULT_SAMPLES,
    DEFAULT_SIDE,
    MAX_ATLAS_CELLS,
    MAX_GRID_CELLS,
)
from .grid import ActivationGrid, GridCell
from .samples import ActivationSamples, sample_activations

__all__ = [
    "DEFAULT_COSINE",
    "DEFAULT_LEAST",
    "DEFAULT_PRESET",
    "DEFAULT_SAMPLES",
    "DEFAULT_SIDE",
    "MAX_ATLAS_CELLS",
    "MAX_GRID_CELLS",
    "ActivationAtlas",
    "ActivationGrid",
    "ActivationSamples",
    "AtlasCell",
    "GridCell",
    "sample_activations",
]
