"""The labels of a network in the registry: those of ImageNet, or those in a file of the network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.files import read_text
from inceptionism.networks.hub.entries import Entry
from inceptionism.networks.labels import Labels, imagenet_labels

MAX_LABELS_BYTES = 2**24
"""Largest size of a file of classes, in bytes."""

PLACE = re.compile(r"/[a-z]/(\S+) (\d{1,6})")
"""Line of a file of Places: the first letter of the class, the class, and its index."""


def labels_of(entry: Entry, paths: Sequence[Path]) -> Labels | None:
    """Return the labels of a network, from ImageNet or from a file of the network; None if there are none."""
    if entry.labels == "imagenet":
        return imagenet_labels()
    if entry.labels is None:
        return None
    path = next((path for path in paths if path.name == entry.labels), None)
    if path is None:
        raise InvalidSetting(f"network {entry.name} has no file {quote_value(entry.labels)} with its labels")
    return read_labels(path)


def read_labels(path: Path) -> Labels:
    """Return the labels in a file with the name of one class in each line. Empty lines at the end are no classes.

    Each line can begin with the WordNet identifier of the class. Each line can also have the form "/a/alley 4", as in
    the files of Places: the first letter of the class, the class, and its index.

    Raises:
        UnreadableFile: If the file cannot be read, is too large, or is not text.
    """
    lines = read_text(path, MAX_LABELS_BYTES).rstrip().splitlines()
    pairs = [line.split(" ", 1) for line in lines]
    if lines and all(len(pair) == 2 and pair[0][:1] == "n" and pair[0][1:].isdigit() for pair in pairs):
        return Labels([name for _, name in pairs], [identifier for identifier, _ in pairs])
    places = [PLACE.fullmatch(line) for line in lines]
    if lines and all(place and int(place[2]) == index for index, place in enumerate(places)):
        lines = [place[1] for place in places if place]
    return Labels(lines)
