"""The names of the classes that a network distinguishes, and the search for a class by its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, cached_property
from importlib.resources import files

from inceptionism.errors import InvalidSetting, UnknownName, near_names, printable, quote_value
from inceptionism.validation import check_integer

MAX_HINTS = 5
"""Largest number of classes that an error message suggests."""


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
        self._ids = tuple(ids)

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
        raise UnknownName(f"no class is called {quote_value(target)}{self._hint(target)}")

    def search(self, word: str) -> list[int]:
        """Return the indices of the classes that a word describes, the best first. The list is empty if there are none.

        First come the classes with this name, then the members of a group, for example "cat" or "vehicle", and then
        the classes that have the word in one of their names. Groups are known for classes with identifiers of WordNet.
        If there are none of these, the result has the classes with the word inside another word.
        """
        wanted = normalize_name(word)
        if not wanted:
            return []
        singular = singular_forms(wanted)
        exact = [index for form in singular for index in self._indices.get(form, [])]
        grouped = [index for form in singular for index in self._groups.get(form, [])]
        texts = [[f" {normalize_name(name)} " for name in synonyms] for synonyms in self.names]
        inside = [
            index
            for index, synonyms in enumerate(texts)
            if any(f" {form} " in name for form in singular for name in synonyms)
        ]
        found = list(dict.fromkeys([*exact, *grouped, *inside]))
        return found or [index for index, synonyms in enumerate(texts) if any(wanted in name for name in synonyms)]

    def groups(self, index: int) -> list[str]:
        """Return the words for the groups that a class belongs to, the smallest group first."""
        return list(self._words.get(index, []))

    @cached_property
    def _words(self) -> dict[int, list[str]]:
        """The words for the groups of each class, the smallest group first."""
        words: dict[int, list[str]] = {}
        for word in sorted(self._groups, key=lambda word: (len(self._groups[word]), word)):
            for index in self._groups[word]:
                words.setdefault(index, []).append(word)
        return words

    @cached_property
    def _groups(self) -> dict[str, list[int]]:
        """The classes of each group, by the words for the group."""
        indices = {identifier: index for index, identifier in enumerate(self._ids)}
        return {
            word: [indices[identifier] for identifier in members if identifier in indices]
            for word, members in imagenet_groups().items()
        }

    def _hint(self, target: str) -> str:
        """Return the end of an error message about an unknown name: classes with related or similar names."""
        related = self.search(target)
        if related:
            more = f", and {len(related) - MAX_HINTS} more, which `dream classes {printable(target)}` lists"
            listed = ", ".join(f"{self[index]} ({index})" for index in related[:MAX_HINTS])
            return f"; related classes: {listed}{more if len(related) > MAX_HINTS else ''}"
        names = [name for name in self._indices if "," not in name]
        near = [f"{name} ({self._indices[name][0]})" for name in near_names(normalize_name(target), names)]
        return f"; near names: {', '.join(near)}" if near else f"; you can also give an index, 0 to {len(self) - 1}"


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
        classes: Number of classes of the network. 0 if its output is an embedding.
        network: Name of the network.

    Raises:
        InvalidSetting: If the network has no such index, or several classes have this name.
        UnknownName: If no class has this name.
    """
    if labels is not None:
        index = labels.index(target)
    elif not classes:
        raise InvalidSetting(
            f"network {network} has no classes, so it does not know {quote_value(target)}; describe the picture in a "
            'sentence: --objective "text(a red barn at dusk)"'
        )
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


def singular_forms(word: str) -> list[str]:
    """Return a word and its possible singular forms: "foxes" gives "foxes", "foxe" and "fox"."""
    endings = {"s": "", "es": "", "ies": "y"}
    return [word, *(word.removesuffix(end) + singular for end, singular in endings.items() if word.endswith(end))]


@cache
def imagenet_labels() -> Labels:
    """Return the 1,000 classes of ILSVRC 2012 in index order, with WordNet's synonyms and identifiers."""
    ids, names = zip(*(line.split(" ", 1) for line in data_lines("imagenet.txt")), strict=True)
    return Labels(names, ids)


@cache
def imagenet_groups() -> dict[str, list[str]]:
    """Return the WordNet identifiers of the classes in each group, such as "cat", by the words for the group."""
    ids = [line.partition(" ")[0] for line in data_lines("imagenet.txt")]
    groups = {}
    for line in data_lines("imagenet_groups.txt"):
        words, _, members = line.partition(": ")
        limits = [[int(one) for one in part.split("-")] for part in members.split(", ")]
        indices = [index for limit in limits for index in range(limit[0], limit[-1] + 1)]
        groups.update({word: [ids[index] for index in dict.fromkeys(indices)] for word in words.split(", ")})
    return groups


def data_lines(name: str) -> list[str]:
    """Return the lines of one of this package's files, without comments."""
    lines = files("inceptionism.networks").joinpath(name).read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]
