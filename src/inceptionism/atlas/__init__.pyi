from .channels import ChannelAtlas
from .feature_defaults import LEARNED_FEATURES, PLACES_PER_PHOTO
from .features import learn_features
from .layers import layer_runs, layer_sheet
from .photo_index import OnPhoto, listed_photos
from .picture_folder import PictureFolder

__all__ = [
    "LEARNED_FEATURES",
    "PLACES_PER_PHOTO",
    "ChannelAtlas",
    "OnPhoto",
    "PictureFolder",
    "layer_runs",
    "layer_sheet",
    "learn_features",
    "listed_photos",
]
