"""Masks and aligned references: the parts of an objective that have the size of the optimized picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inceptionism.io import Mask, Photo
from inceptionism.networks import Network
from inceptionism.objectives.objective import Objective, Reference
from inceptionism.objectives.photo_channels import seen_picture, seen_pixels
from inceptionism.seamless import fade_edges, seamless_pixels
from inceptionism.tensors import NO_WRAP, Wrap, center_crop, limit_area, resize, to_picture

MAX_REFERENCE_PIXELS = 2**19
"""Largest area, in pixels, of a reference that is compared as a whole."""


@dataclass(frozen=True)
class MaskedObjective:
    """An objective and the part of the picture that it may change.

    Attributes:
        objective: Objective that is maximized.
        mask: Weights of the gradient, 1×1×H×W in [0, 1]. None means 1 everywhere.
    """

    objective: Objective
    mask: Tensor | None = None


def masked_objectives(
    objective: Objective, size: tuple[int, int], device: torch.device, wrap: Wrap = NO_WRAP
) -> list[MaskedObjective]:
    """Split an objective by its masks, for a picture of this height and width that wraps around in directions."""
    return [
        MaskedObjective(part, None if part.mask is None else mask_tensor(part.mask, size, device, wrap))
        for part in objective.by_mask
    ]


def mask_tensor(mask: Mask, size: tuple[int, int], device: torch.device, wrap: Wrap = NO_WRAP) -> Tensor:
    """Return a mask as 1×1×H×W in [0, 1], stretched to a height and width.

    In the directions in which the picture wraps around, opposite edges of the mask are faded into each other.
    """
    amount = torch.from_numpy(mask.amount.copy()).to(device)[None, None].float().div_(255)
    return resize(fade_edges(amount, wrap), size, wrap).clamp_(0, 1)


def masked_share(objective: Objective) -> float:
    """Return the share of the picture that an objective may change, from 0 to 1."""
    masks = [part.mask for part in objective.by_mask]
    if any(mask is None for mask in masks):
        return 1.0
    height, width = max((mask.amount.shape for mask in masks if mask is not None), key=math.prod)
    amounts = [mask_tensor(mask, (height, width), torch.device("cpu")) for mask in masks if mask is not None]
    return float(torch.cat(amounts).amax(0).mean())


def mask_gradient(picture: Tensor, mask: Tensor) -> Tensor:
    """Return the picture unchanged. The backward pass multiplies its gradient by `mask`."""
    view: Tensor = _MaskedGradient.apply(picture, mask)  # type: ignore[no-untyped-call]
    return view


class _MaskedGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, picture: Tensor, mask: Tensor) -> Tensor:
        ctx.mask = mask
        return picture.view_as(picture)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.mask, None


@dataclass(frozen=True)
class AlignedReferences:
    """The references that an objective compares with the picture position by position.

    They pass through the same transforms as the picture, so that positions stay aligned.

    Attributes:
        references: The K references.
        pictures: Their pixels, 1×(K C)×H×W in [0, 1]. None if there are no references.
    """

    references: tuple[Reference, ...] = ()
    pictures: Tensor | None = None

    @classmethod
    def of(
        cls, objective: Objective, size: tuple[int, int], network: Network, wrap: Wrap = NO_WRAP
    ) -> AlignedReferences:
        """Return the aligned references of `objective`, cropped and resized to this height and width.

        In the directions in which the picture wraps around, their opposite edges are made to meet.

        Raises:
            InvalidSetting: If the network sees a channel that a reference does not have.
        """
        references = aligned_references(objective)
        if not references:
            return NO_REFERENCES
        crops = [
            seamless_pixels(center_crop(seen_pixels(reference.photo, network), size), wrap) for reference in references
        ]
        pictures = [to_picture(crop, network.device, size, wrap) for crop in crops]
        own = [
            seen_picture(reference.photo, picture, network)
            for reference, picture in zip(references, pictures, strict=True)
        ]
        return cls(references, torch.cat(own, 1))

    def join(self, picture: Tensor) -> Tensor:
        """Return the picture and the references, concatenated along the channels: 1×(C + K C)×H×W."""
        return picture if self.pictures is None else torch.cat([picture, self.pictures], 1)

    def picture_channels(self, view: Tensor) -> Tensor:
        """Return the picture's own channels of a view."""
        return view if self.pictures is None else view[:, : self.pictures.shape[1] // len(self.references)]


NO_REFERENCES = AlignedReferences()


def reference_tensor(photo: Photo, network: Network) -> Tensor:
    """Return a reference that is compared as a whole, with the channels of a network: 1×C×H×W in [0, 1].

    It keeps its own size, but a picture of more than half a megapixel is made smaller.

    Raises:
        InvalidSetting: If the network sees a channel that the photograph does not have.
    """
    height, width = photo.pixels.shape[:2]
    picture = to_picture(seen_pixels(photo, network), network.device, limit_area((height, width), MAX_REFERENCE_PIXELS))
    return seen_picture(photo, picture, network)


def aligned_references(objective: Objective) -> tuple[Reference, ...]:
    """Return the references that `objective` compares with the picture position by position."""
    return tuple(reference for reference in objective.references if reference.aligned)
