from .ascent import AscentState, ascend
from .crops import CropSizes
from .gradients import GradientEvaluator
from .importance import Importance
from .initialization import Initialization, hash_sources, initialize, natural_noise, natural_size
from .optimizers import NormalizedAscent
from .parameterizations import FAINT_STD, Parameterization, Pixels
from .prior_functions import NO_FUNCTIONS, PictureScore, PriorFunctions
from .priors import Prior, build_prior, suitable_prior
from .transforms import Transform, circular_shift

__all__ = [
    "FAINT_STD",
    "NO_FUNCTIONS",
    "AscentState",
    "CropSizes",
    "GradientEvaluator",
    "Importance",
    "Initialization",
    "NormalizedAscent",
    "Parameterization",
    "PictureScore",
    "Pixels",
    "Prior",
    "PriorFunctions",
    "Transform",
    "ascend",
    "build_prior",
    "circular_shift",
    "hash_sources",
    "initialize",
    "natural_noise",
    "natural_size",
    "suitable_prior",
]
