"""Defaults of learned features. This module does not import torch, so the command line starts quickly."""

LEARNED_FEATURES = 16
"""Number of features that are learned by default."""

PLACES_PER_PHOTO = 32
"""Number of random places of each photograph by default."""
