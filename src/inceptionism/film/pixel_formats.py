"""Conversion of frames to other pixel formats."""

from __future__ import annotations

from typing import Any

import av
from av.video.reformatter import VideoReformatter


def convert_frame(frame: av.VideoFrame, **options: Any) -> av.VideoFrame:
    """Return a frame in another format or size. The options are those of `av.VideoFrame.reformat`.

    That method keeps a converter with threads in the frame or in the process. In a forked process, these threads do not
    exist, and the next conversion or the deletion of the frame would wait for them forever. More threads than one are
    not faster here.
    """
    return VideoReformatter().reformat(frame, threads=1, **options)
