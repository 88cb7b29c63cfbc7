"""Hypothesis strategies for recipes of photographs and of classes."""

from __future__ import annotations

from hypothesis import strategies as st

from inceptionism.recipes import ClassRecipe, PhotoRecipe
from inceptionism.recipes.layers import LayerChoice
from inceptionism.recipes.provenance import MadeWith

MADE = MadeWith("0.1.0", "2.13.0", "cpu", "ab" * 32, {"name": "ü.jpg", "sha256": "cd" * 32, "height": 5, "width": 7})

photo_recipes = st.builds(
    PhotoRecipe,
    network=st.text(min_size=1),
    layer=st.lists(
        st.builds(
            LayerChoice,
            st.from_regex(r"[a-z][a-z0-9_./]{0,20}", fullmatch=True),
            st.none() | st.integers(0, 5000),
            st.floats(1e-6, 1e6) | st.floats(-1e6, -1e-6),
        ),
        max_size=3,
    ).map(tuple),
    octaves=st.integers(1, 32),
    octave_scale=st.floats(1, 16, exclude_min=True),
    steps=st.integers(1, 1000),
    step_size=st.floats(0, 255, exclude_min=True),
    jitter=st.integers(0, 999),
    size=st.none() | st.integers(1, 9999),
    seed=st.integers(0, 2**63 - 1),
    made_with=st.none() | st.just(MADE),
)
class_recipes = st.builds(
    ClassRecipe,
    target=st.integers(0, 999) | st.text(min_size=1),
    prior=st.sampled_from(["fourier + views", "none", None]),
    size=st.tuples(st.integers(1, 999), st.integers(1, 999)) | st.integers(1, 999),
    steps=st.integers(1, 999),
)
