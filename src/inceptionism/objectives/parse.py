"""From the text of an objective to the objective: `class(banana) + 0.5*layer(blocks.4, where=mask.png)`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, first_line, quote_value, suggestion
from inceptionism.io import FileResolver, Mask, Photo, load_mask, load_photo
from inceptionism.networks import Network
from inceptionism.objectives import activations, references
from inceptionism.objectives.masking import reference_tensor
from inceptionism.objectives.objective import Objective, check_channel, weighted_sum
from inceptionism.recipes import Term, parse_terms


class Setting(NamedTuple):
    """What a term is read in.

    Attributes:
        network: Whose layers and classes are meant.
        photo: What is compared with where no picture is named: the one that is dreamed, if there is one.
        find: Finds the files that terms name; no term opens any other.
    """

    network: Network
    photo: Photo | None
    find_file: FileResolver


def parse_objective(text: str, network: Network, photo: Photo | None = None, find_file: FileResolver = Path) -> Objective:
    """Return the objective that `text` stands for.

    Each of its terms says of itself what is written.

    Raises:
        InvalidSetting: it cannot be read, or an argument is not what is wanted.
        UnknownName: there is no such layer or class; the sentence offers near names.
        UnreadablePicture: a picture that it names cannot be read.
    """
    setting = Setting(network, photo, find_file)
    terms: list[tuple[float, Objective]] = []
    for term in parse_terms(text, "objective"):
        builder = BUILDERS.get(term.name)
        if builder is None:
            hint = suggestion(term.name, BUILDERS)
            raise InvalidSetting(
                f"there is no objective {quote_value(term.name)}; known are {', '.join(BUILDERS)}{hint}"
            )
        if term.weight == 0:
            raise InvalidSetting(f"the weight of {term.name} is 0, so it would change nothing; leave it out")
        masks = [
            load_named_mask(term.named[word], find_file, outside=word == "outside") for word in MASKS if word in term.named
        ]
        if len(masks) > 1:
            raise InvalidSetting(f"{quote_value(str(term))} has both where= and outside=; give one of them")
        plain = replace(term, named={key: value for key, value in term.named.items() if key not in MASKS}, weight=1.0)
        objective = replace(builder(setting, plain), text=str(plain))
        terms.append((term.weight, objective.where(masks[0]) if masks else objective))
    return weighted_sum(terms)


def is_expression(text: str) -> bool:
    """Return whether `text` is an objective as one is written, and no name of a class."""
    return re.search(r"[a-z_]\(", text) is not None


MASKS = ("where", "outside")
"""The keys that every objective may have: a mask, and whether its white or its black is meant."""


def _layer(setting: Setting, term: Term) -> Objective:
    term.check(["layer[:channel]"])
    return activations.layer(*unit(setting, term))


def _channel(setting: Setting, term: Term) -> Objective:
    term.check(["layer:channel"])
    return activations.channel(*one_unit(setting, term))


def _neuron(setting: Setting, term: Term) -> Objective:
    term.check(["layer:channel", "row", "column"], optional=2)
    if len(term.arguments) == 2:
        raise InvalidSetting(f"{quote_value(str(term))} has a row and no column: give both, or none for the middle")
    name, index = one_unit(setting, term)
    return activations.neuron(name, index, *(whole(text, f"a place of {name}") for text in term.arguments[1:]))


def _direction(setting: Setting, term: Term) -> Objective:
    term.check(["layer", "file.npy, or the folder toward which", "the folder away from which"], optional=1)
    name, source = checked(setting, term.arguments[0]), term.arguments[1]
    if len(term.arguments) == 3:
        vector = difference(setting.network, name, *map(setting.find_file, term.arguments[1:]))
        return activations.direction(name, vector, source)
    vector = read_vector(setting.find_file(source))
    if len(vector) != setting.network.channels(name):
        channels = setting.network.channels(name)
        raise InvalidSetting(f"{source} has {len(vector)} numbers, and layer {name} has {channels} channels")
    return activations.direction(name, vector, source)


def _class(setting: Setting, term: Term) -> Objective:
    term.check(["name or index"], ["against"])
    index = setting.network.class_index(term.arguments[0])
    rival = term.named.get("against")
    against = rival if rival in (None, "all") else setting.network.class_index(rival)
    if against == index:
        raise InvalidSetting(f"{quote_value(str(term))} is a class against itself")
    return activations.logit(index, against)


def _diversity(setting: Setting, term: Term) -> Objective:
    term.check(["layer"])
    return activations.diversity(checked(setting, term.arguments[0]))


def _guide(setting: Setting, term: Term) -> Objective:
    term.check(["layer", "picture", "cosine"], optional=1)
    if term.arguments[2:] not in ((), ("cosine",)):
        raise InvalidSetting(
            f"a guide is compared by dot products, or by cosine, not by {quote_value(term.arguments[2])}"
        )
    name = checked(setting, term.arguments[0])
    return references.guide(name, load_named_photo(term.arguments[1], setting.find_file), cosine=len(term.arguments) == 3)


def compared(build: Callable[[str, Photo], Objective]) -> Callable[[Setting, Term], Objective]:
    """Return what reads a term that compares a layer with a picture, the one that is dreamed by default."""

    def read(setting: Setting, term: Term) -> Objective:
        term.check(["layer", "picture"], optional=1)
        name = checked(setting, term.arguments[0])
        if len(term.arguments) == 2:
            return build(name, load_named_photo(term.arguments[1], setting.find_file))
        if setting.photo is None:
            raise InvalidSetting(
                f"{quote_value(str(term))} names no picture to compare with: write {term.name}(layer, picture)"
            )
        return build(name, setting.photo)

    return read


BUILDERS: dict[str, Callable[[Setting, Term], Objective]] = {
    "layer": _layer,
    "channel": _channel,
    "neuron": _neuron,
    "direction": _direction,
    "class": _class,
    "logit": _class,
    "guide": _guide,
    "inversion": compared(references.inversion),
    "caricature": compared(references.caricature),
    "style": compared(references.style),
    "diversity": _diversity,
}


def checked(setting: Setting, name: str) -> str:
    """Return the name of a layer that the network has."""
    setting.network.check_layer(name)
    return name


def unit(setting: Setting, term: Term) -> tuple[str, int | None]:
    """Return the layer and the channel that the first argument of a term names."""
    match = re.fullmatch(r"(.*?)(?::([0-9]{1,9}))?", term.arguments[0], re.DOTALL)
    assert match is not None
    name, index = checked(setting, match[1]), None if match[2] is None else int(match[2])
    if index is not None:
        check_channel(name, index, setting.network.channels(name))
    return name, index


def one_unit(setting: Setting, term: Term) -> tuple[str, int]:
    """Return the layer and the channel that the first argument of a term must name."""
    name, index = unit(setting, term)
    if index is None:
        raise InvalidSetting(f"{quote_value(str(term))} names no channel: write {term.name}({name}:0)")
    return name, index


def whole(text: str, what: str) -> int:
    """Return a whole number that an argument is."""
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise InvalidSetting(f"{what} is a whole number, not {quote_value(text)}")
    return int(text)


def load_named_photo(name: str, find_file: FileResolver) -> Photo:
    """Read a picture that is called in texts as it is named there."""
    return replace(load_photo(find_file(name)), name=name)


def load_named_mask(name: str, find_file: FileResolver, *, outside: bool = False) -> Mask:
    """Read a mask that is called in texts as it is named there."""
    return replace(load_mask(find_file(name), outside=outside), name=name)


def read_vector(path: Path) -> Tensor:
    """Read a row of numbers from a .npy file, which is never executed.

    Raises:
        InvalidSetting: it is missing, or holds something else.
    """
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InvalidSetting(f"{path} is no .npy file with a direction: {first_line(error)}") from None
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in "fiu":
        raise InvalidSetting(f"{path} must hold one row of numbers")
    return torch.from_numpy(values.astype(np.float32))


def difference(network: Network, layer: str, toward: Path, away: Path) -> Tensor:
    """Return the direction from the mean activations of one folder of pictures to those of another, C numbers.

    It is the simplest of concept vectors (Kim et al., 2018, who train a classifier between the two).

    Raises:
        InvalidSetting: a folder has no pictures.
        UnreadablePicture: one of its files is none.
    """
    return mean_activations(network, layer, load_folder(toward)) - mean_activations(network, layer, load_folder(away))


def mean_activations(network: Network, layer: str, photos: Sequence[Photo]) -> Tensor:
    """Return the mean of each channel of a layer over pictures, C numbers."""
    means = []
    for photo in photos:
        with torch.no_grad():
            seen = network.activations(reference_tensor(photo, network.device), [layer])[layer]
        means.append(seen.flatten(2).mean((0, 2)) if seen.ndim > 2 else seen[0])
    return torch.stack(means).mean(0).cpu()


def load_folder(folder: Path) -> list[Photo]:
    """Return the pictures of a folder, by name; of a file, that one.

    Raises:
        InvalidSetting: there are none.
        UnreadablePicture: a file is no picture.
    """
    if not folder.is_dir():
        return [load_photo(folder)]
    files = sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith("."))
    if not files:
        raise InvalidSetting(f"folder {folder} has no pictures")
    return [load_photo(one) for one in files]
