"""Output files: formats, refused paths, and writes that fail without damage to existing files."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism.errors import CannotWrite, InceptionismError, NameTaken
from inceptionism.io.encoding import check_side
from inceptionism.io.outputs import check_output, free_name, save_or_rescue, save_picture
from inceptionism.io.photos import load_photo
from inceptionism.io.recipes import read_recipe
from inceptionism.recipes import PhotoRecipe, Recipe, parse_terms
from tests.support.pictures import gradient, saved

LOSSY = {".jpg", ".jpeg", ".webp"}


@pytest.mark.parametrize("ending", [".png", ".jpg", ".jpeg", ".webp", ".PNG", ".gif"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_every_format_holds_the_recipe_and_the_picture(tmp_path, ending: str, mode: str) -> None:
    image = Image.fromarray(gradient())
    if mode == "RGBA":
        image.putalpha(128)
    recipe = PhotoRecipe(network="<&> ü")
    path = tmp_path / f"out{ending}"
    save_picture(image, path, recipe)
    assert read_recipe(path) == recipe.to_json()
    with Image.open(path) as reopened:
        assert reopened.size == image.size
        on_white = mode == "RGBA" and ending.lower() in (".jpg", ".jpeg")
        if ending == ".gif":
            assert_gif_is_similar(image, reopened)
            return
        assert reopened.mode == ("RGB" if on_white else mode)
        expected = np.asarray(image.convert("RGB")).astype(float)
        if on_white:
            expected = np.round(expected * 128 / 255 + 255 * 127 / 255)
        difference = np.abs(np.asarray(reopened.convert("RGB")) - expected)
        assert difference.mean() < (3 if ending.lower() in LOSSY else 0.01)


def assert_gif_is_similar(image: Image.Image, gif: Image.Image) -> None:
    """Assert that a GIF's colors are close to the picture's on average, and that all its pixels are opaque."""
    rgba = np.asarray(gif.convert("RGBA"))
    assert np.abs(rgba[..., :3].astype(int) - np.asarray(image.convert("RGB"))).mean() < 4
    assert (rgba[..., 3] == 255).all()


def test_a_gif_is_transparent_where_the_picture_is_less_than_half_opaque(tmp_path) -> None:
    image = Image.fromarray(gradient())
    alpha = np.tile(np.linspace(0, 255, 34).round().astype(np.uint8), (21, 1))
    image.putalpha(Image.fromarray(alpha))
    save_picture(image, tmp_path / "a.gif", PhotoRecipe())
    with Image.open(tmp_path / "a.gif") as reopened:
        np.testing.assert_array_equal(np.asarray(reopened.convert("RGBA"))[..., 3] == 255, alpha >= 128)


def test_a_picture_saved_without_a_recipe_has_none(tmp_path) -> None:
    assert read_recipe(saved(Image.fromarray(gradient()), tmp_path / "a.png")) is None


def test_outputs_that_cannot_be_written_are_refused(tmp_path) -> None:
    image = Image.fromarray(gradient())
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    for name, target in {"circle.png": "circle.png", "nowhere.png": "gone/x.png", "device.png": "/dev/null"}.items():
        (tmp_path / name).symlink_to(target)
    before = {path.name for path in tmp_path.iterdir()}
    for name, reason in {
        "missing/out.png": "there is no folder .*missing to write out.png in; make it first",
        "out.bmp": r"has the unknown ending '.bmp'; use one of .png, .jpg, .jpeg, .webp, .gif",
        "out": "has no ending; use one of .png, .jpg, .jpeg, .webp, .gif",
        "folder.png": "is a folder; give the name of a file",
        f"{'n' * 300}.png": "cannot be written: File name too long",
        "a\0.png": "cannot be written: its name contains a null character",
        "circle.png": "is a symbolic link that points back to itself",
        "nowhere.png": "there is no folder .*gone to write x.png in",
        "pipe.png": "is a pipe or a device, not a file",
        "device.png": "is a pipe or a device, not a file",
    }.items():
        with pytest.raises(CannotWrite, match=reason):
            save_picture(image, tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_folder_without_permission_is_refused(tmp_path) -> None:
    if os.geteuid() == 0:
        # The administrator may write everywhere, except where the kernel itself refuses.
        with pytest.raises(CannotWrite, match="cannot be written"):
            save_picture(Image.fromarray(gradient()), Path("/proc/out.png"))
        return
    tmp_path.chmod(0o500)
    with pytest.raises(CannotWrite, match="Permission denied"):
        save_picture(Image.fromarray(gradient()), tmp_path / "out.png")


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from PIL import Image
from inceptionism.io.outputs import save_picture
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
save_picture(Image.fromarray(np.random.default_rng(0).integers(0, 256, (99, 99, 3), np.uint8)), Path(sys.argv[1]))
"""


def test_a_write_that_fails_halfway_leaves_the_old_file(tmp_path) -> None:
    """The system refuses to write more than 2,000 bytes, like a full disk."""
    path = tmp_path / "out.png"
    path.write_bytes(b"the old picture")
    process = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert "CannotWrite" in process.stderr
    assert "File too large" in process.stderr
    assert path.read_bytes() == b"the old picture"
    assert list(tmp_path.iterdir()) == [path]


def test_a_program_that_reads_during_a_write_reads_the_whole_old_picture(tmp_path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"the old picture")
    with path.open("rb") as reader:
        save_picture(Image.fromarray(gradient()), path)
        assert reader.read() == b"the old picture"
    assert load_photo(path).pixels.shape == (21, 34, 3)


def test_a_link_is_kept_and_the_file_it_points_to_is_replaced(tmp_path) -> None:
    (tmp_path / "folder").mkdir()
    link, target = tmp_path / "link.png", tmp_path / "folder" / "target.png"
    link.symlink_to(target)
    save_picture(Image.fromarray(gradient()), link)
    assert link.is_symlink()
    np.testing.assert_array_equal(load_photo(target).pixels, gradient())


def test_a_replaced_file_keeps_its_permissions(tmp_path) -> None:
    path = tmp_path / "private.png"
    path.touch(0o600)
    save_picture(Image.fromarray(gradient()), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_photo(path).pixels.shape == (21, 34, 3)


def test_a_file_created_in_the_meantime_is_not_replaced(tmp_path, monkeypatch) -> None:
    """The file is created between the check and the write, as by another program."""
    import inceptionism.io.outputs as outputs

    encode = outputs.encode

    def encode_and_interfere(image: Image.Image, format: str, *rest: object, **options: object) -> bytes:
        if not path.exists():
            path.write_bytes(b"somebody else's")
        return encode(image, format, *rest, **options)

    monkeypatch.setattr(outputs, "encode", encode_and_interfere)
    path = tmp_path / "out.png"
    with pytest.raises(NameTaken, match="was created by another program in the meantime; it is not replaced"):
        save_picture(Image.fromarray(gradient()), path, overwrite=False)
    assert path.read_bytes() == b"somebody else's"
    path.unlink()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(NameTaken, match="it is not replaced; instead, the picture was saved to"):
        save_or_rescue(Image.fromarray(gradient()), path)
    path.unlink()
    assert save_or_rescue(Image.fromarray(gradient()), path, numbered=True) == tmp_path / "out-2.png"
    assert path.read_bytes() == b"somebody else's"


def test_many_programs_at_once_get_different_names(tmp_path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    image = Image.fromarray(gradient())
    with ThreadPoolExecutor(12) as threads:
        paths = list(threads.map(lambda _: save_or_rescue(image, tmp_path / "a.png", numbered=True), range(40)))
    assert len(set(paths)) == 40
    assert set(tmp_path.iterdir()) == set(paths)
    assert all(load_photo(path).pixels.shape == (21, 34, 3) for path in paths)


def test_free_names_are_numbered(tmp_path) -> None:
    (tmp_path / "a.png").symlink_to("gone.png")
    assert free_name(tmp_path / "a.png") == tmp_path / "a-2.png"
    assert free_name(tmp_path / "a.png", overwrite=True) == tmp_path / "a.png"
    (tmp_path / "a-2.png").touch()
    (tmp_path / "747-8.png").touch()
    assert free_name(tmp_path / "a-2.png") == tmp_path / "a-3.png"  # a-2 was a free name until another program took it
    assert free_name(tmp_path / "747-8.png") == tmp_path / "747-8-2.png"
    taken = [tmp_path / "a.png", tmp_path / "a-2.png"]
    assert free_name(tmp_path / "a.png", taken, overwrite=True) == tmp_path / "a-3.png"


def test_sizes_that_a_format_cannot_hold_are_refused_before_any_work() -> None:
    for name, size in {"a.webp": (16384, 5), "a.jpg": (7, 65501)}.items():
        with pytest.raises(CannotWrite, match=r"holds at most .* pixels on a side, not .*; write a \.png file"):
            check_side(Path(name).suffix, size)
    check_side(".webp", (16383, 16383))
    check_side(".png", (65535, 65535))


def test_a_check_leaves_no_files(tmp_path) -> None:
    check_output(tmp_path / "a.png", overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_too_large_for_its_format_is_saved_as_png(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    wide = Image.new("RGB", (16500, 3))
    reason = r"a picture of 3×16500 pixels cannot be written as WEBP.*; instead, the picture was saved to .*\.png"
    with pytest.raises(CannotWrite, match=reason) as caught:
        save_or_rescue(wide, tmp_path / "wide.webp", PhotoRecipe())
    with Image.open(rescued_path(caught.value)) as rescued:
        assert rescued.size == wide.size


def test_a_picture_whose_folder_is_missing_is_saved_elsewhere(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(
        CannotWrite, match=r"there is no folder .*; instead, the picture was saved to .*\.png"
    ) as caught:
        save_or_rescue(Image.fromarray(gradient()), tmp_path / "gone" / "out.jpg", PhotoRecipe())
    np.testing.assert_array_equal(np.asarray(Image.open(rescued_path(caught.value))), gradient())


def rescued_path(error: CannotWrite) -> Path:
    """Return the path at the end of a message of `save_or_rescue`."""
    return Path(str(error).rsplit(" saved to ", 1)[1])


KILLED = """
import os, sys
from pathlib import Path
import numpy as np
from PIL import Image
from inceptionism.io.outputs import save_picture

def watch(event, arguments):
    if event in ("open", "os.link", "os.rename") and sys.argv[1] in map(str, arguments):
        count[0] += 1
        if count[0] == int(sys.argv[2]):
            os._exit(9)

count = [0]
sys.addaudithook(watch)
save_picture(Image.fromarray(np.zeros((9, 9, 3), np.uint8)), Path(sys.argv[1]), overwrite=False)
"""


def test_a_program_that_is_killed_leaves_no_empty_file_with_the_final_name(tmp_path) -> None:
    """The program ends just before each of its system calls that name the file, one after the other."""
    path = tmp_path / "out.png"
    for moment in range(1, 9):
        process = subprocess.run([sys.executable, "-c", KILLED, str(path), str(moment)], check=False)
        if process.returncode == 0:
            break
        assert process.returncode == 9
        assert not path.exists()
    assert moment > 1
    assert load_photo(path).pixels.shape == (9, 9, 3)


def test_a_file_system_without_hard_links_is_supported(tmp_path, monkeypatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    path = tmp_path / "out.png"
    save_picture(Image.fromarray(gradient()), path, overwrite=False)
    np.testing.assert_array_equal(load_photo(path).pixels, gradient())
    with pytest.raises(NameTaken, match="exists; give another name"):
        save_picture(Image.fromarray(gradient()), path, overwrite=False)
    assert list(tmp_path.iterdir()) == [path]


def test_a_recipe_that_a_jpeg_cannot_hold_is_refused_with_a_way_out(tmp_path) -> None:
    recipe = PhotoRecipe(network="n" * 70_000)
    reason = r"the recipe has 7\d kB, and a JPEG holds 65; write a .png or .webp file, or leave the recipe out"
    with pytest.raises(CannotWrite, match=reason):
        save_picture(Image.new("RGB", (36, 40)), tmp_path / "a.jpg", recipe)
    save_picture(Image.new("RGB", (36, 40)), tmp_path / "a.webp", recipe)
    assert read_recipe(tmp_path / "a.webp") == recipe.to_json()


def test_messages_are_bounded_and_printable(tmp_path) -> None:
    long = "x" * 100_000 + "\0\n"
    for act in (
        lambda: load_photo(tmp_path / long),
        lambda: load_photo(tmp_path / "a" / ("x" * 250)),
        lambda: check_output(tmp_path / f"{long}.png", overwrite=False),
        lambda: check_output(tmp_path / f"a.{long}", overwrite=False),
        lambda: check_output(tmp_path / long / "a.png", overwrite=False),
        lambda: PhotoRecipe(layer=[f"{long}:x=y"]),
        lambda: parse_terms(f"{long}({long}", "objective"),
        lambda: Recipe.from_json(long),
        lambda: Recipe.from_toml(f"kind = 'photo'\n{long} ="),
        lambda: inc.replay(PhotoRecipe(guide=long), np.zeros((50, 50, 3), np.uint8)),
    ):
        with pytest.raises(InceptionismError) as refused:
            act()
        assert str(refused.value).isprintable()
        assert len(str(refused.value)) <= 2001


def test_temporary_files_of_killed_programs_are_deleted_after_an_hour(tmp_path) -> None:
    old, new, other = (tmp_path / name for name in (".0123456789abcdef.part", ".fedcba9876543210.part", ".mine.part"))
    for path in (old, new, other):
        path.write_bytes(b"cut")
    for path in (old, other):
        os.utime(path, (time.time() - 3700,) * 2)
    os.utime(new, (time.time() - 3500,) * 2)
    check_output(tmp_path / "out.png", overwrite=False)
    assert sorted(tmp_path.iterdir()) == sorted([new, other])


def test_a_temporary_file_that_cannot_be_deleted_does_not_prevent_an_output(tmp_path) -> None:
    abandoned = tmp_path / ".0123456789abcdef.part"
    abandoned.mkdir()  # like the file of another user in a shared folder, it cannot be deleted
    os.utime(abandoned, (time.time() - 3700,) * 2)
    save_picture(Image.fromarray(gradient()), tmp_path / "out.png")
    assert sorted(tmp_path.iterdir()) == [abandoned, tmp_path / "out.png"]


def test_ctrl_c_while_a_temporary_file_is_deleted_leaves_none_behind(tmp_path) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from inceptionism.interruption import interruptible\n"
        "from inceptionism.io import partial_file\n"
        "sys.addaudithook(lambda event, _: event == 'os.remove' and os.kill(os.getpid(), signal.SIGINT))\n"
        "with interruptible(), partial_file(Path(sys.argv[1])):\n"
        "    pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "x"], capture_output=True, text=True, check=False)
    assert "Interrupted" in done.stderr
    assert list(tmp_path.iterdir()) == []
