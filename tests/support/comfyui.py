"""ComfyUI for tests: the nodes in the real program if it is at hand, or in a stand-in for its documented interface.

The stand-in has the modules that the nodes import, with the behavior that ComfyUI documents for custom nodes. It calls
a node as ComfyUI does: by keywords, in inference mode. `make test-comfyui` runs the nodes in ComfyUI itself.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from tests.support.places import ROOT

NODES = ROOT / "integrations" / "comfyui"
"""Folder of the nodes, as it is put into ComfyUI's `custom_nodes`."""

PACKAGE = str(NODES).replace(".", "_x_")
"""Name under which ComfyUI loads the nodes."""

SOCKETS = ("IMAGE", "MASK", "INCEPTIONISM_NETWORK", "INCEPTIONISM_RECIPE")
"""Types of inputs that have no widget."""


class InterruptProcessingException(Exception):
    """The exception of ComfyUI that ends a workflow. It is no error."""


@dataclass
class StandIn:
    """A stand-in for ComfyUI's interface for custom nodes.

    Attributes:
        folder: The input folder.
        bars: Values, totals and previews of each progress bar.
        interrupt_after: Number of steps after which the user interrupts. None means never.
        device: Device that ComfyUI computes on.
        nodes: The loaded package of nodes.
    """

    folder: Path
    bars: list[list[tuple[int, int, Any]]] = field(default_factory=list)
    interrupt_after: int | None = None
    device: torch.device = field(default_factory=partial(torch.device, "cpu"))
    nodes: ModuleType | None = None

    def modules(self) -> dict[str, ModuleType]:
        """Return ComfyUI's modules that the nodes import."""
        stand_in = self

        class ProgressBar:
            def __init__(self, total: int) -> None:
                self.total = total
                stand_in.bars.append([])

            def update_absolute(self, value: int, *, preview: Any = None) -> None:
                stand_in.bars[-1].append((min(value, self.total), self.total, preview))

        def throw_exception_if_processing_interrupted() -> None:
            if self.interrupt_after is not None and self.bars and len(self.bars[-1]) >= self.interrupt_after:
                self.interrupt_after = None
                raise InterruptProcessingException

        def annotated(name: str) -> str:
            return str(self.folder / name)

        contents: dict[str, dict[str, Any]] = {
            "comfy": {"__path__": []},
            "comfy.utils": {"ProgressBar": ProgressBar},
            "comfy.model_management": {
                "InterruptProcessingException": InterruptProcessingException,
                "throw_exception_if_processing_interrupted": throw_exception_if_processing_interrupted,
                "get_torch_device": lambda: self.device,
            },
            "folder_paths": {
                "get_input_directory": lambda: str(self.folder),
                "get_annotated_filepath": annotated,
                "filter_files_content_types": lambda names, kinds: [
                    name for name in names if Path(name).suffix in (".png", ".jpg", ".webp") and kinds == ["image"]
                ],
            },
        }
        made = {}
        for name, attributes in contents.items():
            made[name] = ModuleType(name)
            vars(made[name]).update(attributes)
        return made

    def module(self, name: str) -> ModuleType:
        """Return a module of the nodes."""
        return sys.modules[f"{PACKAGE}.{name}"]

    def run(self, name: str, **inputs: Any) -> Any:
        """Return the outputs of a node as ComfyUI would call it.

        Args:
            name: Name of the node in the workflow.
            **inputs: Values of sockets and widgets. They must be inputs of the node, and all required ones.
        """
        kind = self.nodes.NODE_CLASS_MAPPINGS[name]
        types = kind.INPUT_TYPES()
        known = {**types["required"], **types.get("optional", {}), **types.get("hidden", {})}
        assert inputs.keys() <= known.keys()
        assert types["required"].keys() <= inputs.keys()
        with torch.inference_mode():
            try:
                outputs = getattr(kind(), kind.FUNCTION)(**inputs)
            finally:
                assert torch.is_inference_mode_enabled()
                assert not torch.is_grad_enabled()
        assert len(outputs) == len(kind.RETURN_TYPES) == len(kind.RETURN_NAMES)
        return SimpleNamespace(**dict(zip(kind.RETURN_NAMES, outputs, strict=True)))


def load_nodes() -> ModuleType:
    """Return the package of nodes, loaded from its folder as ComfyUI does. Its name is that of the folder."""
    spec = importlib.util.spec_from_file_location(PACKAGE, NODES / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)
    return module


def start_stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Return a stand-in with loaded nodes, whose input folder is `folder`."""
    stand_in = StandIn(folder)
    for name, module in stand_in.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]  # a module that was loaded before has the stand-in of another test
    stand_in.nodes = load_nodes()
    return stand_in


def comfyui_folder() -> Path:
    """Return the folder of ComfyUI, or skip the test if there is none."""
    folder = os.environ.get("COMFYUI")
    if folder is None:
        pytest.skip("needs ComfyUI; make test-comfyui installs it and runs this test")
    return Path(folder)
