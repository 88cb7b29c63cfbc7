"""Nodes for ComfyUI that dream photographs, make pictures of classes, and repeat recipes with inceptionism.

ComfyUI loads this folder from `custom_nodes`, and reads the two mappings below.
"""

from .dream import Dream
from .load_network import LoadNetwork
from .recipe_from_image import RecipeFromImage
from .visualize import Visualize

NODE_CLASS_MAPPINGS = {
    "InceptionismDream": Dream,
    "InceptionismVisualize": Visualize,
    "InceptionismLoadNetwork": LoadNetwork,
    "InceptionismRecipeFromImage": RecipeFromImage,
}

NODE_DISPLAY_NAME_MAPPINGS = {
    "InceptionismDream": "Dream",
    "InceptionismVisualize": "Visualize",
    "InceptionismLoadNetwork": "Load Network",
    "InceptionismRecipeFromImage": "Recipe from Image",
}

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
