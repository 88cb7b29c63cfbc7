"""Parse the text of an objective, such as `class(banana) + 0.5*layer(blocks.4, where=mask.png)`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from inceptionism.errors import InvalidSetting, quote_value, suggestion
from inceptionism.io import FileResolver, Mask, Photo, load_mask, load_photo, named_source
from inceptionism.networks import Network
from inceptionism.objectives import activations, references
from inceptionism.objectives.directions import direction_between, hash_source, read_direction
from inceptionism.objectives.objective import Objective, check_channel, weighted_sum
from inceptionism.objectives.plugins import plugin_names, plugin_objective
from inceptionism.recipes import LayerChoice, Term, choose_unit, parse_number, parse_terms

MASK_KEYS = ("where", "outside")
"""Keys of masks, which every term may have. `where` selects the white part, and `outside` selects the black part."""


class ParseContext(NamedTuple):
    """The network, the photograph and the files that the terms of an objective refer to.

    Attributes:
        network: Network with the layers and classes.
        photo: The dreamed photograph, which is the reference for terms that name no picture. None if there is none.
        find_file: Function that finds the files that terms name. Terms open no other files.
    """

    network: Network
    photo: Photo | None
    find_file: FileResolver


def parse_objective(
    text: str, network: Network, photo: Photo | None = None, find_file: FileResolver = named_source
) -> Objective:
    """Return the objective that `text` describes. The names of classes and files stay in its text.

    Args:
        text: A sum of terms.
        network: Network with the layers and classes that the terms name.
        photo: Reference for terms that name no picture.
        find_file: Function that finds the files that terms name.

    Raises:
        InvalidSetting: If the text cannot be parsed, or if an argument is wrong.
        UnknownName: If the network has no such layer or class. The message suggests similar names.
        UnreadablePicture: If a picture that a term names cannot be read.
    """
    context = ParseContext(network, photo, find_file)
    terms: list[tuple[float, Objective]] = []
    for term in parse_terms(text, "objective", known_names(network)):
        if term.weight == 0:
            raise InvalidSetting(f"the weight of {term.name} is 0, so the term has no effect; leave it out")
        masks = [
            load_named_mask(term.named[key], find_file, outside=key == "outside")
            for key in MASK_KEYS
            if key in term.named
        ]
        if len(masks) > 1:
            raise InvalidSetting(f"{quote_value(str(term))} has both where= and outside=; keep only one of them")
        named = {key: value for key, value in term.named.items() if key not in MASK_KEYS}
        unmasked = replace(term, named=named, weight=1.0)
        objective = replace(build_term(context, unmasked), text=str(unmasked), repeatable=True)
        terms.append((term.weight, objective.where(masks[0]) if masks else objective))
    return weighted_sum(terms)


def build_term(context: ParseContext, term: Term) -> Objective:
    """Return the objective of a term without a mask and without its weight.

    Raises:
        InvalidSetting: If neither this package nor another one defines an objective of this name.
    """
    builder = BUILDERS.get(term.name)
    objective = plugin_objective(term, context.network) if builder is None else builder(context, term)
    if objective is None:
        names = [*BUILDERS, *(name for name in plugin_names() if name not in BUILDERS)]
        raise InvalidSetting(
            f"there is no objective {quote_value(term.name)}; the objectives are {', '.join(names)}"
            f"{suggestion(term.name, names)}"
        )
    return objective


def known_names(network: Network) -> list[str]:
    """Return the names of all layers and classes of a network. They are found in a text before it is divided."""
    return [*network.layer_names, *(network.labels.texts if network.labels else ())]


class ObjectiveHelp(NamedTuple):
    """One line of the reference of objectives.

    Attributes:
        name: Name of the objective.
        form: Form in which a term is written, with its arguments in capitals: "channel(LAYER:CHANNEL)".
        help: Description of the score in one or two sentences.
    """

    name: str
    form: str
    help: str


def objective_reference() -> list[ObjectiveHelp]:
    """Return the name, form and help of every objective that `parse_objective` knows."""
    rows = []
    for name, builder in BUILDERS.items():
        paragraph = (inspect.getdoc(builder) or "").partition("\n\n")[0].replace("\n", " ")
        match = re.fullmatch(r"`(.+?)`: (.+)", paragraph)
        assert match is not None, f"the docstring of the builder of {name} has no form and help"
        rows.append(ObjectiveHelp(name, match[1], match[2]))
    return rows


# The docstring of each builder begins with the form and the help that `objective_reference` returns.


def _layer(context: ParseContext, term: Term) -> Objective:
    """`layer(LAYER[:CHANNEL])`: Half the squared L2 norm of the activations of a layer or of one of its channels."""
    term.check(["layer[:channel]"])
    return activations.layer(*parse_unit(context, term))


def _channel(context: ParseContext, term: Term) -> Objective:
    """`channel(LAYER:CHANNEL)`: Mean activation of one channel."""
    term.check(["layer:channel"])
    return activations.channel(*parse_channel(context, term))


def _neuron(context: ParseContext, term: Term) -> Objective:
    """`neuron(LAYER:CHANNEL, [ROW], [COLUMN])`: Activation of one neuron, by default in the middle of the map."""
    term.check(["layer:channel", "row", "column"], optional=2)
    if len(term.arguments) == 2:
        raise InvalidSetting(
            f"{quote_value(str(term))} has a row but no column; give both, or leave both out for the middle"
        )
    name, index = parse_channel(context, term)
    row_and_column = (
        parse_whole_number(text, f"the {axis} of a neuron")
        for text, axis in zip(term.arguments[1:], ("row", "column"), strict=False)
    )
    return activations.neuron(name, index, *row_and_column)


def _direction(context: ParseContext, term: Term) -> Objective:
    """`direction(LAYER, FILE OR FOLDER, [FOLDER])`: Mean activation along a direction in channel space. The
    direction is read from a .npy or .safetensors file, or leads from the pictures in the second folder to those in the
    first folder. `row=NUMBER` chooses a row of a file with several directions. With `cosine=POWER`, the activation at
    each position is multiplied by this power of the cosine of its angle to the direction.
    """
    term.check(["layer", "file or folder", "folder"], ["row", "cosine"], optional=1)
    name, *sources = parse_layer(context, term.arguments[0]), *term.arguments[1:]
    source, paths = sources[0], [Path(context.find_file(one)) for one in sources]
    row = parse_whole_number(term.named["row"], "the row of a direction") if "row" in term.named else None
    cosine = parse_number(term.named.get("cosine", "0"))
    if isinstance(cosine, str):
        raise InvalidSetting(f"the cosine of a direction is a power, a number such as 2, not {quote_value(cosine)}")
    if len(paths) == 2:
        if row is not None:
            raise InvalidSetting(f"{quote_value(str(term))} has two folders, which have no rows; leave row= out")
        vector = direction_between(context.network, name, *paths)
    else:
        vector = read_direction(paths[0], row)
        channels = context.network.channels(name)
        if len(vector) != channels:
            raise InvalidSetting(f"{source} has {len(vector)} numbers, but layer {name} has {channels} channels")
    hashes = tuple(zip(sources, map(hash_source, paths), strict=True))
    return replace(activations.direction(name, vector, source, cosine=cosine), files=hashes)


def _class(context: ParseContext, term: Term) -> Objective:
    """`class(NAME OR INDEX)`: Logit of a class. With `against=CLASS`, the logit of another class is subtracted. With
    `against=all`, the score is the logarithm of the odds.
    """
    term.check(["name or index"], ["against"])
    index = context.network.class_index(term.arguments[0])
    rival = term.named.get("against")
    against = rival if rival in (None, "all") else context.network.class_index(rival)
    if against == index:
        raise InvalidSetting(f"{quote_value(str(term))} sets a class against itself; name another class")
    return activations.logit(index, against)


def _logit(context: ParseContext, term: Term) -> Objective:
    """`logit(NAME OR INDEX)`: Another name for `class`."""
    return _class(context, term)


def _guide(context: ParseContext, term: Term) -> Objective:
    """`guide(LAYER, PICTURE, [cosine])`: Sum over all positions of the dot product with the best match in a picture.
    With `cosine`, the cosine similarity is used in place of the dot product.
    """
    term.check(["layer", "picture", "cosine"], optional=1)
    if term.arguments[2:] not in ((), ("cosine",)):
        raise InvalidSetting(
            f"the third argument of guide can only be cosine, not {quote_value(term.arguments[2])}; "
            "leave it out to compare by dot products"
        )
    name = parse_layer(context, term.arguments[0])
    photo = load_named_photo(term.arguments[1], context.find_file)
    return references.guide(name, photo, cosine=len(term.arguments) == 3)


def _inversion(context: ParseContext, term: Term) -> Objective:
    """`inversion(LAYER, [PICTURE])`: Minus the relative squared distance from the activations of a picture."""
    return references.inversion(*parse_comparison(context, term))


def _caricature(context: ParseContext, term: Term) -> Objective:
    """`caricature(LAYER, [PICTURE])`: Dot product with the activations of a picture, times their cosine similarity."""
    return references.caricature(*parse_comparison(context, term))


def _style(context: ParseContext, term: Term) -> Objective:
    """`style(LAYER, [PICTURE])`: Minus the relative squared distance from the Gram matrix of a picture."""
    return references.style(*parse_comparison(context, term))


def _diversity(context: ParseContext, term: Term) -> Objective:
    """`diversity(LAYER)`: Difference between the pictures of a batch, from -1 for equal pictures to 0."""
    term.check(["layer"])
    return activations.diversity(parse_layer(context, term.arguments[0]))


BUILDERS: dict[str, Callable[[ParseContext, Term], Objective]] = {
    "layer": _layer,
    "channel": _channel,
    "neuron": _neuron,
    "direction": _direction,
    "class": _class,
    "logit": _logit,
    "guide": _guide,
    "inversion": _inversion,
    "caricature": _caricature,
    "style": _style,
    "diversity": _diversity,
}
"""Builders of objectives, by the name of their term."""


def parse_layer(context: ParseContext, text: str) -> str:
    """Return the name of the layer that a text stands for, after a check that the network has it."""
    choice = choose_unit(text, context.network.layer_names, channel=False)
    name = choice.name if choice.channel is None else text
    context.network.check_layer(name)
    return name


def parse_unit(context: ParseContext, term: Term, *, channel: bool = False) -> tuple[str, int | None]:
    """Return the layer and the channel in the first argument of a term. The channel is None if it is not given.

    Args:
        context: Network with the layers.
        term: The term.
        channel: Whether the term needs a channel. This decides if the text has both meanings.
    """
    choice = choose_unit(term.arguments[0], context.network.layer_names, channel=channel)
    context.network.check_layer(choice.name)
    if choice.channel is not None:
        check_channel(choice.name, choice.channel, context.network.channels(choice.name))
    return choice.name, choice.channel


def parse_channel(context: ParseContext, term: Term) -> tuple[str, int]:
    """Return the layer and the channel in the first argument of a term."""
    name, index = parse_unit(context, term, channel=True)
    if index is None:
        example = f"{term.name}({LayerChoice(name, 0)})"
        raise InvalidSetting(f"{quote_value(str(term))} names no channel; write for example {example}")
    return name, index


def parse_comparison(context: ParseContext, term: Term) -> tuple[str, Photo]:
    """Return the layer and the reference of a term. The default reference is the photograph that is dreamed."""
    term.check(["layer", "picture"], optional=1)
    name = parse_layer(context, term.arguments[0])
    if len(term.arguments) == 2:
        return name, load_named_photo(term.arguments[1], context.find_file)
    if context.photo is None:
        raise InvalidSetting(
            f"{quote_value(str(term))} names no picture to compare with; write {term.name}(layer, picture)"
        )
    return name, context.photo


def parse_whole_number(text: str, label: str) -> int:
    """Return an argument as a whole number. `label` names it in the message of an error."""
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise InvalidSetting(f"{label} must be a whole number, not {quote_value(text)}")
    return int(text)


def load_named_photo(name: str, find_file: FileResolver) -> Photo:
    """Return the picture in a file. The texts of objectives call it `name`."""
    return replace(load_photo(find_file(name)), name=name)


def load_named_mask(name: str, find_file: FileResolver, *, outside: bool = False) -> Mask:
    """Return the mask in a file. The texts of objectives call it `name`."""
    return replace(load_mask(find_file(name), outside=outside), name=name)
