"""The priors that exist: their names, arguments, descriptions and sources."""

from __future__ import annotations

from typing import NamedTuple

from inceptionism.validation import number_text


class PriorArgument(NamedTuple):
    """A number in the parentheses of a prior, written `name=NUMBER`.

    Attributes:
        name: Name of the argument.
        default: Value if the argument is not given.
        minimum: Smallest value that is allowed.
        maximum: Largest value that is allowed.
        help: Meaning of the argument, as a phrase without a period.
        unit: Unit of the value, in the plural; empty for a plain number.
        whole: Whether the value must be a whole number.
    """

    name: str
    default: float
    minimum: float
    maximum: float
    help: str
    unit: str = ""
    whole: bool = False

    @property
    def range(self) -> str:
        """Allowed range in words."""
        return f"{number_text(self.minimum)} to {number_text(self.maximum)}"


class PriorDefinition(NamedTuple):
    """Definition of a prior.

    Attributes:
        name: Name of the prior.
        help: Description of the prior in one or two sentences.
        source: Publications of the method, and differences from them; empty if there are no publications.
        arguments: Numbers that may be given in the parentheses.
        file: Kind of file that may be given in the parentheses; empty if there is none.
        strength: Meaning of the strength, the factor before the name; empty if the prior has no strength.
        max_strength: Largest strength that is allowed.
        is_parameterization: Whether the prior chooses the parameterization of the picture.
    """

    name: str
    help: str
    source: str = ""
    arguments: tuple[PriorArgument, ...] = ()
    file: str = ""
    strength: str = ""
    max_strength: float = 1e6
    is_parameterization: bool = False

    @property
    def form(self) -> str:
        """Form in which the prior is written, with the defaults of its arguments."""
        inside = [f"[{self.file.upper()}]"] if self.file else []
        inside += [f"{one.name}={one.default:g}" for one in self.arguments]
        factor = "STRENGTH*" if self.strength else ""
        return factor + self.name + (f"({', '.join(inside)})" if inside else "")


_VIEW_ARGUMENTS = (
    PriorArgument("rotation", 10.0, 0, 180, "Largest rotation to either side", "degrees"),
    PriorArgument("contrast", 0.5, 0, 1, "Largest relative change of the contrast"),
    PriorArgument("brightness", 0.15, 0, 1, "Largest change of the brightness, as a share of white"),
    PriorArgument("noise", 0.25, 0, 1, "Largest standard deviation of the noise, as a share of white"),
)
"""Arguments of both priors that choose what the network sees."""

_DEFINITIONS = (
    PriorDefinition(
        "fourier",
        "The Fourier spectrum is optimized, in decorrelated colors and with amplitudes that fall with the frequency. "
        "It begins with that of the given picture, or with noise.",
        source="Olah et al., 2017; the beginning with a picture is feature accentuation: Hamblin et al., 2024",
        arguments=(
            PriorArgument("decay", 1.5, 0, 4, "Exponent of the decrease: amplitudes are 1/frequency^decay"),
            PriorArgument("contrast", 1.2, 0, 20, "Factor of the contrast"),
            PriorArgument("saturation", 0.7, 0, 4, "Factor of the hues, relative to the lightness"),
        ),
        file="picture",
        is_parameterization=True,
    ),
    PriorDefinition(
        "phase",
        "Only the phases of the Fourier spectrum are optimized. The magnitudes fall with the frequency as in natural "
        "pictures, or they are the mean magnitudes of the given pictures.",
        source="MACO: Fel et al., 2023; the beginning with a picture is feature accentuation: Hamblin et al., 2024",
        arguments=(
            PriorArgument("start", 0, 0, 1, "1 to begin with the phases of the picture, not at random", whole=True),
        ),
        file="picture or folder",
        is_parameterization=True,
    ),
    PriorDefinition(
        "pixels",
        "The pixels are optimized. This is the default, and the only choice for a photograph.",
        source="Mordvintsev, Olah & Tyka, 2015",
        is_parameterization=True,
    ),
    PriorDefinition(
        "views",
        "The network sees a random view of the picture at each step: shifted, magnified, rotated, with other "
        "brightness and contrast, and with noise.",
        source="Olah et al., 2017; we added brightness, contrast, and noise that is weak in most views",
        arguments=(
            PriorArgument("shift", 0.18, 0, 1, "Largest shift, as a share of the picture's height and width"),
            PriorArgument("smallest", 0.7, 0.05, 16, "Smallest magnification"),
            PriorArgument("largest", 2.0, 0.05, 16, "Largest magnification"),
            *_VIEW_ARGUMENTS,
        ),
    ),
    PriorDefinition(
        "crops",
        "The network sees a random part of the picture at each step, at its own input size: the whole picture or less, "
        "rotated, with other brightness and contrast, and with noise. A large picture is made in several octaves, and "
        "has the same large forms as a small one.",
        source="random crops: Fel et al., 2023; octaves: Mordvintsev et al., 2015; this combination is ours",
        arguments=(
            PriorArgument("smallest", 0.5, 0.05, 4, "Side of the smallest part, as a share of the picture"),
            PriorArgument("largest", 1.1, 0.05, 4, "Side of the largest part, as a share of the picture"),
            *_VIEW_ARGUMENTS,
            PriorArgument(
                "count", 1, 1, 16, "Number of parts at each step, which the network sees in one batch", whole=True
            ),
        ),
    ),
    PriorDefinition(
        "laplacian",
        "The gradient is normalized so that coarse and fine details grow equally fast. With a decay, fine details grow "
        "more slowly, which makes large forms and smooth ground.",
        source="Mordvintsev, 2016; decay, coarsest, bilinear filters and the standard deviation as divisor are ours",
        arguments=(
            PriorArgument("levels", 4, 1, 12, "Number of scales finer than the coarsest one", whole=True),
            PriorArgument("decay", 0, -2, 4, "Exponent of the decrease: amplitudes are 1/frequency^decay"),
            PriorArgument("coarsest", 1, 0.01, 4, "Strength of the coarsest scale, which changes the brightness"),
        ),
    ),
    PriorDefinition(
        "decorrelate",
        "The gradient is changed so that colors vary as in natural pictures: mostly in lightness, less in hue. Smooth "
        "ground gets no colored fringes.",
        source="Olah et al., 2017; there, the parameters are decorrelated, and here the gradient",
        arguments=(PriorArgument("saturation", 1.5, 0, 4, "Factor of the hues, relative to the lightness"),),
    ),
    PriorDefinition(
        "skip",
        "The gradient through the branches of residual blocks is made smaller, so more of it takes the path that skips "
        "them. Other networks are surer of what the pictures show. A network without such blocks is not affected.",
        source="skip gradient method: Wu et al., 2020; there, for adversarial pictures",
        arguments=(PriorArgument("share", 0.7, 0, 1, "Factor of the gradient through each branch"),),
    ),
    PriorDefinition(
        "leak",
        "A part of the gradient passes ReLUs that are not active, and ReLU6s at their limit. Pictures show whole "
        "objects, which other networks recognize. A network with other activations is not affected.",
        source="linear backpropagation: Guo, Li & Chen, 2020; there, deep layers pass the whole gradient; Lucid's "
        "redirected ReLU gradients: Olah et al., 2017",
        arguments=(PriorArgument("share", 0.1, 0, 1, "Factor of the gradient that passes"),),
    ),
    PriorDefinition(
        "tv",
        "Total variation is penalized, which makes the picture smooth.",
        source="Rudin, Osher & Fatemi, 1992; Mahendran & Vedaldi, 2015",
        strength="relative to the objective's gradient, which is scaled to a mean absolute value of 1",
    ),
    PriorDefinition(
        "norm",
        "Colors far from gray are penalized.",
        source="Mahendran & Vedaldi, 2015",
        arguments=(PriorArgument("power", 6, 1, 32, "Exponent: a high one penalizes only colors near black or white"),),
        strength="relative to the objective's gradient, which is scaled to a mean absolute value of 1",
    ),
    PriorDefinition(
        "blur",
        "The picture is blurred after each step.",
        source="Yosinski et al., 2015; with fourier, we blur the picture before its sigmoid",
        strength="standard deviation of the blur in pixels",
        max_strength=100,
    ),
    PriorDefinition(
        "statistics",
        "The means and variances of the channels are kept close to those of natural pictures. The network's batch "
        "norms store these. For a network without batch norms, for a class, or for other pictures, "
        "`dream networks measure` makes a file.",
        source="DeepInversion: Yin et al., 2020; quantiles: VITAL: Gorgun, Schiele & Fischer, 2025; depth is ours",
        arguments=(
            PriorArgument(
                "quantiles", 0, 0, 1, "1 to match the sorted activations that were measured on photographs", whole=True
            ),
            PriorArgument(
                "depth",
                1,
                0,
                1,
                "Share of the layers, from the picture on, in which a variance below that of natural pictures is "
                "penalized, too",
            ),
        ),
        file="file",
        strength="in units of the score",
    ),
)

PRIORS = {definition.name: definition for definition in _DEFINITIONS}
"""Definitions of all priors by name."""

PARAMETERIZATIONS = tuple(name for name, definition in PRIORS.items() if definition.is_parameterization)
"""Names of the priors that choose the parameterization. A picture has one of these."""
