from .counts import DEFAULT_COUNT, KEPT
from .exemplar import Exemplar
from .index import ExemplarIndex, default_path, exemplars
from .receptive_field import ReceptiveField, receptive_box, receptive_field
from .sheet import exemplar_sheet, layer_exemplar_sheet, save_exemplars

__all__ = [
    "DEFAULT_COUNT",
    "KEPT",
    "Exemplar",
    "ExemplarIndex",
    "ReceptiveField",
    "default_path",
    "exemplar_sheet",
    "exemplars",
    "layer_exemplar_sheet",
    "receptive_box",
    "receptive_field",
    "save_exemplars",
]
