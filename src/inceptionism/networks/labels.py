"""The names of the classes that a network distinguishes, and the search for a class by its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from inceptionism.errors import InvalidSetting, UnknownName, near_names, quote_value
from inceptionism.validation import check_integer


class Labels:
    """The classes of a network in index order, each with one or more names.

    Args:
        names: For each class, its names separated by ", ", the most common one first.
        ids: For each class, a unique identifier, for example of WordNet. Empty if the classes have no identifiers.

    Raises:
        InvalidSetting: If `names` is not a list of text.
    """

    def __init__(self, names: Sequence[str], ids: Sequence[str] = ()) -> None:
        if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(one, str) for one in names):
            raise InvalidSetting(f"labels must be a list of class names in index order, not {quote_value(names)}")
        self.names = tuple(tuple(name.strip() for name in line.split(",")) for line in names)
        self._indices: dict[str, list[int]] = {}
        for index, synonyms in enumerate(self.names):
            # All names in one text stand for the class, too, because lists of classes show them like this.
            for name in dict.fromkeys(map(normalize_name, (*synonyms, ", ".join(synonyms)))):
                self._indices.setdefault(name, []).append(index)
        for index, identifier in enumerate(ids):
            self._indices[normalize_name(identifier)] = [index]

    @property
    def texts(self) -> list[str]:
        """All texts that stand for a class: each name, and all names of a class separated by ", "."""
        return list(dict.fromkeys(text for synonyms in self.names for text in (", ".join(synonyms), *synonyms)))

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> str:
        """Return the most common name of class `index`."""
        return self.names[index][0]

    def index(self, target: str | int) -> int:
        """Return the index of a class. `target` is a name, a synonym, an identifier or an index of the class.

        Case does not matter, and hyphens and underscores count as spaces. A number that is given as text is an index,
        unless a class has this name. If a name is the most common name of exactly one class, it means this class, even
        if it is a synonym of others.

        Raises:
            InvalidSetting: If the index is out of range, or several classes have this name.
            UnknownName: If no class has this name. The message offers similar names.
        """
        if isinstance(target, bool) or not isinstance(target, (str, int)):
            raise InvalidSetting(f"a class is given by its name or index, not {quote_value(target)}")
        indices = [] if isinstance(target, int) else self._indices.get(normalize_name(target), [])
        if isinstance(target, int) or (not indices and re.fullmatch(r"-?\d{1,9}", target.strip())):
            index = int(target)
            if not 0 <= index < len(self):
                raise InvalidSetting(f"there is no class {index}: classes are numbered from 0 to {len(self) - 1}")
            return index
        primary = [index for index in indices if normalize_name(self[index]) == normalize_name(target)]
        if len(primary) == 1 or len(indices) == 1:
            return (primary if len(primary) == 1 else indices)[0]
        if indices:
            choices = " and ".join(f"{index} ({', '.join(self.names[index])})" for index in indices)
            raise InvalidSetting(
                f"{quote_value(target)} is the name of classes {choices}: give the index of the one you mean"
            )
        near = [f"{name} ({self._indices[name][0]})" for name in near_names(normalize_name(target), self._indices)]
        hint = f"; near names: {', '.join(near)}" if near else f"; you can also give an index, 0 to {len(self) - 1}"
        raise UnknownName(f"no class is called {quote_value(target)}{hint}")


def as_labels(labels: Labels | Sequence[str] | None) -> Labels | None:
    """Return labels in the form of `Labels`. The text "imagenet" means the labels of ImageNet."""
    if labels is None or isinstance(labels, Labels):
        return labels
    return imagenet_labels() if isinstance(labels, str) and labels == "imagenet" else Labels(labels)


def check_labels(labels: Labels | None, classes: int, network: str) -> None:
    """Raise `InvalidSetting` unless a network with a number of classes has one label for each class, or no labels."""
    if labels is not None and len(labels) != classes:
        raise InvalidSetting(
            f"network {network} has {classes} classes, but {len(labels)} labels; give one label for each class"
        )


def find_class(target: str | int, labels: Labels | None, classes: int, network: str) -> int:
    """Return the index of a class of a network. If the network has no labels, `target` must be an index.

    Args:
        target: Name, synonym, identifier or index of the class (see `Labels.index`).
        labels: Labels of the network. None if it has none.
        classes: Number of classes of the network.
        network: Name of the network.

    Raises:
        InvalidSetting: If the network has no such index, or several classes have this name.
        UnknownName: If no class has this name.
    """
    if labels is not None:
        index = labels.index(target)
    elif isinstance(target, str) and re.fullmatch(r"\d{1,9}", target.strip()):
        index = int(target)
    elif isinstance(target, str) and classes == len(imagenet_labels()):
        raise InvalidSetting(
            f"network {network} has no labels, so it does not know {quote_value(target)}; give the index of the class, "
            f'0 to {classes - 1}, or, if its classes are those of ImageNet, Network(module, labels="imagenet") '
            "(dream networks add NAME FILE --labels imagenet)"
        )
    else:
        check_integer(f"network {network} has no labels; a class", target, 0, classes - 1)
        index = int(target)
    if index >= classes:
        raise InvalidSetting(
            f"network {network} has no class {index}: its classes are numbered from 0 to {classes - 1}"
        )
    return index


def normalize_name(name: str) -> str:
    """Return `name` in the form that is compared: lower case, with single spaces for hyphens and underscores."""
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split())


@cache
def imagenet_labels() -> Labels:
    """Return the 1,000 classes of ILSVRC 2012 in index order, with WordNet's synonyms and identifiers."""
    lines = files("inceptionism.networks").joinpath("imagenet.txt").read_text("utf-8").splitlines()
    ids, names = zip(*(line.split(" ", 1) for line in lines), strict=True)
    return Labels(names, ids)
