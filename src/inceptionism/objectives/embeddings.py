"""Objectives that compare the embedding of a picture with that of a sentence or of another picture."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from inceptionism.errors import InvalidSetting
from inceptionism.io import Photo
from inceptionism.networks import LOGITS, Network, TextTower
from inceptionism.objectives.activations import expression_text
from inceptionism.objectives.objective import Activations, Objective
from inceptionism.objectives.photo_channels import seen_picture, seen_pixels
from inceptionism.tensors import center_crop, outside_inference, to_picture


def text(network: Network, sentence: str) -> Objective:
    """Cosine similarity of a picture and a sentence, from -1 to 1, as CLIP sees them (Radford et al., 2021).

    The first programs that made pictures with CLIP minimize the squared angle between the embeddings (Crowson, 2021).
    For one sentence, its gradient has the same direction as that of the cosine. We use the cosine, because it is the
    number for which CLIP was trained.

    Args:
        network: Network with a text tower, for example one of open_clip.
        sentence: Description of the picture. Its embedding is computed at once.

    Raises:
        InvalidSetting: If the network has no text tower, or if the sentence is empty or too long.
    """
    tower = network.text_tower
    if tower is None:
        raise InvalidSetting(
            f"text(...) needs a network that can read sentences, and {network.name} has only classes or layers; use a "
            "CLIP network, for example --network clip-vit-b-32"
        )
    files = ((f"text tower of {network.name}", tower.weights_hash),) if isinstance(tower, TextTower) else ()
    return similarity(expression_text("text", sentence), tower(sentence), files)


def image(network: Network, picture: Photo) -> Objective:
    """Cosine similarity of the embeddings of a picture and of a second picture, from -1 to 1.

    The embedding is the output of the network, as of CLIP (Radford et al., 2021). For a network with classes, it is the
    logits, which is ours.

    Args:
        network: Network that computes the embedding of the second picture, at once and at its training size.
        picture: The second picture. Its center is used, in the proportions of the training size.

    Raises:
        InvalidSetting: If the network cannot process the picture, or sees a channel that it does not have.
    """
    own = center_crop(seen_pixels(picture, network), network.size)
    pixels = to_picture(own, network.device, network.size).clamp_(0, 1)
    with torch.inference_mode(False), torch.no_grad():
        (target,) = network.activations(seen_picture(picture, pixels, network), [LOGITS])[LOGITS]
    return similarity(expression_text("image", picture.title), target, ((picture.title, picture.sha256),))


def similarity(text: str, target: Tensor, files: tuple[tuple[str, str], ...]) -> Objective:
    """Return the cosine similarity of the output of a network and a vector.

    Args:
        text: Text of the objective.
        target: The vector, C numbers for a network whose output is N×C.
        files: Names and SHA-256 of the files that the vector was computed from.
    """

    def score(activations: Activations) -> Tensor:
        embeddings = activations[LOGITS]
        if embeddings.shape[1:] != target.shape:
            raise InvalidSetting(
                f"{text} compares {target.numel()} numbers, but the network outputs {embeddings[0].numel()}; give the "
                "network that makes the picture"
            )
        return F.cosine_similarity(embeddings, outside_inference(target).to(embeddings)[None], dim=1)

    return Objective(frozenset([LOGITS]), score, text, repeatable=True, files=files)
