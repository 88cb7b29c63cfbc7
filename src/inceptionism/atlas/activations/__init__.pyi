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
from .index import INDEX, SHEET, ActivationFolder, is_activation_folder, read_folder
from .samples import ActivationSamples, sample_activations

__all__ = [
    "DEFAULT_COSINE",
    "DEFAULT_LEAST",
    "DEFAULT_PRESET",
    "DEFAULT_SAMPLES",
    "DEFAULT_SIDE",
    "INDEX",
    "MAX_ATLAS_CELLS",
    "MAX_GRID_CELLS",
    "SHEET",
    "ActivationAtlas",
    "ActivationFolder",
    "ActivationGrid",
    "ActivationSamples",
    "AtlasCell",
    "GridCell",
    "is_activation_folder",
    "read_folder",
    "sample_activations",
]
