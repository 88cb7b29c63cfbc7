"""Controls for uploaded pictures. The pictures are read by this package, with its limits and its sentences."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.data_classes import ImageData


def upload_control(**facts: Any) -> gr.Image:
    """Return a control whose value is the path of an uploaded picture; `facts` are those of `gradio.Image`."""
    control = gr.Image(type="filepath", image_mode=None, **facts)
    # gradio would open the file itself, without a limit of the pixels, and show its own error with the path.
    control.preprocess = uploaded_path  # type: ignore[method-assign]
    return control


def uploaded_path(payload: ImageData | None) -> str | None:
    """Return the path of an upload. gradio has checked before that it is in the folder of its uploads."""
    return payload.path if payload else None
