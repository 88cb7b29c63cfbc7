"""Makes torchvision importable even if its compiled operators do not fit the installed torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch


def declare_torchvision_operators() -> torch.library.Library | None:
    """Declare the operators that `import torchvision` looks for; networks do not use them.

    Keep the returned library, because the declarations are removed when it is deleted.
    """
    found = find_spec("torchvision")
    if found is None or found.origin is None:
        return None
    try:
        for compiled in Path(found.origin).parent.glob("_C.*"):
            torch.ops.load_library(compiled)
            return None
    except OSError:
        pass  # torchvision ignores this error, too, and then fails because the operators are missing
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


OPERATORS = declare_torchvision_operators()
