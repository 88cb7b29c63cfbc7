"""Controls for uploaded files. The files are read by this package, with its limits and its sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData, ImageData
from gradio.utils import get_upload_folder

from inceptionism.studio.overridden import overridden


def is_upload(path: object) -> bool:
    """Return whether a value is the path of a file in the folder of uploads. Requests can have any other path."""
    try:
        return isinstance(path, str) and Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve())
    except (OSError, ValueError):  # a path that no file can have
        return False


def uploaded_path(payload: ImageData | FileData | None) -> str | None:
    """Return the path of an upload. None if there is none, or if the path is not that of an upload."""
    path = payload.path if payload else None
    return path if is_upload(path) else None


# gradio checks a path only if the request says that it is one. It would open a picture without a limit of the pixels.
Upload = overridden(gr.Image, preprocess=staticmethod(uploaded_path))
FileUpload = overridden(gr.File, preprocess=staticmethod(uploaded_path))


def upload_control(**arguments: Any) -> Any:
    """Return a control whose value is the path of an uploaded picture; the arguments are those of `gradio.Image`."""
    return Upload(type="filepath", image_mode=None, **arguments)


def file_control(**arguments: Any) -> Any:
    """Return a control whose value is the path of an uploaded file; the arguments are those of `gradio.File`."""
    return FileUpload(**arguments)
