"""The names of the classes that a network tells apart, and how a user's word finds one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from inceptionism.errors import InvalidSetting, UnknownName, near_names, quote_value


class Labels:
    """The classes of a network in index order, each with one or more names.

    Args:
        names: For each class, its names separated by ", ", the most usual one first.
        ids: For each class, an identifier that no other class has (ImageNet's are WordNet's), or nothing.
    """

    def __init__(self, names: Sequence[str], ids: Sequence[str] = ()) -> None:
        if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(one, str) for one in names):
            raise InvalidSetting(f"labels are a list of the classes' names in index order, not {quote_value(names)}")
        self.names = tuple(tuple(name.strip() for name in line.split(",")) for line in names)
        self._indices: dict[str, list[int]] = {}
        for index, synonyms in enumerate(self.names):
            for name in dict.fromkeys(fold(synonym) for synonym in synonyms):
                self._indices.setdefault(name, []).append(index)
        for index, identifier in enumerate(ids):
            self._indices[fold(identifier)] = [index]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> str:
        """Return the most usual name of class `index`."""
        return self.names[index][0]

    def index(self, target: str | int) -> int:
        """Return the index of the class that `target` names: a name, a synonym, an identifier or an index.

        Case does not matter, and hyphens and underscores count as spaces. A number may be given as text.
        A name that is the usual one of a single class means that class, even where others have it as a synonym.

        Raises:
            InvalidSetting: the index is out of range, or several classes have this name.
            UnknownName: no class has this name; the sentence offers near ones.
        """
        if isinstance(target, bool) or not isinstance(target, (str, int)):
            raise InvalidSetting(f"a class is given by its name or index, not {quote_value(target)}")
        if isinstance(target, int) or re.fullmatch(r"-?\d{1,9}", target.strip()):
            index = int(target)
            if not 0 <= index < len(self):
                raise InvalidSetting(f"there is no class {index}: classes are numbered from 0 to {len(self) - 1}")
            return index
        found = self._indices.get(fold(target), [])
        usual = [index for index in found if fold(self[index]) == fold(target)]
        if len(usual) == 1 or len(found) == 1:
            return (usual if len(usual) == 1 else found)[0]
        if found:
            choices = " and ".join(f"{index} ({', '.join(self.names[index])})" for index in found)
            raise InvalidSetting(
                f"{quote_value(target)} is the name of classes {choices}: give the index of the one you mean"
            )
        near = [f"{name} ({self._indices[name][0]})" for name in near_names(fold(target), self._indices)]
        hint = f"; near names: {', '.join(near)}" if near else f"; classes also have indices, 0 to {len(self) - 1}"
        raise UnknownName(f"no class is called {quote_value(target)}{hint}")


def fold(name: str) -> str:
    """Return `name` as it is compared: lower case, hyphens and underscores as single spaces."""
    return " ".join(name.casefold().replace("-", " ").replace("_", " ").split())


@cache
def imagenet_labels() -> Labels:
    """Return the 1,000 classes of ILSVRC 2012 in index order, with WordNet's synonyms and identifiers."""
    lines = files("inceptionism.networks").joinpath("imagenet.txt").read_text("utf-8").splitlines()
    ids, names = zip(*(line.split(" ", 1) for line in lines), strict=True)
    return Labels(names, ids)
