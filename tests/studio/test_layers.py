"""The pictures of layers in the studio, which are kept in the user's cache."""

from __future__ import annotations

import pytest

from inceptionism.studio import layers
from tests.support.tiny_networks import tiny_network


class NeverStopped:
    stopped = False

    def show(self, _shown: object) -> None:
        """Do nothing."""


def test_networks_of_one_name_and_the_same_weights_have_their_own_pictures(tmp_path, monkeypatch) -> None:
    """A network that is added again with another mean has other pictures."""
    pytest.importorskip("gradio")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(layers, "SIDE", 32)
    monkeypatch.setattr(layers, "STEPS", 1)
    shown = []
    for mean in ((0.4, 0.5, 0.6), (0.1, 0.9, 0.2), (0.4, 0.5, 0.6)):
        monkeypatch.setattr(layers, "load_network", lambda _name, mean=mean: tiny_network(mean=mean))
        shown.append([picture.tobytes() for picture, _ in layers.make_pictures("tiny", NeverStopped())])
    assert len(list(tmp_path.rglob("*.jpg"))) == 2 * len(shown[0])
    assert shown[0] != shown[1]
