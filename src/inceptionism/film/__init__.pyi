from .encoder import CODECS
from .joining import AUDIO_ENCODERS
from .live import LiveRun
from .loudness import Loudness
from .outputs import SEGMENTS_ENDING, check_film, segments_folder, unfinished_name
from .reader import FilmSource
from .replay import prepare_film, replay_film
from .scenes import SceneReader, find_scenes
from .stream import FilmRun, Frame, State
from .video import VideoRun
from .zoom import ZoomRun

__all__ = [
    "AUDIO_ENCODERS",
    "CODECS",
    "SEGMENTS_ENDING",
    "FilmRun",
    "FilmSource",
    "Frame",
    "LiveRun",
    "Loudness",
    "SceneReader",
    "State",
    "VideoRun",
    "ZoomRun",
    "check_film",
    "find_scenes",
    "prepare_film",
    "replay_film",
    "segments_folder",
    "unfinished_name",
]
