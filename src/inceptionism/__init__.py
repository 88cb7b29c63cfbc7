"""See what a neural network sees: dream photographs, and picture classes, with any trained network.

    >>> import inceptionism as inc
    >>> inc.dream("photo.jpg").save("dream.png")
    >>> inc.visualize("banana").save("banana.png")
    >>> inc.zoom("photo.jpg", seconds=5).save("zoom.mp4")

The names below are loaded when they are first used: importing the package loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inceptionism.api import dream, visualize
    from inceptionism.errors import (
        CannotWrite,
        InceptionismError,
        InvalidSetting,
        NameTaken,
        NoGradient,
        NotFinite,
        UnknownName,
        UnreadablePicture,
    )
    from inceptionism.filming import VideoRun
    from inceptionism.frame_stream import Frame
    from inceptionism.images import load_photo
    from inceptionism.motion_api import video, zoom
    from inceptionism.motion_recipe import Keyframe, VideoRecipe, ZoomRecipe
    from inceptionism.networks.layers import Layer
    from inceptionism.networks.network import Network
    from inceptionism.networks.registry import load_network
    from inceptionism.objectives import Objective
    from inceptionism.recipe import ClassRecipe, PhotoRecipe, Recipe
    from inceptionism.recipe_files import load_recipe
    from inceptionism.replaying import replay
    from inceptionism.replaying_films import replay_film
    from inceptionism.result import Result, Results, Step
    from inceptionism.runs import ClassRun, PhotoRun, Run, batches, together
    from inceptionism.zooming import ZoomRun

_HOMES = {
    "api": ["dream", "visualize"],
    "errors": [
        "CannotWrite",
        "InceptionismError",
        "InvalidSetting",
        "NameTaken",
        "NoGradient",
        "NotFinite",
        "UnknownName",
        "UnreadablePicture",
    ],
    "filming": ["VideoRun"],
    "frame_stream": ["Frame"],
    "images": ["load_photo"],
    "motion_api": ["video", "zoom"],
    "motion_recipe": ["Keyframe", "VideoRecipe", "ZoomRecipe"],
    "networks.layers": ["Layer"],
    "networks.network": ["Network"],
    "networks.registry": ["load_network"],
    "objectives": ["Objective"],
    "recipe": ["ClassRecipe", "PhotoRecipe", "Recipe"],
    "recipe_files": ["load_recipe"],
    "replaying": ["replay"],
    "replaying_films": ["replay_film"],
    "result": ["Result", "Results", "Step"],
    "runs": ["ClassRun", "PhotoRun", "Run", "batches", "together"],
    "zooming": ["ZoomRun"],
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "CannotWrite",
    "ClassRecipe",
    "ClassRun",
    "Frame",
    "InceptionismError",
    "InvalidSetting",
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
    "UnreadablePicture",
    "VideoRecipe",
    "VideoRun",
    "ZoomRecipe",
    "ZoomRun",
    "batches",
    "dream",
    "load_network",
    "load_photo",
    "load_recipe",
    "replay",
    "replay_film",
    "together",
    "video",
    "visualize",
    "zoom",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
