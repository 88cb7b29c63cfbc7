"""Objectives that compare what a layer sees in the picture with what it sees in another one."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from inceptionism.io import Photo
from inceptionism.objectives.activations import written
from inceptionism.objectives.objective import Activations, Objective, Reference

MOST_PRODUCTS = 2**22
"""How many dot products of a guide are there at once."""


def guide(name: str, picture: Photo, *, cosine: bool = False) -> Objective:
    """At each place, the dot product with what matches it best anywhere in the guide (Mordvintsev et al., 2015).

    The notebook has only the gradient of this: there, the activations move toward their best matches. The sum over
    all places is the score that has it.

    Args:
        name: The layer.
        picture: The guide; seen at its own size.
        cosine: Whether activations are compared by the angle between them, and not also by their size.
    """
    reference = Reference(picture, aligned=False)

    def score(activations: Activations) -> Tensor:
        seen = activations[name].flatten(2)
        known = activations[name, reference].flatten(2)[0]
        if cosine:
            seen, known = F.normalize(seen, dim=1), F.normalize(known, dim=0)
        places = max(1, MOST_PRODUCTS // known.shape[1])
        with torch.no_grad():
            best = [(known.T @ some).argmax(1) for some in torch.split(seen, places, dim=2)]
        matches = known.T[torch.cat(best, 1)]  # N×places×C
        return torch.einsum("ncp,npc->n", seen, matches)

    how = ["cosine"] if cosine else []
    return Objective(frozenset([name]), score, written("guide", name, titled(picture), *how), (reference,))


def inversion(name: str, picture: Photo) -> Objective:
    """Minus the squared distance of a layer's activations from another picture's, over the squared norm of these.

    What the layer knows of a picture shows in what can be made again from its activations (Mahendran & Vedaldi, 2015).
    """
    reference = Reference(picture, aligned=True)

    def score(activations: Activations) -> Tensor:
        seen, known = activations[name], activations[name, reference]
        return -summed_squares(seen - known) / summed_squares(known).clamp_min(TINY)

    return Objective(frozenset([name]), score, written("inversion", name, titled(picture)), (reference,))


def caricature(name: str, picture: Photo) -> Objective:
    """The dot product with another picture's activations times their cosine: what is there, exaggerated.

    The method is that of Olah et al. (Distill 2018); places that are unlike count for a tenth there, for nothing here.
    """
    reference = Reference(picture, aligned=True)

    def score(activations: Activations) -> Tensor:
        seen, known = activations[name].flatten(1), activations[name, reference].flatten(1)
        cosine = F.cosine_similarity(seen, known, dim=1).clamp_min(0)
        return (seen * known).sum(1) / summed_squares(known).clamp_min(TINY).sqrt() * cosine

    return Objective(frozenset([name]), score, written("caricature", name, titled(picture)), (reference,))


def style(name: str, picture: Photo) -> Objective:
    """Minus the squared distance between Gram matrices, over the squared norm of the picture's (Gatys et al., 2015).

    They hold which channels respond together, wherever that is.
    """
    reference = Reference(picture, aligned=False)

    def score(activations: Activations) -> Tensor:
        seen, known = gram(activations[name]), gram(activations[name, reference])
        return -summed_squares(seen - known) / summed_squares(known).clamp_min(TINY)

    return Objective(frozenset([name]), score, written("style", name, titled(picture)), (reference,))


TINY = 1e-12
"""What a sum of squares is at least, where it divides."""


def gram(seen: Tensor) -> Tensor:
    """Return the mean products of the channels of N×C×…, N×C×C."""
    flat = seen.flatten(2) if seen.ndim > 2 else seen[:, :, None]
    return torch.einsum("ncp,ndp->ncd", flat, flat) / flat.shape[2]


def summed_squares(values: Tensor) -> Tensor:
    """Return the sum of the squares of each of N×…."""
    return values.square().flatten(1).sum(1)


def titled(picture: Photo) -> str:
    """Return what a picture is called in the text of an objective."""
    return picture.name or "picture"
