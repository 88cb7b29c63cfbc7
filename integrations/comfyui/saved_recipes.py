"""The outputs of the nodes that make pictures, and recipes in the pictures that ComfyUI saves.

Save Image writes the entries of `extra_pnginfo` into each PNG.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from torch import Tensor

import inceptionism as inc
from inceptionism.io import PIXEL_RECIPES, hash_pixels

from .node import IMAGE, RECIPE, TEXT
from .pictures import image_of

OUTPUT_TYPES = (IMAGE, RECIPE, TEXT)
"""Types of the outputs of a node that makes pictures."""

OUTPUT_NAMES = ("image", "recipe", "recipe_text")
"""Names of these outputs."""

MAX_RECIPES = 64
"""Largest number of pictures of a node whose recipes are saved, because each picture of a batch holds them all."""


def outputs_of(results: Sequence[inc.Result], extra_pnginfo: dict[str, Any] | None) -> tuple[Tensor, inc.Recipe, str]:
    """Return the outputs of a node: the pictures, B×H×W×C, and the recipe of the first one, also as TOML.

    The pictures that ComfyUI saves get their recipes.

    Args:
        results: The results.
        extra_pnginfo: Texts that ComfyUI writes into saved pictures. None if there are none.
    """
    save_recipes(extra_pnginfo, results)
    return image_of(results), results[0].recipe, results[0].recipe.to_toml()


def save_recipes(extra_pnginfo: dict[str, Any] | None, results: Sequence[inc.Result]) -> None:
    """Add the recipes of results to the texts that Save Image writes into each PNG of the workflow.

    Args:
        extra_pnginfo: The texts, which all nodes of the workflow share. None if ComfyUI has none.
        results: The results.
    """
    if extra_pnginfo is None:
        return
    if len(results) > MAX_RECIPES:
        logging.getLogger("inceptionism").info(
            "inceptionism: the %d pictures are saved without their recipes, because each file would hold them all",
            len(results),
        )
        return
    recipes = extra_pnginfo.setdefault(PIXEL_RECIPES, {})
    recipes.update({hash_pixels(result.image): json.loads(result.recipe.to_json()) for result in results})
