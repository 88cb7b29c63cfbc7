"""Trained networks: what they are made of, how they are found, and how they are made fast."""
