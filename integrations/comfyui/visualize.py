"""The node Visualize: makes pictures of a class, a unit or another objective from noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

import inceptionism as inc
from inceptionism.recipes import DEFAULT_SIZE, MAX_SEED, MAX_TOGETHER, settings_of

from .node import CATEGORY, IMAGE, NETWORK, RECIPE, TEXT, InputTypes, with_gradients
from .pictures import photos_of
from .progress import make_pictures
from .recipe_runs import chosen_recipe, runs_of
from .saved_recipes import OUTPUT_NAMES, OUTPUT_TYPES, outputs_of
from .widgets import SETTINGS, given_settings, problem_of, widget

KNOWN = settings_of(inc.ClassRecipe)

WIDGETS = ("preset", "subjects", "steps", "seed")

TARGET_HELP = (
    "What to make a picture of: the name or the index of a class, a unit such as blocks.10:17, or an objective such as "
    "channel(blocks.10:17). Leave it empty to use the target of a connected recipe."
)


class Visualize:
    """Makes pictures of a class, a unit or another objective from noise."""

    CATEGORY = CATEGORY
    FUNCTION = "visualize"
    RETURN_TYPES = OUTPUT_TYPES
    RETURN_NAMES = OUTPUT_NAMES
    OUTPUT_TOOLTIPS = ("The pictures.", "The recipe of the first picture.", "The same recipe as a TOML file.")
    DESCRIPTION = (
        "Make pictures of what a network takes for a class, or of what one of its units responds to, from noise. "
        "A setting that shows its default is left to the recipe."
    )

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:  # noqa: N802  # ComfyUI's name
        """Return the inputs: sockets and widgets."""
        side = {"min": 1, "max": KNOWN["size"].facts.maximum}
        height, width = DEFAULT_SIZE
        return {
            "required": {"target": (TEXT, {"default": "", "tooltip": TARGET_HELP})},
            "optional": {
                "network": (NETWORK, {"tooltip": "Network to use, from Load Network."}),
                "palette": (IMAGE, {"tooltip": "Picture whose colors the result gets."}),
                "recipe": (RECIPE, {"tooltip": "Recipe of a picture from noise, whose settings replace the defaults."}),
                "width": ("INT", {"default": width, **side, "tooltip": "Width of the pictures, in pixels."}),
                "height": ("INT", {"default": height, **side, "tooltip": "Height of the pictures, in pixels."}),
                "count": (
                    "INT",
                    {
                        "default": 1,
                        "min": 1,
                        "max": MAX_TOGETHER,
                        "tooltip": "Number of pictures. Each has a seed that is one more than that of the one before.",
                    },
                ),
                **{name: widget(KNOWN[name]) for name in WIDGETS},
                "settings": SETTINGS,
            },
            "hidden": {"extra_pnginfo": "EXTRA_PNGINFO"},
        }

    @classmethod
    def VALIDATE_INPUTS(cls, settings: str | None = None) -> str | bool:  # noqa: N802  # ComfyUI's name
        """Return True, or a sentence about further settings that are not valid. None means a text from another node."""
        return problem_of(inc.ClassRecipe, settings)

    @with_gradients
    def visualize(
        self,
        target: str,
        network: inc.Network | None = None,
        palette: Tensor | None = None,
        recipe: inc.Recipe | None = None,
        width: int = DEFAULT_SIZE[1],
        height: int = DEFAULT_SIZE[0],
        count: int = 1,
        settings: str = "",
        extra_pnginfo: dict[str, Any] | None = None,
        **widgets: Any,
    ) -> tuple[Tensor, inc.Recipe, str]:
        """Return the pictures, B×H×W×C, and the recipe of the first one, also as TOML.

        Args:
            target: Name or index of a class, a unit, or the text of an objective. Empty for that of the recipe.
            network: Network that is used in place of the one in the recipe.
            palette: Picture whose colors the results get.
            recipe: Recipe whose settings replace the defaults.
            width: Width of the pictures in pixels.
            height: Height of the pictures in pixels.
            count: Number of pictures.
            settings: Further settings as TOML.
            extra_pnginfo: Texts that ComfyUI writes into saved pictures.
            **widgets: Values of the widgets.

        Raises:
            InceptionismError: If an input is not valid. The message is one sentence.
            InterruptProcessingException: If the user interrupts the workflow.
        """
        given = given_settings(inc.ClassRecipe, widgets, settings, recipe)
        target = target.strip()
        if target:
            given["target"] = int(target) if target.isdecimal() else target
        elif recipe is None and not {"target", "objective"} & given.keys():
            raise inc.InvalidSetting("target is empty; write a class, a unit or an objective, or connect a recipe")
        if (height, width) != DEFAULT_SIZE:
            given["size"] = height, width
        chosen = chosen_recipe(inc.ClassRecipe, recipe, given)
        pictures = {"colors": None if palette is None else photos_of(palette)[0]}
        runs, number = runs_of(chosen, given, pictures, network)
        if runs[0].objective.compares_batch and count == len(runs) == 1:
            raise inc.InvalidSetting(f"{target or 'the objective'} compares several pictures; set count to 2 or more")
        if count > 1:
            recipes = [
                replace(chosen, seed=(chosen.seed + one) % (MAX_SEED + 1), together=1, number=0) for one in range(count)
            ]
            if runs[0].objective.compares_batch:
                text = runs[0].recipe.objective
                recipes = [replace(chosen, target=None, label=None, objective=text, together=count, number=0)]
            runs = [run for one in recipes for run in runs_of(one, given, pictures, network)[0]]
        results = make_pictures(runs, len(runs))
        results = results if count > 1 else [results[number]]
        return outputs_of(results, extra_pnginfo)
