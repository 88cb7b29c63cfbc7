from .color_spaces import SRGB_CURVE
from .contact_sheet import LabeledImage, contact_sheet
from .deep_images import MAX_VALUES, DeepImage, to_levels
from .encoding import FORMATS, check_depth, check_side, encode, flatten_alpha
from .exif import PILLOW_ERRORS
from .folders import picture_paths
from .formats import PICTURE_ENDINGS, open_image
from .masks import Mask, load_mask
from .matroska_tags import convert_read_errors, create_film, matroska_tags, open_film
from .native_pixels import NativePixels
from .npy import NUMPY_ERRORS
from .optional_formats import check_writable
from .outputs import (
    check_output,
    convert_write_errors,
    create_folder,
    create_folders,
    free_name,
    publish,
    rescue_picture,
    resolve_target,
    save_or_rescue,
    save_picture,
    shorten_name,
    write_atomically,
)
from .photos import (
    Array,
    FileResolver,
    Photo,
    PhotoSource,
    convert_decoding_errors,
    last_path_part,
    load_photo,
)
from .pixel_recipes import PIXEL_RECIPES, hash_pixels
from .public_names import without_folders
from .recipes import TOML_ENDING, load_recipe, read_recipe
from .score_plot import ScorePlot
from .sharing import (
    alternative_text,
    caption,
    encode_copy,
    encode_loop,
    resize_photo,
    side_by_side,
)
from .sources import STANDARD_STREAM, is_address, named_source, source_name
from .temporary import delete_abandoned, partial_file, temporary_folder
from .xmp import write_packet
from .xmp_containers import put_packet

__all__ = [
    "FORMATS",
    "MAX_VALUES",
    "NUMPY_ERRORS",
    "PICTURE_ENDINGS",
    "PILLOW_ERRORS",
    "PIXEL_RECIPES",
    "SRGB_CURVE",
    "STANDARD_STREAM",
    "TOML_ENDING",
    "Array",
    "DeepImage",
    "FileResolver",
    "LabeledImage",
    "Mask",
    "NativePixels",
    "Photo",
    "PhotoSource",
    "ScorePlot",
    "alternative_text",
    "caption",
    "check_depth",
    "check_output",
    "check_side",
    "check_writable",
    "contact_sheet",
    "convert_decoding_errors",
    "convert_read_errors",
    "convert_write_errors",
    "create_film",
    "create_folder",
    "create_folders",
    "delete_abandoned",
    "encode",
    "encode_copy",
    "encode_loop",
    "flatten_alpha",
    "free_name",
    "hash_pixels",
    "is_address",
    "last_path_part",
    "load_mask",
    "load_photo",
    "load_recipe",
    "matroska_tags",
    "named_source",
    "open_film",
    "open_image",
    "partial_file",
    "picture_paths",
    "publish",
    "put_packet",
    "read_recipe",
    "rescue_picture",
    "resize_photo",
    "resolve_target",
    "save_or_rescue",
    "save_picture",
    "shorten_name",
    "side_by_side",
    "source_name",
    "temporary_folder",
    "to_levels",
    "without_folders",
    "write_atomically",
    "write_packet",
]
