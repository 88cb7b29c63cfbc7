"""The node Dream: amplifies what a network sees in each picture of a batch."""

from __future__ import annotations

from typing import Any

from torch import Tensor

import inceptionism as inc
from inceptionism.recipes import LOOK_HELP, NONE, list_looks, settings_of

from .node import CATEGORY, IMAGE, MASK, NETWORK, RECIPE, InputTypes, with_gradients
from .pictures import masks_of, one_for_each, photos_of
from .progress import make_pictures
from .recipe_runs import chosen_recipe, runs_of
from .saved_recipes import OUTPUT_NAMES, OUTPUT_TYPES, outputs_of
from .widgets import SETTINGS, given_settings, problem_of, widget

KNOWN = settings_of(inc.PhotoRecipe)

FIRST = ("layer", "objective")
"""Settings whose widgets come before all others, after the look."""

OTHERS = ("octaves", "steps", "step_size", "strength", "colors", "size", "seed")


class Dream:
    """Amplifies the patterns that a network detects in each picture of a batch."""

    CATEGORY = CATEGORY
    FUNCTION = "dream"
    RETURN_TYPES = OUTPUT_TYPES
    RETURN_NAMES = OUTPUT_NAMES
    OUTPUT_TOOLTIPS = ("The dreamed pictures.", "The recipe of the first picture.", "The same recipe as a TOML file.")
    DESCRIPTION = (
        "Dream pictures: a network changes each picture step by step, so that it sees more and more of what it already "
        "sees in it. A setting that shows its default is left to the look or to the recipe."
    )

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:  # noqa: N802  # ComfyUI's name
        """Return the inputs: sockets and widgets."""
        looks = [NONE, *(look.name for look in list_looks())]
        return {
            "required": {"image": (IMAGE, {"tooltip": "Pictures to dream. Each one is dreamed by itself."})},
            "optional": {
                "network": (NETWORK, {"tooltip": "Network to use, from Load Network."}),
                "mask": (
                    MASK,
                    {"tooltip": f"{KNOWN['mask'].facts.description} One for all pictures, or one for each."},
                ),
                "guide": (IMAGE, {"tooltip": KNOWN["guide"].facts.description}),
                "palette": (IMAGE, {"tooltip": "Picture whose colors the result gets."}),
                "recipe": (RECIPE, {"tooltip": "Recipe of a photograph, whose settings replace the defaults."}),
                "look": (looks, {"default": NONE, "tooltip": f"{LOOK_HELP.partition('.')[0]}."}),
                **{name: widget(KNOWN[name]) for name in (*FIRST, *OTHERS)},
                "settings": SETTINGS,
            },
            "hidden": {"extra_pnginfo": "EXTRA_PNGINFO"},
        }

    @classmethod
    def VALIDATE_INPUTS(cls, settings: str | None = None) -> str | bool:  # noqa: N802  # ComfyUI's name
        """Return True, or a sentence about further settings that are not valid. None means a text from another node."""
        return problem_of(inc.PhotoRecipe, settings)

    @with_gradients
    def dream(
        self,
        image: Tensor,
        network: inc.Network | None = None,
        mask: Tensor | None = None,
        guide: Tensor | None = None,
        palette: Tensor | None = None,
        recipe: inc.Recipe | None = None,
        look: str = NONE,
        settings: str = "",
        extra_pnginfo: dict[str, Any] | None = None,
        **widgets: Any,
    ) -> tuple[Tensor, inc.Recipe, str]:
        """Return the dreamed pictures, B×H×W×C, and the recipe of the first one, also as TOML.

        Args:
            image: B×H×W×C in [0, 1].
            network: Network that is used in place of the one in the recipe.
            mask: B×H×W in [0, 1], 1 where the picture is dreamed.
            guide: Pictures whose shapes appear in the results.
            palette: Pictures whose colors the results get.
            recipe: Recipe whose settings replace the defaults.
            look: Name of a look, or "none".
            settings: Further settings as TOML.
            extra_pnginfo: Texts that ComfyUI writes into saved pictures.
            **widgets: Values of the widgets.

        Raises:
            InceptionismError: If an input is not valid. The message is one sentence.
            InterruptProcessingException: If the user interrupts the workflow.
        """
        given = given_settings(inc.PhotoRecipe, widgets, settings, recipe)
        chosen = chosen_recipe(inc.PhotoRecipe, recipe, given, look)
        photos = photos_of(image)
        pictures: dict[str, list[Any]] = {
            "guide": [] if guide is None else photos_of(guide),
            "mask": [] if mask is None else masks_of(mask),
            "colors": [] if palette is None else photos_of(palette),
        }
        columns = [one_for_each(name, values, len(photos)) for name, values in pictures.items()]
        runs = (
            runs_of(chosen, given, dict(zip(pictures, row, strict=True)), network, photo=photo, look=look)[0][0]
            for photo, *row in zip(photos, *columns, strict=True)
        )
        results = make_pictures(runs, len(photos))
        return outputs_of(results, extra_pnginfo)
