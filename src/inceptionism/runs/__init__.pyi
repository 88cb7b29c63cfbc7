from .base import Run
from .batches import finish_runs, make_batches, run_batch
from .comparison import compare_with_file, differences, is_varied
from .grading import Grading, Palette
from .measurement import class_folder, measure_statistics
from .photo import PhotoRun, Replacements, chosen_layers, output_size, photo_objective
from .preview import PreviewPace
from .replay import (
    check_area,
    prepare_replay,
    resolve_replay,
)
from .replay_inputs import ReplayInputs, named_files, recipe_folder, split_changes, unique_files
from .result import Result, Results, Step
from .training_view import TrainingView
from .verification import judge, verify_result
from .visualization import ClassRun, make_class_runs

__all__ = [
    "ClassRun",
    "Grading",
    "Palette",
    "PhotoRun",
    "PreviewPace",
    "Replacements",
    "ReplayInputs",
    "Result",
    "Results",
    "Run",
    "Step",
    "TrainingView",
    "check_area",
    "chosen_layers",
    "class_folder",
    "compare_with_file",
    "differences",
    "finish_runs",
    "is_varied",
    "judge",
    "make_batches",
    "make_class_runs",
    "measure_statistics",
    "named_files",
    "output_size",
    "photo_objective",
    "prepare_replay",
    "recipe_folder",
    "resolve_replay",
    "run_batch",
    "split_changes",
    "unique_files",
    "verify_result",
]
