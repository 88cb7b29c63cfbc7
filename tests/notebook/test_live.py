"""Dreams in a notebook: shown while they are made, stopped by a click, and never shown twice."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

import inceptionism as inc
from inceptionism.io.photos import read_recipe
from tests.support.notebook_kernel import Kernel, running

BEGIN = """
import numpy as np
import skimage.data
import torch
import inceptionism as inc
from inceptionism import notebook as live

torch.set_num_threads(1)
photo = np.ascontiguousarray(skimage.data.coffee()[100:379:3, 150:363:3])
"""

LONG = "result = live.dream(photo, layer='blocks.2', octaves=1, steps=100_000)\nresult"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running(tmp_path_factory.mktemp("notebook")) as kernel:
        assert not kernel.run(BEGIN).failed
        yield kernel


def test_a_dream_is_shown_as_it_changes_and_once(kernel: Kernel) -> None:
    cell = kernel.run("result = live.dream(photo, layer='blocks.2', octaves=2, steps=60)\nresult")
    assert not cell.failed
    assert len(cell.buttons) == 1
    first, last = (np.asarray(cell.states[index]).astype(int) for index in (0, -1))
    assert first.shape == last.shape == (93, 71, 3)
    assert abs(first - last).mean() > 5
    # Afterwards there is a line and the picture: no widget, and the value of the last line is not a second picture.
    assert len(cell.shown) == 2
    assert re.fullmatch(r"photo · blocks\.2: 120 steps in \S+ s · score \S+ to \S+", *cell.texts)
    assert len(cell.pictures) == 1


def test_it_is_the_picture_that_the_library_makes(kernel: Kernel) -> None:
    kernel.run("result = live.dream(photo, layer='blocks.2', octaves=2, steps=4, seed=3)")
    cell = kernel.run(
        "plain = inc.dream(photo, layer='blocks.2', octaves=2, steps=4, seed=3)\n"
        "print(np.array_equal(result.image, plain.image), result.recipe == plain.recipe, result.scores == plain.scores)"
    )
    assert cell.said == "True True True\n"


def test_in_another_cell_a_result_is_shown_whole(kernel: Kernel) -> None:
    kernel.run("result = live.dream(photo, layer='blocks.2', octaves=1, steps=2)")
    cell = kernel.run("result")
    assert [sorted(one) for one in cell.shown] == [["image/png", "text/plain"]]
    assert cell.pictures[0].size == (71, 93)
    assert kernel.run("import pickle\nprint(pickle.loads(pickle.dumps(result)) == result)").said == "True\n"


@pytest.mark.parametrize("way", ["click", "interrupt"])
def test_a_stopped_dream_keeps_the_picture_so_far_and_the_notebook_goes_on(kernel: Kernel, way: str) -> None:
    cell = kernel.run(LONG, getattr(kernel, way))
    assert not cell.failed
    (line,) = cell.texts
    taken = int(re.search(r"stopped after (\d+) steps", line)[1])
    assert 0 < taken < 100_000
    after = kernel.run("print(len(result.scores), result.recipe.made_with.taken)")
    assert after.said == f"{taken} {taken}\n"
    # The kernel hears what it heard before: nothing is left of the button.
    assert kernel.run("live.dream(photo, layer='blocks.2', octaves=1, steps=3)").texts[0].count("stopped") == 0


def test_what_else_is_sent_meanwhile_is_done_afterwards_in_its_order(kernel: Kernel) -> None:
    asked: list[str] = []

    def ask_and_click(cell: object) -> None:
        asked.extend(kernel.client.execute(f"print({number})") for number in (1, 2))
        kernel.click(cell)

    assert not kernel.run(LONG, ask_and_click).failed
    said: list[tuple[str, str]] = []
    while len(said) < 2:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream":
            said.append((message["parent_header"]["msg_id"], message["content"]["text"]))
    assert said == [(asked[0], "1\n"), (asked[1], "2\n")]


def test_what_is_wrong_is_one_sentence(kernel: Kernel) -> None:
    cell = kernel.run("live.dream(photo, layer='blocks.99')")
    (line,) = cell.failed
    assert line.startswith("UnknownName: ")
    assert "blocks.9" in line
    assert cell.texts == [""]


def test_what_the_user_watches_is_called_too(kernel: Kernel) -> None:
    cell = kernel.run(
        "seen = []\nlive.visualize('daisy', prior='none', size=64, steps=3, on_step=seen.append)\n"
        "print([step.step for step in seen])"
    )
    assert cell.said == "[1, 2, 3]\n"
    assert cell.texts[0].startswith("daisy: 3 steps")


def test_several_are_one_sheet(kernel: Kernel) -> None:
    cell = kernel.run(
        "several = [inc.ClassRun(inc.ClassRecipe(target=name, size=(48, 64), steps=4, prior='fourier'))"
        " for name in ('daisy', 'banana')]\nlive.together(several)"
    )
    assert not cell.failed
    assert re.fullmatch(r"2 pictures: 4 steps in \S+ s", *cell.texts)
    (sheet,) = cell.pictures
    assert sheet.width > 2 * 64
    assert np.asarray(sheet)[20:50, 20:60].std() > 10


@pytest.mark.parametrize("stopped", [False, True])
def test_a_film_is_played_and_kept(kernel: Kernel, tmp_path: Path, stopped: bool) -> None:
    seconds = "None" if stopped else "0.5"
    path = tmp_path / "zoom.mp4"
    cell = kernel.run(
        f"film = live.zoom(photo, layer='blocks.2', seconds={seconds}, fps=12, steps=1, octaves=1, size=64)\nfilm",
        kernel.click if stopped else None,
    )
    assert not cell.failed
    (playing,) = [one["text/html"] for one in cell.shown if "text/html" in one]
    assert "<video" in playing
    assert "data:video/mp4;base64," in playing
    after = kernel.run(f"film.save({str(path)!r})\nprint(film.count, len(film.stills(3)), film.recipe.kind)")
    assert not after.failed
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert frames[0].shape == (64, 50, 3)
    assert after.said.split()[0] == str(len(frames))
    assert stopped or len(frames) == 6
    assert inc.Recipe.from_json(read_recipe(path)).kind == "zoom"


def test_a_film_has_one_format(kernel: Kernel) -> None:
    kernel.run("film = live.zoom(photo, layer='blocks.2', seconds=0.1, fps=12, steps=1, octaves=1, size=64)")
    cell = kernel.run("try: film.save('film.gif')\nexcept inc.CannotWrite as error: print(error)")
    assert "film.gif does not end in .mp4" in cell.said


def test_without_a_notebook_it_says_so() -> None:
    from inceptionism import notebook as live

    with pytest.raises(inc.InvalidSetting, match="in a Jupyter notebook, and this is none"):
        live.dream("photo.jpg")


def test_settings_are_those_of_the_library() -> None:
    import inspect

    from inceptionism import notebook as live

    for name in ("dream", "visualize", "zoom", "video", "replay"):
        own, other = getattr(live, name), getattr(inc, name)
        assert inspect.signature(own) == inspect.signature(other)
        assert own.__doc__ == other.__doc__


def test_without_the_extra_it_says_how_to_get_it() -> None:
    code = "import sys\nsys.modules['ipywidgets'] = None\nfrom inceptionism import notebook"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith(
        'ipywidgets is not installed; install it with: pip install "inceptionism[notebook]"'
    )
    assert "ModuleNotFoundError" not in done.stderr
