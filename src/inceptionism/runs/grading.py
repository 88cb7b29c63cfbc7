"""Grading: the strength of a dream on its photograph, and the colors and the contrast of the result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from inceptionism.io import FileResolver, Photo, named_source
from inceptionism.objectives import load_named_photo
from inceptionism.recipes import DREAM, KEEP, PhotoRecipe, Recipe
from inceptionism.runs.oklab import from_oklab, to_oklab
from inceptionism.tensors import to_picture

BAND_PIXELS = 2**20
"""Number of pixels that are graded at a time, because Oklab values need several copies of a picture."""

MIN_VARIANCE = 1e-8
"""Smallest variance of a color that is divided by, in Oklab values. A gray picture has a variance of 0."""


@dataclass(frozen=True)
class Palette:
    """The colors of a picture in short.

    Attributes:
        mean: Mean Oklab values: 3 numbers, float64.
        covariance: Covariance of the Oklab values: 3×3, float64.
    """

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, picture: Tensor) -> Palette:
        """Return the palette of a 1×3×H×W picture in [0, 1]."""
        total, products = torch.zeros(3, dtype=torch.float64), torch.zeros(3, 3, dtype=torch.float64)
        for band in bands(picture):
            values = to_oklab(picture[:, :, band])[0].flatten(1).cpu().double()
            total += values.sum(1)
            products += values @ values.T
        count = picture.shape[-2] * picture.shape[-1]
        mean = total / count
        return cls(mean, products / count - torch.outer(mean, mean))


@dataclass(frozen=True)
class Grading:
    """The settings of a recipe that change a picture after the dream.

    Attributes:
        strength: Share of the change by the dream that stays, from 0 to 1.
        keeps_colors: Whether only the lightness is dreamed.
        palette: Colors that the result gets. None means its own.
        contrast: Factor of the contrast in lightness.
        saturation: Factor of the distance of colors from gray.
        pictures: SHA-256 of the picture that the palette is from, by its name in the recipe.
    """

    strength: float = 1.0
    keeps_colors: bool = False
    palette: Palette | None = None
    contrast: float = 1.0
    saturation: float = 1.0
    pictures: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, recipe: Recipe, colors: Photo | None = None, find_file: FileResolver = named_source) -> Grading:
        """Return the grading of a recipe.

        Args:
            recipe: Settings of a picture or a film.
            colors: Picture whose colors the result gets, in place of the one that the recipe names.
            find_file: Function that finds the file that the recipe names.

        Raises:
            UnreadablePicture: If the picture cannot be read, or has channels that are not colors.
        """
        if colors is None and recipe.colors not in (KEEP, DREAM):
            colors = load_named_photo(recipe.colors, find_file)
        return cls(
            recipe.strength if isinstance(recipe, PhotoRecipe) else 1.0,
            recipe.colors == KEEP,
            None if colors is None else Palette.of(to_picture(colors.rgb(), torch.device("cpu"))),
            recipe.contrast,
            recipe.saturation,
            () if colors is None or colors.sha256 is None else ((recipe.colors, colors.sha256),),
        )

    @property
    def blends(self) -> bool:
        """Whether `blend` changes a picture."""
        return self.strength != 1 or self.keeps_colors

    def blend(self, photo: Tensor, dream: Tensor) -> Tensor:
        """Return the dream on the photograph, with the strength of this grading, 1×3×H×W in [0, 1].

        If the colors of the photograph are kept, the result has its two hues and the lightness of the dream (in Oklab).

        Args:
            photo: 1×3×H×W in [0, 1].
            dream: The dreamed photograph, 1×3×H×W in [0, 1]. It is returned if this grading does not change it.
        """
        if not self.blends:
            return dream
        result = torch.empty_like(dream)
        for band in bands(photo):
            before = photo[:, :, band].clamp(0, 1)
            after = before.lerp(dream[:, :, band].clamp(0, 1), self.strength)
            if self.keeps_colors:
                values = to_oklab(before)
                values[:, :1] = to_oklab(after)[:, :1]
                after = from_oklab(values)
            result[:, :, band] = after
        return result

    def tone(self, picture: Tensor) -> Tensor:
        """Return a picture with the colors, the contrast and the saturation of this grading.

        Args:
            picture: 1×3×H×W in [0, 1]. It is returned if this grading does not change it.
        """
        if self.palette is None and self.contrast == 1 and self.saturation == 1:
            return picture
        result = torch.empty_like(picture)
        own = Palette.of(picture)
        matrix, shift = torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
        lightness = own.mean[0].item()
        if self.palette is not None:
            matrix = transfer_matrix(own, self.palette)
            shift = self.palette.mean - matrix @ own.mean
            lightness = self.palette.mean[0].item()
        for band in bands(picture):
            values = to_oklab(picture[:, :, band])
            if self.palette is not None:
                values = torch.einsum("rs,nshw->nrhw", matrix.to(values), values) + shift.to(values)[:, None, None]
            values[:, 0] = contrasted(values[:, 0].clamp(0, 1), lightness, self.contrast)
            values[:, 1:] *= self.saturation
            result[:, :, band] = from_oklab(values)
        return result


def contrasted(lightness: Tensor, middle: float, contrast: float) -> Tensor:
    """Return lightness values in [0, 1] whose differences near the middle are `contrast` times as large.

    A contrast above 1 follows a curve from black over the middle to white, so nothing becomes quite black or white.
    """
    if contrast <= 1:
        return middle + contrast * (lightness - middle)
    middle = min(max(middle, 0.01), 0.99)
    dark = middle * (lightness / middle) ** contrast
    light = 1 - (1 - middle) * ((1 - lightness) / (1 - middle)) ** contrast
    return torch.where(lightness < middle, dark, light)


def transfer_matrix(own: Palette, wanted: Palette) -> Tensor:
    """Return the matrix of the Monge–Kantorovich transfer, 3×3 float64 (Pitié & Kokaram, 2007).

    Among the linear maps from the covariance of one picture to that of another, it moves the colors least.
    """
    root, inverse = square_root(own.covariance)
    middle = square_root(root @ wanted.covariance @ root)[0]
    return inverse @ middle @ inverse


def square_root(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Return the square root of a covariance matrix, and the inverse of the root."""
    variances, axes = torch.linalg.eigh(covariance)
    deviations = variances.clamp_min(MIN_VARIANCE).sqrt()
    return axes @ torch.diag(deviations) @ axes.T, axes @ torch.diag(1 / deviations) @ axes.T


def bands(picture: Tensor) -> Iterator[slice]:
    """Return slices of rows that cover an N×C×H×W picture, each with at most about `BAND_PIXELS` pixels."""
    height, width = picture.shape[-2:]
    rows = max(1, BAND_PIXELS // width)
    return (slice(top, top + rows) for top in range(0, height, rows))
