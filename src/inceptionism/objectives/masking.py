"""What is climbed where in a picture, and what is seen beside it: an objective, brought to one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inceptionism.io import Mask, Photo
from inceptionism.objectives.objective import Objective, Reference
from inceptionism.tensors import covering, fitting, resize, to_picture


@dataclass(frozen=True)
class MaskedObjective:
    """An objective, and where in the picture it counts.

    Attributes:
        objective: What is climbed.
        mask: 1×1×H×W, from 0 to 1: how much the picture moves there; none for everywhere alike.
    """

    objective: Objective
    mask: Tensor | None = None


def masked_objectives(objective: Objective, size: tuple[int, int], device: torch.device) -> list[MaskedObjective]:
    """Return the parts of an objective for a picture of this height and width."""
    return [
        MaskedObjective(one, None if one.mask is None else mask_tensor(one.mask, size, device))
        for one in objective.parts
    ]


def mask_tensor(mask: Mask, size: tuple[int, int], device: torch.device) -> Tensor:
    """Return a mask as 1×1×H×W in [0, 1], stretched to a height and width."""
    given = torch.from_numpy(mask.amount.copy()).to(device)[None, None].float().div_(255)
    return resize(given, size).clamp_(0, 1)


def masked_share(objective: Objective) -> float:
    """Return the share of the picture that an objective moves."""
    masks = [one.mask for one in objective.parts]
    if any(mask is None for mask in masks):
        return 1.0
    size = max(mask.amount.shape for mask in masks if mask is not None)
    given = [mask_tensor(mask, (size[0], size[1]), torch.device("cpu")) for mask in masks if mask is not None]
    return float(torch.cat(given).amax(0).mean())


def mask_gradient(picture: Tensor, mask: Tensor) -> Tensor:
    """Return the picture, whose gradient is times `mask` on its way back."""
    view: Tensor = _Confined.apply(picture, mask)  # type: ignore[no-untyped-call]
    return view


class _Confined(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, picture: Tensor, mask: Tensor) -> Tensor:
        ctx.mask = mask
        return picture.view_as(picture)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.mask, None


@dataclass(frozen=True)
class AlignedReferences:
    """The pictures that an objective compares with place by place, seen through the same transforms.

    Attributes:
        references: Which they are.
        pictures: 1×3K×H×W, in [0, 1]; none where there are none.
    """

    references: tuple[Reference, ...] = ()
    pictures: Tensor | None = None

    @classmethod
    def of(cls, objective: Objective, size: tuple[int, int], device: torch.device) -> AlignedReferences:
        """Return those of `objective` for a picture of this height and width, which they cover."""
        references = aligned_references(objective)
        if not references:
            return NO_REFERENCES
        pictures = [to_picture(covering(one.photo.pixels, size), device, size) for one in references]
        return cls(references, torch.cat(pictures, 1))

    def join(self, picture: Tensor) -> Tensor:
        """Return a picture and those beside it as channels of one, 1×(3+3K)×H×W."""
        return picture if self.pictures is None else torch.cat([picture, self.pictures], 1)

    def part(self, view: Tensor) -> Tensor:
        """Return what of a view is the picture itself."""
        return view if self.pictures is None else view[:, :3]


NO_REFERENCES = AlignedReferences()


def reference_tensor(photo: Photo, device: torch.device) -> Tensor:
    """Return a picture as it is seen that is compared with as a whole, 1×3×H×W in [0, 1].

    It has its own size; if that is more than half a megapixel, it is made smaller.
    """
    height, width = photo.pixels.shape[:2]
    return to_picture(photo.pixels, device, fitting((height, width), LARGEST_REFERENCE))


LARGEST_REFERENCE = 2**19
"""How many pixels a picture has at most that is compared with as a whole."""


def aligned_references(objective: Objective) -> tuple[Reference, ...]:
    """Return the pictures that `objective` compares with place by place."""
    return tuple(one for one in objective.references if one.aligned)
