"""Objectives that compare a layer's activations for the picture with its activations for a reference picture."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from inceptionism.io import Photo
from inceptionism.objectives.activations import expression_text, positions_of, unit_name
from inceptionism.objectives.objective import Activations, Objective, Reference

MAX_PRODUCTS = 2**22
"""Largest number of a guide's dot products that are in memory at once."""

MIN_DIVISOR = 1e-12
"""Smallest sum of squares that a score is divided by."""


def guide(name: str, picture: Photo, *, cosine: bool = False) -> Objective:
    """Sum over all positions of the dot product with the guide's best match (Mordvintsev et al., 2015).

    The best match of a position is the activation vector, anywhere in the guide, with the largest dot product. The 2015
    notebook has only a gradient: it moves the activations toward their best matches. This sum is the score with that
    gradient. The comparison by the angle is ours.

    Args:
        name: Name of the layer.
        picture: The guide. The network sees it at its own size, or at half a megapixel if it is larger.
        cosine: Whether activation vectors are compared by their angle only, and not also by their length.
    """
    reference = Reference(picture, aligned=False)

    def score(activations: Activations) -> Tensor:
        values, candidates = positions_of(activations[name]), positions_of(activations[name, reference])[0]
        if cosine:
            values, candidates = F.normalize(values, dim=1), F.normalize(candidates, dim=0)
        positions = max(1, MAX_PRODUCTS // candidates.shape[1])
        with torch.no_grad():
            best = [(candidates.T @ chunk).argmax(1) for chunk in torch.split(values, positions, dim=2)]
        matches = candidates.T[torch.cat(best, 1)]  # N×positions×C
        return torch.einsum("ncp,npc->n", values, matches)

    return comparison("guide", name, reference, score, *(["cosine"] if cosine else []))


def inversion(name: str, picture: Photo) -> Objective:
    """Minus the squared distance between a layer's activations for the optimized picture and for a reference.

    The distance is relative: it is divided by the squared norm of the reference's activations. Maximizing the score
    reconstructs the reference from its activations, which shows how much of it the layer encodes (Mahendran & Vedaldi,
    2015).

    Args:
        name: Name of the layer.
        picture: The reference. It is cropped and resized to the size of the optimized picture.
    """
    reference = Reference(picture, aligned=True)

    def score(activations: Activations) -> Tensor:
        values, target = activations[name], activations[name, reference]
        return -sum_of_squares(values - target) / sum_of_squares(target).clamp_min(MIN_DIVISOR)

    return comparison("inversion", name, reference, score)


def caricature(name: str, picture: Photo) -> Objective:
    """Dot product with the activations of a reference, scaled to a norm of 1, times the cosine similarity.

    Maximizing the score exaggerates whatever the layer detects in the reference (Olah et al., Distill 2018). There are
    two departures from the code of the article: dissimilar activations have a weight of 0 here, and of 0.1 there; and
    the cosine is divided by both norms, and there by only one of them.

    Args:
        name: Name of the layer.
        picture: The reference. It is cropped and resized to the size of the optimized picture.
    """
    reference = Reference(picture, aligned=True)

    def score(activations: Activations) -> Tensor:
        values, target = activations[name].flatten(1), activations[name, reference].flatten(1)
        cosine = F.cosine_similarity(values, target, dim=1).clamp_min(0)
        return (values * target).sum(1) / sum_of_squares(target).clamp_min(MIN_DIVISOR).sqrt() * cosine

    return comparison("caricature", name, reference, score)


def style(name: str, picture: Photo) -> Objective:
    """Minus the squared distance between the Gram matrices of the optimized picture and of a reference.

    The distance is divided by the squared norm of the reference's Gram matrix. A Gram matrix records which channels
    respond together, but not where in the picture they respond (Gatys et al., 2015).

    Args:
        name: Name of the layer.
        picture: The reference. The network sees it at its own size, or at half a megapixel if it is larger.
    """
    reference = Reference(picture, aligned=False)

    def score(activations: Activations) -> Tensor:
        values, target = gram_matrix(activations[name]), gram_matrix(activations[name, reference])
        return -sum_of_squares(values - target) / sum_of_squares(target).clamp_min(MIN_DIVISOR)

    return comparison("style", name, reference, score)


def comparison(
    kind: str, name: str, reference: Reference, score: Callable[[Activations], Tensor], *options: str
) -> Objective:
    """Return an objective that compares the picture with a reference in a layer.

    Args:
        kind: Name of the objective in texts.
        name: Name of the layer.
        reference: The reference.
        score: Function that returns the scores.
        options: Further arguments in the text of the objective.
    """
    text = expression_text(kind, unit_name(name), reference.photo.title, *options)
    return Objective(frozenset([name]), score, text, (reference,), repeatable=True)


def gram_matrix(values: Tensor) -> Tensor:
    """Return the mean products of all pairs of channels: N×C×C for activations N×C×…."""
    flat = positions_of(values)
    return torch.einsum("ncp,ndp->ncd", flat, flat) / flat.shape[2]


def sum_of_squares(values: Tensor) -> Tensor:
    """Return the sum of squares of each item of a batch: N numbers for N×…."""
    return values.square().flatten(1).sum(1)
