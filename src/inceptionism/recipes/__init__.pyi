from .camera import Matrix, Place, keyframe_position
from .changes import RESET_BY, reset_settings, variation
from .expressions import Term, join_terms, parse_terms, quote_argument, weighted_text
from .film import FilmRecipe, VideoRecipe, ZoomRecipe
from .keyframes import Keyframe, checked_keyframes, read_keyframes
from .keywords import grouped_settings, takes_settings
from .layers import LayerChoice, LayerSetting, choose_unit, parse_layers, printed_name
from .looks import LOOK_HELP, Look, find_look, list_looks, user_folder, with_look
from .named_files import file_settings, placed_files, possible_files, rename_files
from .photo import MAX_OCTAVES, SMALLEST_OCTAVE, PhotoRecipe
from .prior_definitions import PARAMETERIZATIONS, PriorDefinition
from .priors import begins_with_picture, parse_prior, prior_numbers, prior_reference
from .provenance import MadeWith, Verdict, describe_photo
from .reactions import Reaction
from .recipe import (
    DEVICES,
    DREAM,
    KEEP,
    MAX_SEED,
    PRECISIONS,
    Recipe,
    readable_value,
    recipe_kinds,
)
from .settings import GROUPS, NONE, NamedSetting, settings_of
from .texts import parse_channels, parse_number, parse_place, parse_side_or_size, parse_size, value_of_text
from .visualization import DEFAULT_SIZE, MAX_TOGETHER, PRESETS, SUBJECTS, ClassRecipe

__all__ = [
    "DEFAULT_SIZE",
    "DEVICES",
    "DREAM",
    "GROUPS",
    "KEEP",
    "LOOK_HELP",
    "MAX_OCTAVES",
    "MAX_SEED",
    "MAX_TOGETHER",
    "NONE",
    "PARAMETERIZATIONS",
    "PRECISIONS",
    "PRESETS",
    "RESET_BY",
    "SMALLEST_OCTAVE",
    "SUBJECTS",
    "ClassRecipe",
    "FilmRecipe",
    "Keyframe",
    "LayerChoice",
    "LayerSetting",
    "Look",
    "MadeWith",
    "Matrix",
    "NamedSetting",
    "PhotoRecipe",
    "Place",
    "PriorDefinition",
    "Reaction",
    "Recipe",
    "Term",
    "Verdict",
    "VideoRecipe",
    "ZoomRecipe",
    "begins_with_picture",
    "checked_keyframes",
    "choose_unit",
    "describe_photo",
    "file_settings",
    "find_look",
    "grouped_settings",
    "join_terms",
    "keyframe_position",
    "list_looks",
    "parse_channels",
    "parse_layers",
    "parse_number",
    "parse_place",
    "parse_prior",
    "parse_side_or_size",
    "parse_size",
    "parse_terms",
    "placed_files",
    "possible_files",
    "printed_name",
    "prior_numbers",
    "prior_reference",
    "quote_argument",
    "read_keyframes",
    "readable_value",
    "recipe_kinds",
    "rename_files",
    "reset_settings",
    "settings_of",
    "takes_settings",
    "user_folder",
    "value_of_text",
    "variation",
    "weighted_text",
    "with_look",
]
