"""Recipes in the pictures that ComfyUI saves: Save Image writes the entries of `extra_pnginfo` into each PNG."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

import inceptionism as inc
from inceptionism.io import PIXEL_RECIPES, hash_pixels

MAX_RECIPES = 64
"""Largest number of pictures of a node whose recipes are saved, because each picture of a batch holds them all."""


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
