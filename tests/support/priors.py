"""Checks of terms of priors."""

from __future__ import annotations

import inceptionism as inc


def check_share(network: inc.Network, term: str, neutral: float) -> None:
    """Check that a term of a prior changes a picture of a class, depending on its share, and is in the recipe.

    Args:
        network: Network with at least 3 classes.
        term: Name of the term, whose setting is `share`.
        neutral: Share that changes nothing.
    """
    without = f"fourier + {term}(share={neutral:g})"
    pictures = {}
    for prior in ("fourier", without, f"fourier + {term}", f"fourier + {term}(share=0.3)"):
        result = inc.visualize(2, network=network, size=48, steps=3, prior=prior)
        pictures[prior] = result.image.tobytes()
        assert result.recipe.prior == prior
    assert len({*pictures.values()}) == 3
    assert pictures["fourier"] == pictures[without]
