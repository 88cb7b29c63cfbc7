from . import networks, objectives
from .api import activation_atlas, activation_grid, dream, video, visualize, zoom
from .atlas import learn_features
from .atlas.activations import ActivationAtlas, ActivationGrid
from .atlas.exemplars import Exemplar, ExemplarIndex, exemplars
from .errors import (
    CannotWrite,
    InceptionismError,
    InvalidSetting,
    NameTaken,
    NoGradient,
    NotFinite,
    UnknownName,
    UnreadableFile,
    UnreadablePicture,
)
from .film import Frame, VideoRun, ZoomRun, replay_film
from .io import load_photo, load_recipe
from .jobs import JobResult, batch
from .networks import Layer, Network, load_network
from .objectives import Objective
from .recipes import ClassRecipe, Keyframe, PhotoRecipe, Recipe, VideoRecipe, ZoomRecipe
from .runs import ClassRun, PhotoRun, Result, Results, Run, Step, make_batches, measure_statistics, run_batch
from .runs.replay import replay
from .version import __version__

__all__ = [
    "ActivationAtlas",
    "ActivationGrid",
    "CannotWrite",
    "ClassRecipe",
    "ClassRun",
    "Exemplar",
    "ExemplarIndex",
    "Frame",
    "InceptionismError",
    "InvalidSetting",
    "JobResult",
    "Keyframe",
    "Layer",
    "NameTaken",
    "Network",
    "NoGradient",
    "NotFinite",
    "Objective",
    "PhotoRecipe",
    "PhotoRun",
    "Recipe",
    "Result",
    "Results",
    "Run",
    "Step",
    "UnknownName",
    "UnreadableFile",
    "UnreadablePicture",
    "VideoRecipe",
    "VideoRun",
    "ZoomRecipe",
    "ZoomRun",
    "__version__",
    "activation_atlas",
    "activation_grid",
    "batch",
    "dream",
    "exemplars",
    "learn_features",
    "load_network",
    "load_photo",
    "load_recipe",
    "make_batches",
    "measure_statistics",
    "networks",
    "objectives",
    "replay",
    "replay_film",
    "run_batch",
    "video",
    "visualize",
    "zoom",
]
