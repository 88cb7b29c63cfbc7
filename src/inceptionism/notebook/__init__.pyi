from .live import Film, dream, replay, run_batch, show, video, visualize, zoom

__all__ = [
    "Film",
    "dream",
    "replay",
    "run_batch",
    "show",
    "video",
    "visualize",
    "zoom",
]
