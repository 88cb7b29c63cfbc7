from .counts import DEFAULT_COUNT, KEPT
from .exemplar import Exemplar
from .index import ExemplarIndex, default_path, exemplars
from .sheet import exemplar_sheet, save_exemplars

__all__ = [
    "DEFAULT_COUNT",
    "KEPT",
    "Exemplar",
    "ExemplarIndex",
    "default_path",
    "exemplar_sheet",
    "exemplars",
    "save_exemplars",
]
