"""The node Recipe from Image: reads the recipe inside a picture, a film or a recipe file.

Load Image passes on only pixels, so this node reads the file itself.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import folder_paths

import inceptionism as inc

from .node import CATEGORY, RECIPE, TEXT, InputTypes, with_gradients


class RecipeFromImage:
    """Reads the recipe inside a picture of ComfyUI's input folder, or in another file."""

    CATEGORY = CATEGORY
    FUNCTION = "read"
    RETURN_TYPES = (RECIPE, TEXT)
    RETURN_NAMES = ("recipe", "recipe_text")
    OUTPUT_TOOLTIPS = ("The recipe, for Dream or Visualize.", "The same recipe as a TOML file.")
    DESCRIPTION = "Read the recipe inside a picture that inceptionism made, to repeat or vary the picture."

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:  # noqa: N802  # ComfyUI's name
        """Return the inputs: the pictures of the input folder, with a button to upload one, and a path."""
        folder = Path(folder_paths.get_input_directory())
        names = [path.name for path in folder.iterdir() if path.is_file()]
        images = sorted(folder_paths.filter_files_content_types(names, ["image"]))
        help = "Path of a picture or a recipe file (.toml) on the machine of ComfyUI, in place of the image above."
        return {
            "required": {"image": (images, {"image_upload": True, "tooltip": "Picture that inceptionism made."})},
            "optional": {"path": (TEXT, {"default": "", "tooltip": help})},
        }

    @classmethod
    def VALIDATE_INPUTS(cls, image: str | None, path: str | None = "") -> str | bool:  # noqa: N802
        """Return True, or a sentence if there is no such file. None means a name from another node."""
        if path is None or image is None or file_of(image, path).is_file():
            return True
        return f"there is no file {path.strip() or image!r}"

    @classmethod
    def IS_CHANGED(cls, image: str, path: str = "") -> str:  # noqa: N802  # ComfyUI's name
        """Return the SHA-256 of the file, so that ComfyUI reads a changed file again."""
        file = file_of(image, path)
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""

    @with_gradients
    def read(self, image: str, path: str = "") -> tuple[inc.Recipe, str]:
        """Return the recipe, also as TOML.

        Raises:
            InceptionismError: If the file has no recipe, or cannot be read. The message is one sentence.
        """
        file = file_of(image, path)
        if not file.is_file():  # a path can also be a web address or standard input, which are not read here
            raise inc.UnreadableFile(f"there is no file {path.strip() or image!r}")
        recipe = inc.load_recipe(file)
        return recipe, recipe.to_toml()


def file_of(image: str, path: str) -> Path:
    """Return the file of a path, or of an image in one of ComfyUI's folders if the path is empty."""
    return Path(path.strip()).expanduser() if path.strip() else Path(folder_paths.get_annotated_filepath(image))
