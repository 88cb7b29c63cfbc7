from . import sharing
from .contact_sheet import LabeledImage, contact_sheet
from .matroska_tags import convert_read_errors, matroska_tags, open_film
from .outputs import (
    FORMATS,
    check_output,
    check_side,
    claim_name,
    convert_write_errors,
    encode,
    flatten_alpha,
    free_name,
    partial_file,
    resolve_target,
    save_or_rescue,
    save_picture,
    shorten_name,
    write_atomically,
)
from .photos import Array, FileResolver, Mask, Photo, PhotoSource, file_name, load_mask, load_photo, read_recipe
from .recipes import TOML_ENDING, load_recipe
from .score_plot import ScorePlot
from .xmp import write_packet
from .xmp_containers import put_packet

__all__ = [
    "FORMATS",
    "TOML_ENDING",
    "Array",
    "FileResolver",
    "LabeledImage",
    "Mask",
    "Photo",
    "PhotoSource",
    "ScorePlot",
    "check_output",
    "check_side",
    "claim_name",
    "contact_sheet",
    "convert_read_errors",
    "convert_write_errors",
    "encode",
    "file_name",
    "flatten_alpha",
    "free_name",
    "load_mask",
    "load_photo",
    "load_recipe",
    "matroska_tags",
    "open_film",
    "partial_file",
    "put_packet",
    "read_recipe",
    "resolve_target",
    "save_or_rescue",
    "save_picture",
    "sharing",
    "shorten_name",
    "write_atomically",
    "write_packet",
]
