"""Pictures in messages: the frames that a browser sends, and the pictures that it shows. None is a file on disk."""

from __future__ import annotations

import base64
import io
from typing import Any

import gradio as gr
import numpy as np
from gradio.data_classes import ImageData
from PIL import Image

from inceptionism.errors import UnreadablePicture
from inceptionism.io import PILLOW_ERRORS, Array
from inceptionism.studio.overridden import overridden

SIZE = (180, 320)
"""Height and width that the page asks the camera for."""

MAX_FRAME = 1280 * 960
"""Largest number of pixels of a frame. Some cameras have no small size."""

JPEG_START = "data:image/jpeg;base64,"


def frame_text(payload: ImageData | None) -> str | None:
    """Return the text of a frame. None if the camera has sent none."""
    return payload.url if payload else None


def camera_control(**arguments: Any) -> Any:
    """Return a control that sends the frames of the visitor's camera, each as a text that `decode_frame` reads."""
    height, width = SIZE
    asked = {"width": {"ideal": width}, "height": {"ideal": height}}
    options = gr.WebcamOptions(mirror=True, constraints={"video": asked})
    # gradio would decode the frame itself, without a limit of the pixels.
    camera = overridden(gr.Image, preprocess=staticmethod(frame_text))
    return camera(sources=["webcam"], streaming=True, webcam_options=options, **arguments)


def decode_frame(text: str) -> Array:
    """Return the pixels of a frame, H×W×3 uint8.

    Raises:
        UnreadablePicture: If the text is not a JPEG of at most `MAX_FRAME` pixels.
    """
    try:
        if not text.startswith(JPEG_START):
            raise ValueError("not a JPEG")
        data = base64.b64decode(text[len(JPEG_START) :], validate=True)
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            if image.width * image.height > MAX_FRAME:
                raise UnreadablePicture(
                    f"the camera sends {image.height}×{image.width} pixels, and {MAX_FRAME:,} is the most; "
                    "choose a smaller size in its settings"
                )
            return np.array(image.convert("RGB"))
    except (*PILLOW_ERRORS, Image.DecompressionBombError):
        raise UnreadablePicture("the camera sends something that is not a picture") from None


def shown_picture(control: gr.Image, value: Image.Image | str | None) -> Any:
    """Return the message that shows a picture: a PIL image as it is, and a file by its address."""
    if isinstance(value, Image.Image):
        return encode_frame(value)
    return gr.Image.postprocess(control, value)


# gradio would write each PIL image into a file, and keep it for a day.
FrameDisplay = overridden(gr.Image, postprocess=shown_picture)


def frame_display(**arguments: Any) -> Any:
    """Return a control that shows PIL images, which go to the browser inside the message, or files.

    Args:
        **arguments: Arguments of `gradio.Image`.
    """
    return FrameDisplay(interactive=False, type="filepath", **arguments)


def encode_frame(image: Image.Image) -> ImageData:
    """Return a picture as JPEG in a text."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=85)
    return ImageData(url=JPEG_START + base64.b64encode(data.getvalue()).decode("ascii"))
