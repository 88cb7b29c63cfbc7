from .encoder import CODECS
from .live import LiveRun
from .loudness import Loudness
from .outputs import SEGMENTS_ENDING, check_film, segments_folder, unfinished_name
from .reader import FilmSource
from .replay import prepare_film, replay_film
from .stream import FilmRun, Frame
from .video import VideoRun
from .zoom import ZoomRun

__all__ = [
    "CODECS",
    "SEGMENTS_ENDING",
    "FilmRun",
    "FilmSource",
    "Frame",
    "LiveRun",
    "Loudness",
    "VideoRun",
    "ZoomRun",
    "check_film",
    "prepare_film",
    "replay_film",
    "segments_folder",
    "unfinished_name",
]
