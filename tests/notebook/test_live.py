"""Live runs in a notebook: they are shown at every step, stopped by a click, and never shown twice."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

import inceptionism as inc
from inceptionism.io import read_recipe
from tests.support.notebook_kernel import Kernel, running_kernel

SETUP = """
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
    with running_kernel(tmp_path_factory.mktemp("notebook")) as kernel:
        assert not kernel.run(SETUP).error
        yield kernel


def test_a_dream_is_shown_while_it_changes_and_only_once(kernel: Kernel) -> None:
    cell = kernel.run(
        "result = live.dream(photo, layer='blocks.2', octaves=2, octave_scale=1.4, steps=15, prior='none')\nresult"
    )
    assert not cell.error
    assert len(cell.buttons) == 1
    first, last = (np.asarray(cell.states[index]).astype(int) for index in (0, -1))
    assert first.shape == last.shape == (93, 71, 3)
    assert abs(first - last).mean() > 5
    # A line of text and the picture remain: no widget, and no second picture for the value of the last line.
    assert len(cell.outputs) == 2
    assert re.fullmatch(r"photo · blocks\.2: 30 steps in \S+ s · score \S+ to \S+", *cell.texts)
    assert len(cell.pictures) == 1


def test_the_picture_is_the_same_as_without_a_notebook(kernel: Kernel) -> None:
    kernel.run("result = live.dream(photo, layer='blocks.2', octaves=2, steps=4, seed=3)")
    cell = kernel.run(
        "plain = inc.dream(photo, layer='blocks.2', octaves=2, steps=4, seed=3)\n"
        "print(np.array_equal(result.image, plain.image), result.recipe == plain.recipe, result.scores == plain.scores)"
    )
    assert cell.printed == "True True True\n"


def test_another_cell_shows_the_result_in_full_quality(kernel: Kernel) -> None:
    kernel.run("result = live.dream(photo, layer='blocks.2', octaves=1, steps=2)")
    cell = kernel.run("result")
    assert [sorted(data) for data in cell.outputs] == [["image/png", "text/plain"]]
    assert cell.pictures[0].size == (71, 93)
    assert kernel.run("import pickle\nprint(pickle.loads(pickle.dumps(result)) == result)").printed == "True\n"


@pytest.mark.parametrize("stop", ["click", "interrupt"])
def test_a_stopped_dream_keeps_the_picture_so_far_and_the_notebook_continues(kernel: Kernel, stop: str) -> None:
    cell = kernel.run(LONG, getattr(kernel, stop))
    assert not cell.error
    (line,) = cell.texts
    taken = int(re.search(r"stopped after (\d+) steps", line)[1])
    assert 0 < taken < 100_000
    after = kernel.run("print(len(result.scores), result.recipe.made_with.taken)")
    assert after.printed == f"{taken} {taken}\n"
    # The next run is not stopped: the kernel has its original message handler again.
    assert kernel.run("live.dream(photo, layer='blocks.2', octaves=1, steps=3)").texts[0].count("stopped") == 0


def test_cells_sent_during_a_run_are_executed_afterwards_in_order(kernel: Kernel) -> None:
    requests: list[str] = []

    def send_cells_and_click(cell: object) -> None:
        requests.extend(kernel.client.execute(f"print({number})") for number in (1, 2))
        kernel.click(cell)

    assert not kernel.run(LONG, send_cells_and_click).error
    printed: dict[str, str] = {}
    while "".join(printed.values()).count("\n") < 2:  # a text may arrive in several messages
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "stream":
            cell = message["parent_header"]["msg_id"]
            printed[cell] = printed.get(cell, "") + message["content"]["text"]
    assert list(printed.items()) == [(requests[0], "1\n"), (requests[1], "2\n")]


def test_an_error_is_shown_as_one_sentence_without_a_traceback(kernel: Kernel) -> None:
    cell = kernel.run("live.dream(photo, layer='blocks.99')")
    (line,) = cell.error
    assert line.startswith("UnknownName: ")
    assert "blocks.9" in line
    assert cell.texts == [""]


def test_a_live_run_also_calls_on_step_of_the_user(kernel: Kernel) -> None:
    cell = kernel.run(
        "received = []\nlive.visualize('daisy', prior='none', size=64, steps=3, on_step=received.append)\n"
        "print([step.step for step in received])"
    )
    assert cell.printed == "[1, 2, 3]\n"
    assert cell.texts[0].startswith("daisy: 3 steps")


def test_a_batch_is_shown_as_one_sheet(kernel: Kernel) -> None:
    cell = kernel.run(
        "runs = [inc.ClassRun(inc.ClassRecipe(target=name, size=(48, 64), steps=4, prior='fourier'))"
        " for name in ('daisy', 'banana')]\nlive.run_batch(runs)"
    )
    assert not cell.error
    assert re.fullmatch(r"2 pictures: 4 steps in \S+ s", *cell.texts)
    (sheet,) = cell.pictures
    assert sheet.width > 2 * 64
    assert np.asarray(sheet)[20:50, 20:60].std() > 10


@pytest.mark.parametrize("stopped", [False, True])
def test_a_film_is_played_and_can_be_saved(kernel: Kernel, tmp_path: Path, stopped: bool) -> None:
    seconds = "None" if stopped else "0.5"
    path = tmp_path / "zoom.mp4"
    cell = kernel.run(
        f"film = live.zoom(photo, layer='blocks.2', seconds={seconds}, fps=12, steps=1, octaves=1, size=64)\nfilm",
        kernel.click if stopped else None,
    )
    assert not cell.error
    (player,) = [data["text/html"] for data in cell.outputs if "text/html" in data]
    assert "<video" in player
    assert "data:video/mp4;base64," in player
    after = kernel.run(f"film.save({str(path)!r})\nprint(film.count, len(film.stills(3)), film.recipe.kind)")
    assert not after.error
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert frames[0].shape == (64, 50, 3)
    assert after.printed.split()[0] == str(len(frames))
    assert stopped or len(frames) == 6
    assert inc.Recipe.from_json(read_recipe(path)).kind == "zoom"


def test_a_film_is_saved_as_mp4_only(kernel: Kernel) -> None:
    kernel.run("film = live.zoom(photo, layer='blocks.2', seconds=0.1, fps=12, steps=1, octaves=1, size=64)")
    cell = kernel.run("try: film.save('film.gif')\nexcept inc.CannotWrite as error: print(error)")
    assert "film.gif does not end in .mp4, the format of this film" in cell.printed


def test_a_film_that_fails_is_kept_up_to_the_failure(kernel: Kernel) -> None:
    cell = kernel.run(
        "calls = []\n"
        "def fail_later(picture, generator):\n"
        "    calls.append(None)\n"
        "    return picture if len(calls) <= 3 else None\n"
        "film = live.zoom(photo, layer='blocks.2', seconds=1, fps=12, steps=1, octaves=1, size=64, "
        "transforms=[fail_later])"
    )
    (line,) = cell.error
    saved = re.fullmatch(
        r"InvalidSetting: the transform .* must return .*; the film so far was saved to (.*\.mp4)", line
    )
    assert saved
    with av.open(saved[1]) as container:
        assert len(list(container.decode(video=0))) == 3
    Path(saved[1]).unlink()


def test_live_runs_outside_of_a_notebook_are_refused() -> None:
    from inceptionism import notebook as live

    with pytest.raises(inc.InvalidSetting, match=r"inceptionism\.notebook works only in a Jupyter notebook"):
        live.dream("photo.jpg")


def test_the_functions_have_the_signatures_and_docstrings_of_the_library() -> None:
    from inceptionism import notebook as live

    for name in ("dream", "visualize", "zoom", "video", "replay"):
        function, original = getattr(live, name), getattr(inc, name)
        assert inspect.signature(function) == inspect.signature(original)
        assert function.__doc__ == original.__doc__


def test_a_missing_ipywidgets_is_reported_with_the_command_to_install_it() -> None:
    code = "import sys\nsys.modules['ipywidgets'] = None\nfrom inceptionism import notebook as live\nlive.dream"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith(
        'ipywidgets is not installed; install it with: pip install "inceptionism[notebook]"'
    )
    assert "ModuleNotFoundError" not in done.stderr
