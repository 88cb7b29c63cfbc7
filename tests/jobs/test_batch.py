"""Batches of real pictures, in this process and by several workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism.errors import CannotWrite, InvalidSetting
from inceptionism.jobs import process
from inceptionism.jobs.batch import start_pool
from inceptionism.jobs.outcomes import WorkerSettings
from inceptionism.jobs.pool import Pool

SMALL: dict[str, Any] = {"layer": "blocks.3", "octaves": 1, "steps": 2, "jitter": 4}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with two photographs of one size, one of another size, and a damaged one."""
    from skimage.data import astronaut, coffee

    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(coffee()[100:340:5, 100:420:5]).save(folder / "cup.png")
    Image.fromarray(coffee()[120:360:5, 160:480:5]).save(folder / "spoon.png")
    Image.fromarray(astronaut()[:200:5, :155:5]).save(folder / "face.jpg")
    (folder / "wrong.png").write_text("no picture")
    return folder


@pytest.fixture
def run(photos: Path, tmp_path: Path) -> Callable[..., Counter[str]]:
    """A function that runs a batch of the photographs in this process, and returns the numbers of results."""

    def run_batch(**more: Any) -> Counter[str]:
        settings: dict[str, Any] = {"output": tmp_path / "made", "workers": 0, **SMALL, **more}
        return Counter(result.status for result in inc.batch(photos, **settings))

    return run_batch


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (folder / "report.jsonl").read_text().splitlines()]


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_a_batch_makes_the_pictures_that_the_single_function_makes(photos, tmp_path) -> None:
    seen: list[inc.JobResult] = []
    results = list(inc.batch(photos, output=tmp_path / "made", workers=0, on_result=seen.append, **SMALL))
    assert results == seen
    by_name = {result.path.name: result for result in results}
    assert [by_name[name].status for name in ("cup.png", "face.png", "spoon.png", "wrong.png")] == ["done"] * 3 + [
        "failed"
    ]
    assert "wrong.png is not a picture" in by_name["wrong.png"].error
    for name, photo in (("cup.png", "cup.png"), ("face.png", "face.jpg"), ("spoon.png", "spoon.png")):
        alone = inc.dream(photos / photo, **SMALL)
        np.testing.assert_array_equal(pixels(tmp_path / "made" / name), np.asarray(alone.image))
        assert by_name[name].recipe == alone.recipe
        np.testing.assert_array_equal(np.asarray(by_name[name].image), np.asarray(alone.image))
    assert [line["output"] for line in lines(tmp_path / "made")] == ["cup.png", "face.png", "spoon.png", "wrong.png"]


def test_pictures_from_noise_are_made_together(tmp_path) -> None:
    sweep = {"class": ["banana", "lion"], "seed": range(2)}
    settings: dict[str, Any] = {"size": (40, 56), "steps": 2, "prior": "fourier + views"}
    results = list(inc.batch(output=tmp_path, workers=0, sweep=sweep, **settings))
    assert [result.path.name for result in results] == ["banana-0.png", "banana-1.png", "lion-0.png", "lion-1.png"]
    alone = inc.visualize("lion", seed=1, **settings)
    assert results[3].recipe == alone.recipe
    assert np.abs(np.asarray(results[3].image).astype(int) - np.asarray(alone.image)).max() <= 1


def test_only_what_is_missing_or_has_changed_is_made_again(photos, run, tmp_path) -> None:
    made = tmp_path / "made"
    assert run() == {"done": 3, "failed": 1}
    before = {path.name: path.stat().st_mtime_ns for path in made.glob("*.png")}
    assert run() == {"skipped": 3, "failed": 1}
    (made / "face.png").unlink()
    Image.fromarray(255 - pixels(photos / "cup.png")).save(photos / "cup.png")
    assert run() == {"skipped": 1, "done": 2, "failed": 1}
    after = {path.name: path.stat().st_mtime_ns for path in made.glob("*.png")}
    assert {name for name in before if before[name] != after[name]} == {"cup.png", "face.png"}
    assert run(steps=3) == {"done": 3, "failed": 1}
    assert inc.load_recipe(made / "spoon.png").steps == 3
    Image.fromarray(pixels(photos / "cup.png")).save(photos / "wrong.png")
    assert run(steps=3) == {"skipped": 3, "done": 1}
    assert len(lines(made)) == 4


def test_a_finished_batch_ends_without_workers_and_without_torch(photos, run, tmp_path) -> None:
    (photos / "wrong.png").unlink()
    assert run() == {"done": 3}
    again = f"list(inc.batch({str(photos)!r}, output={str(tmp_path / 'made')!r}, **{SMALL!r}))"
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import inceptionism as inc\n"
        f"print([result.status for result in {again}])\n"
    )
    report = lines(tmp_path / "made")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, str(["skipped"] * 3)), done.stderr
    assert lines(tmp_path / "made") == report


def test_a_copy_of_a_file_is_compared_once(photos, run, tmp_path, monkeypatch) -> None:
    """Its times of change are new, but its content is not."""
    started: list[int] = []

    def start(settings: WorkerSettings, device: str, workers: int | None, total: int) -> Pool[Any]:
        started.append(total)
        return start_pool(settings, device, workers, total)

    monkeypatch.setattr(sys.modules[start_pool.__module__], "start_pool", start)
    (photos / "wrong.png").unlink()
    assert run() == {"done": 3}
    (photos / "cup.png").write_bytes((photos / "cup.png").read_bytes())
    assert run() == run() == {"skipped": 3}
    assert started == [3, 1]


def test_pictures_without_a_line_in_the_report_are_known_by_their_recipe(photos, run, tmp_path) -> None:
    """A program may be killed after it has written a picture, and before it has written the line."""
    made = tmp_path / "made"
    run()
    (made / "report.jsonl").unlink()
    Image.new("RGB", (9, 9)).save(made / "face.png")  # a file of the user
    assert run() == {"skipped": 2, "failed": 2}
    error = next(line["error"] for line in lines(made) if line["output"] == "face.png")
    assert "face.png exists, and this batch did not make it" in error
    assert pixels(made / "face.png").shape == (9, 9, 3)
    assert run(overwrite=True) == {"skipped": 2, "done": 1, "failed": 1}
    assert pixels(made / "face.png").shape != (9, 9, 3)


def test_a_job_that_failed_is_repeated_if_that_is_wanted(run, tmp_path, photos) -> None:
    (photos / "wrong.png").unlink()
    nothing: dict[str, Any] = {"layer": None, "objective": "layer(blocks.3) - layer(blocks.3)"}
    assert run(**nothing) == {"failed": 3}
    first = lines(tmp_path / "made")
    assert all(line["key"] for line in first)
    assert run(**nothing) == {"failed": 3}
    assert lines(tmp_path / "made") == first  # nothing was tried again
    assert run(**nothing, retry=True) == {"failed": 3}
    assert lines(tmp_path / "made") != first


def test_a_recipe_a_look_and_a_list_find_files_in_their_own_folder(photos, tmp_path) -> None:
    """The pictures are those of `dream run`."""
    folder = tmp_path / "mine"
    folder.mkdir()
    Image.fromarray(255 - pixels(photos / "face.jpg")).save(folder / "paint.png")
    objective = "style(blocks.2, paint.png) + layer(blocks.3, where=paint.png)"
    (folder / "mine.toml").write_text(f'kind = "photo"\nobjective = "{objective}"\noctaves = 1\nsteps = 2\n')
    (folder / "jobs.csv").write_text(f'photo,objective,octaves,steps\n../photos/cup.png,"{objective}",1,2\n')
    wanted = np.asarray(inc.replay(folder / "mine.toml", photos / "cup.png").image)
    for number, (jobs, given) in enumerate(
        [
            (photos / "cup.png", {"recipes": [folder / "mine.toml"]}),
            (photos / "cup.png", {"look": str(folder / "mine.toml")}),
            (folder / "jobs.csv", {}),
        ]
    ):
        (result,) = inc.batch(jobs, output=tmp_path / str(number), workers=0, **given)
        assert result.status == "done", result.error
        np.testing.assert_array_equal(pixels(result.path), wanted)


def test_names_are_checked_before_the_work(photos, tmp_path) -> None:
    Image.open(photos / "cup.png").convert("RGB").save(photos / "cup.jpg")
    with pytest.raises(InvalidSetting, match=r"two jobs have the output cup.png: .*cup.jpg and .*cup.png"):
        list(inc.batch(photos, output=tmp_path / "made", workers=0, **SMALL))
    assert not (tmp_path / "made").exists()
    results = list(inc.batch(photos, output=tmp_path / "made", workers=0, name="{name}", **SMALL))
    assert {result.path.name for result in results} == {path.name for path in photos.iterdir()}


def test_a_photograph_is_never_replaced_by_its_dream(photos) -> None:
    before = (photos / "cup.png").read_bytes()
    with pytest.raises(InvalidSetting, match="would be inputs of the next batch; choose another folder"):
        list(inc.batch(photos, output=photos, workers=0, **SMALL))
    (result,) = inc.batch(photos / "cup.png", output=photos, workers=0, overwrite=True, **SMALL)
    assert "cup.png is the photograph itself; choose another --output or --name" in result.error
    assert (photos / "cup.png").read_bytes() == before


def test_a_full_disk_stops_the_batch_and_the_next_one_goes_on(run, tmp_path, monkeypatch) -> None:
    from inceptionism.jobs import worker

    written = worker.write_picture

    def fill(settings: Any, task: Any, content: bytes) -> None:
        if list(settings.folder.glob("*.png")):
            path = settings.folder / task.job.output
            raise CannotWrite(f"{path} cannot be written: No space left on device") from OSError(28, "No space left")
        written(settings, task, content)

    monkeypatch.setattr(worker, "write_picture", fill)
    with pytest.raises(CannotWrite, match="No space left"):
        run()
    assert len(list((tmp_path / "made").glob("*.png"))) == 1
    assert [line["status"] for line in lines(tmp_path / "made")].count("failed") == 0
    monkeypatch.undo()
    assert run() == {"skipped": 1, "done": 2, "failed": 1}


@pytest.mark.parametrize("failures", [1, 9])
def test_a_plan_that_cannot_be_written_never_replaces_the_report(run, tmp_path, monkeypatch, failures) -> None:
    from inceptionism.jobs.plan import Plan

    add_lines, failed = Plan.add_lines, []

    def fail(plan: Plan, added: Any) -> None:
        if isinstance(added, list) and len(failed) < failures:  # the line of a picture that was just made
            failed.append(added)
            raise CannotWrite("the temporary file plan.sqlite cannot be used")
        add_lines(plan, added)

    monkeypatch.setattr(Plan, "add_lines", fail)
    with pytest.raises(CannotWrite, match=r"plan\.sqlite"):
        run()
    made = {path.name for path in (tmp_path / "made").glob("*.png")}
    assert {line["output"] for line in lines(tmp_path / "made") if line["status"] == "done"} == made != set()


def test_a_plan_in_a_folder_that_is_missing_is_one_sentence(tmp_path) -> None:
    from inceptionism.jobs.plan import Plan

    with pytest.raises(CannotWrite, match=r"plan\.sqlite cannot be used: unable to open database file"):
        Plan(tmp_path / "missing" / "plan.sqlite")


@pytest.mark.long
def test_workers_make_the_same_pictures_also_if_one_is_killed(photos, tmp_path) -> None:
    settings: dict[str, Any] = {**SMALL, "steps": 12, "sweep": {"seed": range(4)}}
    alone = {one.path.name: one for one in inc.batch(photos, output=tmp_path / "alone", workers=0, **settings)}
    killed: list[int] = []

    def kill(result: inc.JobResult) -> None:
        workers = [one for one in psutil.Process().children() if process.__name__ in one.cmdline()]
        if result.status == "done" and len(killed) < 2:
            killed.append(workers[0].pid)
            os.kill(workers[0].pid, signal.SIGKILL)

    results = list(inc.batch(photos, output=tmp_path / "made", workers=2, on_result=kill, **settings))
    assert len(killed) == 2
    assert sorted(one.path.name for one in results) == sorted(alone)
    for result in results:
        assert (result.status, result.error.rpartition("/")[2]) == (
            ("failed", alone[result.path.name].error.rpartition("/")[2])
            if "wrong" in result.path.name
            else ("done" if result.status == "done" else "skipped", "")
        )
        if result.status != "failed":
            np.testing.assert_array_equal(pixels(result.path), pixels(alone[result.path.name].path))
    assert not [one for one in psutil.Process().children() if process.__name__ in one.cmdline()]


@pytest.mark.long
def test_a_job_that_kills_its_worker_fails_alone(photos, tmp_path, monkeypatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'inceptionism.jobs.process' in ' '.join(sys.orig_argv):\n"
        "    import inceptionism.jobs.worker as worker\n"
        "    load = worker.load_photo\n"
        "    worker.load_photo = lambda path, **more: os._exit(9) if 'spoon' in str(path) else load(path, **more)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    results = list(inc.batch(photos, output=tmp_path / "made", workers=2, **SMALL))
    assert {one.path.name: one.status for one in results} == {
        "cup.png": "done",
        "face.png": "done",
        "spoon.png": "failed",
        "wrong.png": "failed",
    }
    (spoon,) = (one for one in results if one.path.name == "spoon.png")
    assert "the worker that made this picture has ended: its exit status is 9" in spoon.error
