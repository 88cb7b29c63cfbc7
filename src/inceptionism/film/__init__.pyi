from .encoder import CODECS
from .reader import FilmSource
from .replay import prepare_film, replay_film
from .run import FilmRun
from .segments import check_film, segments_folder, unfinished_name
from .stream import Frame
from .video import VideoRun
from .zoom import ZoomRun

__all__ = [
    "CODECS",
    "FilmRun",
    "FilmSource",
    "Frame",
    "VideoRun",
    "ZoomRun",
    "check_film",
    "prepare_film",
    "replay_film",
    "segments_folder",
    "unfinished_name",
]
