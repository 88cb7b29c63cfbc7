"""Defaults of the server. Does not import gradio."""

HOST = "127.0.0.1"
"""Address that only programs on this machine can reach."""

PORT = 7860

MAX_PIXELS = 40_000_000
"""Largest area of a photograph and of a result, in pixels."""

CACHE_SECONDS = 86_400
"""Age in seconds at which uploads, small pictures and painted masks are deleted."""
