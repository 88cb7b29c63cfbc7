from .exemplar import Exemplar
from .index import ExemplarIndex, default_path, exemplars
from .sheet import exemplar_sheet, save_exemplars

__all__ = [
    "Exemplar",
    "ExemplarIndex",
    "default_path",
    "exemplar_sheet",
    "exemplars",
    "save_exemplars",
]
