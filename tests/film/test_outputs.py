"""Checks of the path of a film, before any work is done."""

from __future__ import annotations

import pytest
from PIL import Image

from inceptionism.errors import CannotWrite, InvalidSetting, NameTaken
from inceptionism.io.xmp import write_packet
from inceptionism.recipes import ZoomRecipe
from tests.support.films import pan, small_video, small_zoom, write


def test_resuming_refuses_a_finished_film_that_is_different(tmp_path, photo, tiny) -> None:
    path = tmp_path / "out.webp"
    short = {"seconds": 0.4}
    small_zoom(photo, tiny, **short).save(path, metadata=False)
    with pytest.raises(NameTaken, match="exists and has no recipe in it"):
        small_zoom(photo, tiny, **short).save(path, resume=True)
    small_zoom(photo, tiny, **short).save(path)
    with pytest.raises(NameTaken, match="is a finished film of a different length"):
        small_zoom(photo, tiny).save(path, resume=True)
    # A recipe from another program may have no `made_with`.
    with Image.open(path) as image:
        image.save(path, save_all=True, xmp=write_packet(ZoomRecipe().to_json(), ""))
    with pytest.raises(NameTaken, match="is a different film"):
        small_zoom(photo, tiny).save(path, resume=True)


def test_the_source_film_is_not_overwritten(tmp_path, photo, tiny) -> None:
    film = write(tmp_path / "in.mp4", pan(photo, 3))
    before = film.read_bytes()
    with pytest.raises(NameTaken, match=r"in\.mp4 is the film to dream; choose another name"):
        small_video(film, tiny).save(film)
    assert film.read_bytes() == before


def test_a_path_that_cannot_be_written_is_refused_and_nothing_is_made(tmp_path, photo, tiny) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    for name, reason in {
        "out.avi": "has the unknown ending '.avi'; use one of .mp4, .webm, .gif, .webp",
        "gone/out.mp4": "there is no folder",
        "gone/frames": "there is no folder",
        "full": "has files in it",
        "file": "is a file",
    }.items():
        with pytest.raises(CannotWrite, match=reason):
            small_zoom(photo, tiny).save(tmp_path / name, overwrite=False)
    with pytest.raises(InvalidSetting, match="the path of a film must be a text or a Path"):
        small_zoom(photo, tiny).save(5)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_animation_that_is_too_large_for_its_format_is_refused(tmp_path, photo, tiny) -> None:
    run = small_zoom(photo, tiny)
    run.size = (40, 16_400)
    with pytest.raises(CannotWrite, match="WEBP holds at most 16383"):
        run.save(tmp_path / "out.webp")
    assert not list(tmp_path.iterdir())
