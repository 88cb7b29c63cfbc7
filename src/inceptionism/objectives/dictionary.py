"""Dictionaries of features, and the activation of a feature.

A feature is a row of a dictionary: a direction in the space of a layer's channels. Sparse autoencoders and transcoders
also have an encoder, which computes how active each feature is at a position.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting
from inceptionism.objectives.activations import direction, expression_text, positions_of, unit_name
from inceptionism.objectives.objective import Activations, Objective
from inceptionism.tensors import outside_inference
from inceptionism.validation import check_integer

ACTIVATION_FUNCTIONS = ("relu", "topk", "jumprelu")
"""Functions that turn the output of a linear encoder into activations of features."""

NORMALIZATIONS = ("none", "layer_norm", "constant_norm_rescale")
"""Normalizations of a position's activations before the encoder, by their names in SAELens."""

MIN_NORM = 1e-5
"""Number that is added to a standard deviation before a division, as in SAELens, and the smallest norm."""

INACTIVE_SHARE = 0.1
"""Share of the gradient at positions where a feature is not active.

For ten features of a sparse autoencoder of GoogLeNet, pictures of 48 steps reached a mean activation of 119. It was 88
with a share of 0, 114 with a share of 1, and 96 along the directions of the decoder.
"""


@dataclass(frozen=True, eq=False)
class Encoder:
    """A linear encoder of F features from C channels, and its activation function.

    Attributes:
        weights: F×C.
        bias: F numbers.
        function: "relu"; "topk", which keeps the k largest features at a position (Gao et al., 2024); or "jumprelu",
            which keeps features above their thresholds (Rajamanoharan et al., 2024).
        k: Number of features that "topk" keeps.
        thresholds: F thresholds of "jumprelu".
        center: C numbers that are subtracted from the channels first. None means none.
        normalization: Normalization of each position before that: "none"; "layer_norm"; or "constant_norm_rescale",
            which makes the norm the square root of C.
    """

    weights: Tensor
    bias: Tensor
    function: str = "relu"
    k: int | None = None
    thresholds: Tensor | None = None
    center: Tensor | None = None
    normalization: str = "none"
    _copies: dict[tuple[torch.device, torch.dtype], tuple[Tensor, Tensor]] = field(
        default_factory=dict, init=False, repr=False
    )

    def matrices(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weights and the bias on the device of some activations and in their type. They are copied once."""
        key = values.device, values.dtype
        if key not in self._copies:
            with torch.inference_mode(False), torch.no_grad():
                weights, bias = (outside_inference(numbers).to(values) for numbers in (self.weights, self.bias))
            self._copies[key] = weights, bias
        return self._copies[key]

    def prepare(self, values: Tensor) -> Tensor:
        """Return activations, N×C×P, normalized and centered."""
        if self.normalization == "layer_norm":
            values = values - values.mean(1, keepdim=True)
            values = values / (values.std(1, keepdim=True) + MIN_NORM)
        elif self.normalization == "constant_norm_rescale":
            values = values * values.shape[1] ** 0.5 / values.norm(dim=1, keepdim=True).clamp_min(MIN_NORM)
        return values if self.center is None else values - outside_inference(self.center).to(values)[:, None]

    def outputs(self, prepared: Tensor) -> Tensor:
        """Return the outputs for all features before the activation function, N×F×P, of prepared activations, N×C×P."""
        weights, bias = self.matrices(prepared)
        return torch.einsum("ncp,fc->nfp", prepared, weights) + bias[:, None]

    def strengths(self, values: Tensor, row: int) -> tuple[Tensor, Tensor]:
        """Return the output of the encoder for a feature before the activation function, and where it is active.

        Args:
            values: Activations of the layer, N×C×P.
            row: Index of the feature.

        Returns:
            Both N×P. Where the feature is active, its activation is the output; elsewhere it is 0.
        """
        prepared = self.prepare(values)
        weights, bias = (outside_inference(numbers[row]).to(values) for numbers in (self.weights, self.bias))
        output = torch.einsum("ncp,c->np", prepared, weights) + bias
        active = output > 0
        if self.thresholds is not None:
            active &= output > self.thresholds[row].to(values)
        if self.k is not None:
            with torch.no_grad():
                active &= (self.outputs(prepared).topk(self.k, dim=1).indices == row).any(1)
        return output, active

    def all_strengths(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs of the encoder for all features, and where they are active: both N×F×P."""
        outputs = self.outputs(self.prepare(values))
        active = outputs > 0
        if self.thresholds is not None:
            active &= outputs > self.thresholds.to(values)[:, None]
        if self.k is not None:
            active &= torch.zeros_like(active).scatter(1, outputs.topk(self.k, dim=1).indices, True)
        return outputs, active


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Features of a layer with C channels.

    Attributes:
        directions: F×C, the direction of each feature in the layer that the features describe. Transcoders write to
            another layer than they read from; then it is None.
        encoder: Encoder of the features. None if there are only directions, as for NMF and PCA.
    """

    directions: Tensor | None
    encoder: Encoder | None = None

    @property
    def rows(self) -> Tensor:
        """The vectors of the features in the layer that is read, F×C: those of the encoder, if there is one."""
        if self.encoder is not None:
            return self.encoder.weights
        assert self.directions is not None
        return self.directions

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dead(self) -> list[int]:
        """Indices of the features without a direction: the dead features of sparse autoencoders can be all zero."""
        usable = self.rows.isfinite().all(1) & self.rows.any(1)
        dead: list[int] = (~usable).nonzero()[:, 0].tolist()
        return dead

    def mean_activations(self, values: Tensor) -> Tensor:
        """Return the mean activation of every feature over all positions, N×F.

        Args:
            values: Activations of the layer, N×C×….
        """
        flat = positions_of(values)
        if self.encoder is None:
            unit = torch.nn.functional.normalize(self.rows, dim=1).to(flat)
            return torch.einsum("ncp,fc->nfp", flat, unit).mean(2)
        outputs, active = self.encoder.all_strengths(flat)
        return torch.where(active, outputs, 0).mean(2)

    def direction(self, row: int, source: str) -> Tensor:
        """Return the direction of a feature: C numbers. `source` names the dictionary in messages.

        Raises:
            InvalidSetting: If there is no such feature, or if the features have no direction in the layer.
        """
        if self.directions is None:
            raise InvalidSetting(f"the features of {source} write to another layer than they read; use feature(...)")
        self.check_row(row, source)
        return self.directions[row]

    def check_row(self, row: int, source: str) -> None:
        """Raise `InvalidSetting` unless the dictionary, which is named `source`, has a feature `row`."""
        if not 0 <= row < len(self):
            raise InvalidSetting(f"{source} has no feature {row}; its features are 0 to {len(self) - 1}")

    def check(self, row: int, channels: int, layer: str, source: str) -> None:
        """Raise `InvalidSetting` unless the dictionary has a feature `row` that fits a layer with `channels`."""
        self.check_row(row, source)
        if self.rows.shape[1] != channels:
            raise InvalidSetting(
                f"the features of {source} have {self.rows.shape[1]} numbers, but layer {layer} has {channels} "
                "channels; use the layer whose activations the dictionary was fitted to"
            )
        numbers = [self.rows[row]]
        if self.encoder is not None:
            numbers.append(self.encoder.bias[row])
            numbers += [] if self.encoder.center is None else [self.encoder.center]
            numbers += [] if self.encoder.thresholds is None else [self.encoder.thresholds[row]]
        if not all(bool(part.isfinite().all()) for part in numbers) or not self.rows[row].any():
            raise InvalidSetting(f"feature {row} of {source} must have finite numbers that are not all zero")


def feature(name: str, dictionary: Dictionary, row: int, source: str = "…") -> Objective:
    """Mean activation of a feature of a dictionary, over all positions of a layer.

    With an encoder, it is the activation that the sparse autoencoder or transcoder computes (Bricken et al., 2023). We
    depart from its gradient in one place: where the feature is not active, the gradient would be 0, and a picture in
    which it is active nowhere could not be improved. There, the gradient of the encoder's output is used, times
    `INACTIVE_SHARE`. Without an encoder, the score is the mean activation along the direction of the feature.

    Args:
        name: Name of the layer that the dictionary was fitted to. For a transcoder, the layer that it reads.
        dictionary: The dictionary.
        row: Index of the feature.
        source: Origin of the dictionary, for example the name of its file. It appears in the text of the objective.

    Raises:
        InvalidSetting: If there is no such feature, if its numbers are not finite or all zero, or if the layer does not
            have one channel for each number. This last error is raised when the score is computed.
    """
    check_integer("the row of a feature", row)
    dictionary.check(row, dictionary.rows.shape[1], name, source)
    text = expression_text("feature", unit_name(name), source, str(row))
    encoder = dictionary.encoder
    if encoder is None:
        along = direction(name, dictionary.rows[row], source)
        return Objective(along.layers, along.score, text, repeatable=source != "…")

    def score(activations: Activations) -> Tensor:
        values = positions_of(activations[name])
        dictionary.check(row, values.shape[1], name, source)
        output, active = encoder.strengths(values, row)
        inactive = INACTIVE_SHARE * (output - output.detach())
        return torch.where(active, output, inactive).mean(1)

    return Objective(frozenset([name]), score, text, repeatable=source != "…")
