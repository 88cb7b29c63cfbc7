from .base import Run, make_batches, run_batch
from .comparison import compare_with_file, differences, is_varied
from .photo import PhotoRun, Replacements, chosen_layers, output_size, photo_objective
from .replay import ReplayInputs, check_area, named_files, prepare_replay, recipe_folder, resolve_replay
from .result import Result, Results, Step
from .verification import judge, verify_result
from .visualization import ClassRun

__all__ = [
    "ClassRun",
    "PhotoRun",
    "Replacements",
    "ReplayInputs",
    "Result",
    "Results",
    "Run",
    "Step",
    "check_area",
    "chosen_layers",
    "compare_with_file",
    "differences",
    "is_varied",
    "judge",
    "make_batches",
    "named_files",
    "output_size",
    "photo_objective",
    "prepare_replay",
    "recipe_folder",
    "resolve_replay",
    "run_batch",
    "verify_result",
]
