"""Builders of objectives, one for each term that a text can have."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.files import is_folder
from inceptionism.objectives import activations, embeddings, references
from inceptionism.objectives.arguments import (
    ParseContext,
    load_named_photo,
    parse_channel,
    parse_comparison,
    parse_layer,
    parse_unit,
    parse_whole_number,
)
from inceptionism.objectives.dictionary import feature
from inceptionism.objectives.dictionary_files import read_dictionary
from inceptionism.objectives.directions import direction_between, hash_source, read_direction
from inceptionism.objectives.objective import Objective
from inceptionism.recipes import Term, parse_number


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
    """`direction(LAYER, FILE OR FOLDER, [FOLDER], [probe])`: Mean activation along a direction in channel space. The
    direction is read from a .npy file, or is a row of a dictionary with `row=NUMBER`, or leads from the pictures in the
    second folder to those in the first folder. With `probe`, a linear classifier is trained to tell the folders apart.
    With `cosine=POWER`, the activation at each position is multiplied by this power of the cosine of its angle to the
    direction.
    """
    term.check(["layer", "file or folder", "folder", "probe"], ["row", "cosine"], optional=2)
    if term.arguments[3:] not in ((), ("probe",)):
        raise InvalidSetting(
            f"the last argument of direction can only be probe, not {quote_value(term.arguments[3])}; leave it out for "
            "the difference between the mean activations"
        )
    name, *sources = parse_layer(context, term.arguments[0]), *term.arguments[1:3]
    source, paths = sources[0], [Path(context.find_file(one)) for one in sources]
    row = parse_whole_number(term.named["row"], "the row of a direction") if "row" in term.named else None
    cosine = parse_number(term.named.get("cosine", "0"))
    if isinstance(cosine, str):
        raise InvalidSetting(f"the cosine of a direction is a power, a number such as 2, not {quote_value(cosine)}")
    if len(paths) == 2:
        if row is not None:
            raise InvalidSetting(f"{quote_value(str(term))} has two folders, which have no rows; leave row= out")
        vector = direction_between(context.network, name, *paths, probe=len(term.arguments) == 4)
    elif row is None and is_folder(paths[0]):
        raise InvalidSetting(
            f"{quote_value(str(term))} has only one folder; add a second folder, with pictures that the direction "
            "leads away from, or row=NUMBER if the folder is a dictionary"
        )
    else:
        vector = read_direction(paths[0]) if row is None else read_dictionary(paths[0]).direction(row, source)
        channels = context.network.channels(name)
        if len(vector) != channels:
            raise InvalidSetting(f"{source} has {len(vector)} numbers, but layer {name} has {channels} channels")
    hashes = tuple(zip(sources, map(hash_source, paths), strict=True))
    return replace(activations.direction(name, vector, source, cosine=cosine), files=hashes)


def _feature(context: ParseContext, term: Term) -> Objective:
    """`feature(LAYER, DICTIONARY, ROW)`: Mean activation of a feature of a sparse autoencoder, a transcoder, NMF or
    PCA. With `k=NUMBER`, the encoder keeps the k largest features, if the file of the dictionary does not say so.
    """
    term.check(["layer", "dictionary", "row"], ["k"])
    name, source = parse_layer(context, term.arguments[0]), term.arguments[1]
    path, row = Path(context.find_file(source)), parse_whole_number(term.arguments[2], "the row of a feature")
    k = term.named.get("k")
    dictionary = read_dictionary(path, None if k is None else parse_whole_number(k, "the k of a feature"))
    dictionary.check(row, context.network.channels(name), name, source)
    return replace(feature(name, dictionary, row, source), files=((source, hash_source(path)),))


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


def _text(context: ParseContext, term: Term) -> Objective:
    """`text(SENTENCE)`: Cosine similarity of the picture and a sentence, for a CLIP network."""
    term.check(["sentence"])
    return embeddings.text(context.network, term.arguments[0])


def _image(context: ParseContext, term: Term) -> Objective:
    """`image(PICTURE)`: Cosine similarity of the network's outputs for the picture and for a second picture. The output
    of a CLIP network is its embedding.
    """
    term.check(["picture"])
    return embeddings.image(context.network, load_named_photo(term.arguments[0], context.find_file))


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
    "feature": _feature,
    "class": _class,
    "logit": _logit,
    "text": _text,
    "image": _image,
    "guide": _guide,
    "inversion": _inversion,
    "caricature": _caricature,
    "style": _style,
    "diversity": _diversity,
}
"""Builders of objectives, by the name of their term."""
