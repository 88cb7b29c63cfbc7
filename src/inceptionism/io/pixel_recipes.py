"""Recipes in a PNG that another program wrote, for example ComfyUI, each by the SHA-256 of the pixels that it made.

Such a program writes the same texts into all pictures of a batch, so the pixels decide whose recipe is whose. If the
pixels changed after the run, the picture has no recipe.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
from PIL import Image

PIXEL_RECIPES = "inceptionism"
"""Keyword of the text chunk. Its text is a JSON object: recipes, by the SHA-256 of their pixels."""


def hash_pixels(image: Image.Image) -> str:
    """Return the SHA-256 of the 8-bit RGB pixels of a picture, in hexadecimal."""
    return hashlib.sha256(np.asarray(image.convert("RGB")).tobytes()).hexdigest()


def find_pixel_recipe(image: Image.Image, text: str) -> str | None:
    """Return the JSON of the recipe that made the pixels of a picture. None if there is none.

    Args:
        image: The picture.
        text: Text of the chunk with the keyword `PIXEL_RECIPES`.
    """
    try:
        recipes = json.loads(text)
    except (ValueError, RecursionError):
        return None
    recipe = recipes.get(hash_pixels(image)) if isinstance(recipes, dict) else None
    return None if recipe is None else json.dumps(recipe)
