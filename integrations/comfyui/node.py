"""Facts that all nodes share: their category, the types of their sockets, and the way in which ComfyUI calls them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

import torch
from comfy.model_management import InterruptProcessingException

import inceptionism as inc

CATEGORY = "inceptionism"

IMAGE, MASK, TEXT = "IMAGE", "MASK", "STRING"

NETWORK = "INCEPTIONISM_NETWORK"
"""Type of the sockets that carry an `inc.Network`."""

RECIPE = "INCEPTIONISM_RECIPE"
"""Type of the sockets that carry an `inc.Recipe`."""

InputTypes: TypeAlias = dict[str, dict[str, Any]]


def with_gradients(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method of a node that computes gradients, and whose errors are one sentence without a traceback.

    ComfyUI calls the nodes in torch's inference mode, in which there are no gradients. The mode of the caller is
    restored afterwards, also after an error or an interruption.
    """

    @wraps(method)
    def call(self: Any, **inputs: Any) -> Any:
        try:
            with torch.inference_mode(False), torch.enable_grad():
                return method(self, **inputs)
        except (inc.InceptionismError, InterruptProcessingException) as error:
            # The traceback would also keep the tensors of the unfinished run alive.
            raise error.with_traceback(None) from None

    return call
