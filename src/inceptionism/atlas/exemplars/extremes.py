"""The largest values of each channel over any number of pictures, and the places of these values."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

NO_PHOTO = -1
"""Number in place of a photograph, for channels that have fewer values than there is space for."""


@dataclass
class Extremes:
    """The largest value of each channel in each of several pictures, sorted from large to small.

    A picture occurs only once for each channel, at the position of its largest value. So the pictures differ.

    Attributes:
        values: The values, channels × count. Negative infinity where there is no picture yet.
        photos: Number of the picture of each value.
        rows: Row of each value in the feature map.
        columns: Column of each value in the feature map.
    """

    values: Tensor
    photos: Tensor
    rows: Tensor
    columns: Tensor

    @classmethod
    def empty(cls, channels: int, count: int) -> Extremes:
        """Return extremes with space for `count` values of each channel."""
        missing = torch.full((channels, count), NO_PHOTO)
        return cls(torch.full((channels, count), -torch.inf), missing, missing.clone(), missing.clone())

    def add(self, activations: Tensor, photo: int) -> None:
        """Add the feature map of a picture, C×H×W, if its values are large enough. NaN is left out."""
        values, positions = torch.nan_to_num(activations, nan=-torch.inf).flatten(1).max(1)
        # After many pictures, few channels have a new extreme.
        changed = (values > self.values[:, -1]).nonzero().flatten()
        if not len(changed):
            return
        values, positions = values[changed], positions[changed]
        width = activations.shape[2]
        news = values, torch.full_like(positions, photo), positions // width, positions % width
        olds = self.values, self.photos, self.rows, self.columns
        joined = [torch.cat([old[changed], new[:, None].to(old)], 1) for old, new in zip(olds, news, strict=True)]
        order = joined[0].argsort(stable=True, dim=1, descending=True)[:, : self.values.shape[1]]
        for old, one in zip(olds, joined, strict=True):
            old[changed] = one.gather(1, order)
