"""Loading of Caffe networks. The result is a torch module from two files that has run once as a test."""

from __future__ import annotations

from pathlib import Path

from inceptionism.errors import InvalidSetting, first_line, quote_path
from inceptionism.networks.loaders.caffe.description import read_description
from inceptionism.networks.loaders.caffe.graph import CaffeNetwork
from inceptionism.networks.loaders.caffe.weights import read_mean, read_weights
from inceptionism.networks.loaders.declared_input import DeclaredInput
from inceptionism.networks.loaders.graph import check_runs

__all__ = ["read", "read_mean"]

MAX_VALUES = 2**26
"""Largest number of values that a layer may compute for a picture of the described size. VGG needs 3 million."""


def read(prototxt: Path, caffemodel: Path) -> tuple[CaffeNetwork, DeclaredInput]:
    """Return the network in two files, and the shape of the pictures that it is described for.

    The layers have the names of Caffe's blobs (see `CaffeNetwork`). The network takes N×C×H×W with the channels in the
    order of its training, which is usually BGR. If the files declare no size, it is 224×224.

    Raises:
        UnreadableFile: If a file cannot be read.
        InvalidSetting: If a file is damaged, if the files do not belong together, or if a type of layer is not
            supported.
    """
    description, weights = read_description(prototxt), read_weights(caffemodel)
    try:
        network = CaffeNetwork(description, weights).eval()
    except InvalidSetting as error:
        raise InvalidSetting(f"{quote_path(prototxt)} with {quote_path(caffemodel.name)}: {error}") from error
    declared = DeclaredInput(description.size or (224, 224), description.channels)
    try:
        check_runs(network, declared.shape((224, 224)), MAX_VALUES)
    except InvalidSetting as error:
        raise InvalidSetting(f"{quote_path(prototxt)} {error}") from error
    except RuntimeError as error:
        raise InvalidSetting(
            f"{quote_path(prototxt)} describes layers that do not fit together: {first_line(error)}"
        ) from error
    return network, declared
