"""Objectives that score the activations of one layer: the whole layer, a channel, a neuron, a direction or a class.

layer("blocks.10") + 0.5 * channel("blocks.4", 17)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.objectives.objective import Activations, Objective, check_channel
from inceptionism.recipes import LayerChoice, Term, printed_name, quote_argument
from inceptionism.tensors import outside_inference
from inceptionism.validation import check_number

UNNAMED = "…"
"""Source of a direction that comes from no file."""

LEAST_COSINE = 0.1
"""Smallest cosine in the score of a direction. A picture whose activations have another direction still has a gradient.
"""


def layer(name: str, channel: int | None = None) -> Objective:
    """Half the squared L2 norm of a layer's activations (Mordvintsev et al., 2015).

    It amplifies whatever the layer detects.

    Args:
        name: Name of the layer.
        channel: Index of the only channel to score. None means all channels.

    Raises:
        InvalidSetting: If the layer has no such channel. This error is raised when the score is computed.
    """

    def score(activations: Activations) -> Tensor:
        values = activations[name] if channel is None else channel_activations(activations, name, channel)
        return 0.5 * values.square().reshape(len(values), -1).sum(1)

    return Objective(frozenset([name]), score, expression_text("layer", unit_name(name, channel)), repeatable=True)


def channel(name: str, index: int) -> Objective:
    """Mean activation of channel `index` of the layer `name` (Olah et al., Distill 2017).

    Raises:
        InvalidSetting: If the layer has no such channel. This error is raised when the score is computed.
    """

    def score(activations: Activations) -> Tensor:
        values = channel_activations(activations, name, index)
        return values.reshape(len(values), -1).mean(1)

    return Objective(frozenset([name]), score, expression_text("channel", unit_name(name, index)), repeatable=True)


def neuron(name: str, index: int, row: int | None = None, column: int | None = None) -> Objective:
    """Activation of one neuron: one channel at one position of the feature map (Erhan et al., 2009).

    Args:
        name: Name of the layer.
        index: Index of the channel.
        row: Row in the feature map. None means the middle row, H // 2, as in Lucid.
        column: Column in the feature map. None means the middle column, W // 2.

    Raises:
        InvalidSetting: If the layer has no such channel, row or column. This is raised when the score is computed.
    """

    def score(activations: Activations) -> Tensor:
        values = channel_activations(activations, name, index)
        if values.ndim == 1:
            return values
        position = []
        for axis, chosen, size in zip(("row", "column"), (row, column), values.shape[1:], strict=True):
            at = size // 2 if chosen is None else chosen
            if not 0 <= at < size:
                raise InvalidSetting(f"layer {name} has no {axis} {at}; its {axis}s are 0 to {size - 1}")
            position.append(at)
        return values[:, position[0], position[1]]

    chosen = [str(number) for number in (row, column) if number is not None]
    return Objective(
        frozenset([name]), score, expression_text("neuron", unit_name(name, index), *chosen), repeatable=True
    )


def direction(
    name: str, vector: Tensor, source: str = UNNAMED, *, row: int | None = None, cosine: float = 0.0
) -> Objective:
    """Mean of a layer's activations along a direction in channel space (Kim et al., 2018; Olah et al., 2018).

    The dot product of long activations can be large although they point elsewhere. So the dot product at each position
    can be multiplied by a power of the cosine of the angle to the direction. The cosine is at least `LEAST_COSINE`, as
    in Lucid, the library of Olah et al. (2018).

    Args:
        name: Name of the layer.
        vector: One number for each channel of the layer. The norm of the vector does not matter.
        source: Origin of the vector, for example the name of its file. It appears in the text of the objective. Without
            it, the objective exists only in Python.
        row: Row of the vector in a file with several directions. It only appears in the text of the objective.
        cosine: Power of the cosine, 0 or larger. With 0, the score is the mean dot product.

    Raises:
        InvalidSetting: If the vector is not one row of finite numbers, or is zero, or if the power is negative. Also if
            the layer does not have one channel for each number. This last error is raised when the score is computed.
    """
    check_number("cosine", cosine, minimum=0)
    vector = vector if vector.is_floating_point() else vector.float()
    length = vector.norm()
    if vector.ndim != 1 or not 0 < float(length) < math.inf:
        raise InvalidSetting(f"the direction {source} must be a row of finite numbers that are not all zero")
    unit_vector = vector / length

    def score(activations: Activations) -> Tensor:
        values = activations[name]
        if values.shape[1] != len(vector):
            raise InvalidSetting(
                f"the direction {source} has {len(vector)} numbers, but layer {name} has {values.shape[1]} channels; "
                "a direction needs one number for each channel"
            )
        products = torch.einsum("nc...,c->n...", values, outside_inference(unit_vector).to(values))
        if cosine:
            # Where all activations are zero, the cosine is zero and its gradient is finite.
            lengths = values.square().sum(1).clamp_min(torch.finfo(values.dtype).tiny).sqrt()
            products = products * (products / lengths).clamp_min(LEAST_COSINE) ** cosine
        return products.reshape(len(values), -1).mean(1)

    named = {} if row is None else {"row": str(row)}
    if cosine:
        named["cosine"] = f"{cosine:g}"
    text = str(Term("direction", (unit_name(name), source), named))
    return Objective(frozenset([name]), score, text, repeatable=source != UNNAMED)


def logit(index: int, against: int | str | None = None) -> Objective:
    """Logit of the class `index`.

    This is the logit and not the probability. The probability also grows when the other classes become less likely
    (Simonyan et al., 2013). Set `against` if the score should grow in that case, too. The comparisons are ours.

    Args:
        index: Index of the class.
        against: Index of another class, whose logit is subtracted. With "all", the score is the logarithm of the odds
            of the class. None means the logit alone.

    Raises:
        InvalidSetting: If `against` is a text other than "all", or if there is no such class. This last error is
            raised when the score is computed.
    """
    if isinstance(against, str) and against != "all":
        raise InvalidSetting(f'against must be the index of a class or "all", not {quote_value(against)}')

    def score(activations: Activations) -> Tensor:
        own = channel_activations(activations, "logits", index)
        if against is None:
            return own
        if against == "all":
            logits = activations["logits"].clone()
            logits[:, index] = -math.inf
            return own - logits.logsumexp(1)
        assert isinstance(against, int)
        return own - channel_activations(activations, "logits", against)

    named = [] if against is None else [f"against={against}"]
    return Objective(frozenset(["logits"]), score, f"logit({', '.join([str(index), *named])})", repeatable=True)


def diversity(name: str) -> Objective:
    """Difference between the pictures of a batch in the layer `name` (Olah et al., Distill 2017).

    The score of a picture is the negative cosine similarity between its Gram matrix and that of another picture,
    averaged over all other pictures. It is from -1 for equal Gram matrices to 0. Activations of zero are similar to
    none. Without positions, as for logits, the Gram matrix is that of a single position.

    Raises:
        InvalidSetting: If the batch has only one picture. This error is raised when the score is computed.
    """

    def score(activations: Activations) -> Tensor:
        values = positions_of(activations[name])
        if len(values) < 2:
            raise InvalidSetting(f"{text} compares several pictures of one batch; make at least 2, with count=2")
        grams = torch.einsum("ncp,ndp->ncd", values, values).flatten(1)
        similarities = torch.nn.functional.cosine_similarity(grams[:, None], grams[None], dim=2)
        # The similarity of a picture with itself is 1, or 0 if it has no activations.
        others = ~torch.eye(len(values), dtype=torch.bool, device=values.device)
        return -(similarities * others).sum(1) / (len(values) - 1)

    text = expression_text("diversity", unit_name(name))
    return Objective(frozenset([name]), score, text, compares_batch=True, repeatable=True)


def unit_name(name: str, channel: int | None = None) -> str:
    """Return the text for a layer, or for one of its channels: "blocks.4" or "blocks.4:17"."""
    return printed_name(name) if channel is None else f"{LayerChoice(name)}:{channel}"


def expression_text(name: str, *arguments: str) -> str:
    """Return the text of an objective with these arguments: "neuron(blocks.4:17, 3, 5)"."""
    return f"{name}({', '.join(map(quote_argument, arguments))})"


def channel_activations(activations: Activations, name: str, channel: int) -> Tensor:
    """Return the activations of one channel of the layer `name`: N×….

    Raises:
        InvalidSetting: If the layer has no such channel.
    """
    values = activations[name]
    check_channel(name, channel, values.shape[1])
    return values[:, channel]


def positions_of(values: Tensor) -> Tensor:
    """Return activations with their positions in one row: N×C×P for N×C×…. Logits have one position."""
    return values.flatten(2) if values.ndim > 2 else values[:, :, None]
