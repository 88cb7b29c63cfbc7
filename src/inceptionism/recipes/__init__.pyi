from .camera import Matrix, Place, keyframe_position
from .expressions import Term, join_terms, parse_terms, quote_argument, weighted_text
from .film import Keyframe, VideoRecipe, ZoomRecipe, checked_keyframes, read_keyframes
from .layers import LayerChoice, LayerSetting, parse_layers
from .priors import PARAMETERIZATIONS, PRIOR_FORMS, parse_prior
from .provenance import MadeWith, Verdict, describe_photo
from .recipe import (
    DEVICES,
    MAX_SEED,
    PRECISIONS,
    PRESETS,
    ClassRecipe,
    PhotoRecipe,
    Recipe,
    readable_value,
    recipe_kinds,
)

__all__ = [
    "DEVICES",
    "MAX_SEED",
    "PARAMETERIZATIONS",
    "PRECISIONS",
    "PRESETS",
    "PRIOR_FORMS",
    "ClassRecipe",
    "Keyframe",
    "LayerChoice",
    "LayerSetting",
    "MadeWith",
    "Matrix",
    "PhotoRecipe",
    "Place",
    "Recipe",
    "Term",
    "Verdict",
    "VideoRecipe",
    "ZoomRecipe",
    "checked_keyframes",
    "describe_photo",
    "join_terms",
    "keyframe_position",
    "parse_layers",
    "parse_prior",
    "parse_terms",
    "quote_argument",
    "read_keyframes",
    "readable_value",
    "recipe_kinds",
    "weighted_text",
]
