"""Parse the text of an objective, such as `class(banana) + 0.5*layer(blocks.4, where=mask.png)`."""

from __future__ import annotations

from dataclasses import replace

from inceptionism.errors import InvalidSetting, quote_value, suggestion
from inceptionism.io import FileResolver, Mask, Photo, load_mask, named_source
from inceptionism.networks import Network, load_network
from inceptionism.networks.hub import find_entry
from inceptionism.objectives.arguments import ParseContext
from inceptionism.objectives.builders import BUILDERS
from inceptionism.objectives.objective import Objective, weighted_sum
from inceptionism.objectives.plugins import plugin_names, plugin_objective
from inceptionism.recipes import Term, parse_terms

MASK_KEYS = ("where", "outside")
"""Keys of masks, which every term may have. `where` selects the white part, and `outside` selects the black part."""

NETWORK_KEY = "network"
"""Key of another network, which every term may have."""


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
        objective = replace(build_on_network(context, unmasked), text=str(unmasked), repeatable=True)
        terms.append((term.weight, objective.where(masks[0]) if masks else objective))
    return weighted_sum(terms)


def build_on_network(context: ParseContext, term: Term) -> Objective:
    """Return the objective of a term without a mask and without its weight, on the network that the term names.

    A name that is not registered is a path, which `context.find_file` finds, so a replay opens only paths that the user
    passes.
    """
    name = term.named.get(NETWORK_KEY)
    if name is None:
        return build_term(context, term)
    source = name if find_entry(name) is not None else context.find_file(name)
    network = load_network(source, context.network.device)
    named = {key: value for key, value in term.named.items() if key != NETWORK_KEY}
    objective = build_term(context._replace(network=network), replace(term, named=named))
    if network is context.network:
        return objective
    on_network = objective.on(network)
    return replace(on_network, files=(*objective.files, (name, network.weights_hash)))


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


def load_named_mask(name: str, find_file: FileResolver, *, outside: bool = False) -> Mask:
    """Return the mask in a file. The texts of objectives call it `name`."""
    return replace(load_mask(find_file(name), outside=outside), name=name)
