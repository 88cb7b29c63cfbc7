"""The node Load Network: an installed network, or one from a file."""

from __future__ import annotations

from pathlib import Path

import inceptionism as inc
from inceptionism.networks import ready_networks

from .node import CATEGORY, NETWORK, TEXT, InputTypes, with_gradients


class LoadNetwork:
    """Loads an installed network, or a network from a file."""

    CATEGORY = CATEGORY
    FUNCTION = "load"
    RETURN_TYPES = (NETWORK,)
    RETURN_NAMES = ("network",)
    DESCRIPTION = "Load a network for Dream and Visualize: an installed one, or a Caffe or ONNX file."

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:  # noqa: N802  # ComfyUI's name
        """Return the inputs: sockets and widgets."""
        help = (
            "Path of a Caffe or ONNX file, or a name such as torchvision/resnet50, in place of the network above. "
            "torchvision, timm and open_clip download the weights of their networks."
        )
        return {
            "required": {
                "network": (
                    ready_networks(),
                    {
                        "default": inc.Recipe.network,
                        "tooltip": "Installed network. The command `dream networks` lists and downloads more of them.",
                    },
                )
            },
            "optional": {"path": (TEXT, {"default": "", "tooltip": help})},
        }

    @classmethod
    def IS_CHANGED(cls, network: str, path: str = "") -> int:  # noqa: ARG003, N802  # ComfyUI's name
        """Return the time of change of the file, so that ComfyUI loads a changed file again. 0 if there is no file."""
        file = Path(path.strip()).expanduser()
        return file.stat().st_mtime_ns if path.strip() and file.exists() else 0

    @with_gradients
    def load(self, network: str, path: str = "") -> tuple[inc.Network]:
        """Return the network.

        Raises:
            InceptionismError: If the network cannot be loaded. The message is one sentence.
        """
        return (inc.load_network(path.strip() or network),)
