"""Measurements of speed, memory and quality. `python -m bench PHOTO` makes all of them and prints one table."""
