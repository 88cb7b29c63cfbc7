"""The command `dream batch`, as a person uses it: interrupted, killed, and repeated."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.command import DREAM, dream

ONE = ("--layer", "blocks.3", "--octaves", "1", "--jitter", "4")
SMALL = (*ONE, "--steps", "2")
LONG = (*ONE, "--steps", "40")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    from skimage.data import coffee

    (tmp_path / "photos").mkdir()
    for index in range(6):
        left = 20 * index
        Image.fromarray(coffee()[100:340:4, left : left + 320 : 4]).save(tmp_path / "photos" / f"{index}.png")
    return tmp_path


def test_paths_are_printed_and_the_rest_is_on_standard_error(photos) -> None:
    (photos / "photos" / "5.png").write_text("no picture")
    done = dream("batch", "photos", "-o", "made", "--workers", 0, *SMALL, cwd=photos)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [f"made/{index}.png" for index in range(5)]
    assert "dream: photos/5.png is not a picture" in done.stderr
    table = {line.split()[0]: line.split()[1] for line in done.stderr.splitlines()[-4:]}
    assert table == {"done": "5", "skipped": "0", "failed": "1", "report": "made/report.jsonl"}
    again = dream("batch", "photos", "-o", "made", "--workers", 0, "--quiet", *SMALL, cwd=photos)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (("photos",), 2, "Missing option '--output' / '-o'"),
        (("nothing", "-o", "made"), 1, "there is no file or folder nothing"),
        (("photos", "-o", "-"), 1, "a batch is a folder of several files"),
        (("photos", "-o", "photos/1.png"), 1, "photos/1.png"),
        (("photos", "-o", "made", "--sweep", "sed=1"), 2, "a batch has no setting 'sed'; did you mean seed"),
        (("photos", "-o", "made", "--sweep", "seed=1", "--seed", "2"), 2, "seed is given twice"),
        (("photos", "-o", "made", "--name", "x"), 2, "two jobs have the output x.png: photos/0.png and photos/1.png"),
        (("wrong.csv", "-o", "made"), 2, "row 1 of wrong.csv has no setting 'leyer'; did you mean layer"),
        (("photos", "-o", "made", "--format", "xyz"), 2, "xyz"),
        (("photos", "-o", "made", "--workers", "999"), 2, "workers must be from 0 to 256, not 999"),
    ],
)
def test_wrong_input_gets_one_sentence_before_any_work(photos, arguments, status, reason) -> None:
    (photos / "wrong.csv").write_text("photo,leyer\nphotos/0.png,blocks.4\n")
    done = dream("batch", *arguments, cwd=photos)
    assert done.returncode == status
    assert reason in done.stderr
    assert not list((photos / "made").glob("*.png"))


def test_a_huge_picture_and_two_of_one_name_do_not_stop_the_others(photos) -> None:
    (photos / "photos" / "deep").mkdir()
    shutil.copy(photos / "photos" / "0.png", photos / "photos" / "deep" / "0.png")
    header = (photos / "photos" / "1.png").read_bytes()[:16]
    huge = header + (10**5).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00" + bytes(40)
    (photos / "photos" / "huge.png").write_bytes(huge)
    done = dream("batch", "photos", "-r", "-o", "made", "--workers", 0, *SMALL, cwd=photos)
    assert done.returncode == 1
    assert sorted(done.stdout.splitlines()) == sorted(["made/deep/0.png", *(f"made/{index}.png" for index in range(6))])
    assert "huge.png" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
@pytest.mark.long
def test_an_interrupted_batch_goes_on_where_it_was(photos, number) -> None:
    arguments = [*DREAM, "batch", "photos", "-o", "made", "--workers", "2", *LONG]
    process = subprocess.Popen(
        arguments, cwd=photos, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 90
    while len(list((photos / "made").glob("*.png"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.kill()
    _, errors = process.communicate(timeout=60)
    first = {path.name: path.stat().st_mtime_ns for path in (photos / "made").glob("*.png")}
    assert 2 <= len(first) < 6
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert f"interrupted after {len(first)} of 6 pictures; repeat the command to continue" in errors
    done = dream(*arguments[len(DREAM) :], cwd=photos)
    assert done.returncode == 0, done.stderr
    for name, moment in first.items():
        assert (photos / "made" / name).stat().st_mtime_ns == moment
    report = [json.loads(line) for line in (photos / "made" / "report.jsonl").read_text().splitlines()]
    assert [line["output"] for line in report] == [f"{index}.png" for index in range(6)]
    assert dream("photo", "photos/5.png", "-o", "5.png", *LONG, cwd=photos).returncode == 0
    with Image.open(photos / "5.png") as alone, Image.open(photos / "made" / "5.png") as made:
        np.testing.assert_array_equal(np.asarray(alone), np.asarray(made))
