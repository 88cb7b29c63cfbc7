from .ascent import AscentState, NormalizedAscent, ascend
from .gradients import GradientEvaluator
from .initialization import Initialization, initialize, natural_noise
from .parameterizations import Parameterization, Pixels
from .priors import Constraints, available_prior, constraints
from .transforms import Transform, circular_shift

__all__ = [
    "AscentState",
    "Constraints",
    "GradientEvaluator",
    "Initialization",
    "NormalizedAscent",
    "Parameterization",
    "Pixels",
    "Transform",
    "ascend",
    "available_prior",
    "circular_shift",
    "constraints",
    "initialize",
    "natural_noise",
]
