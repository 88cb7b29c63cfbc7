"""Films out: every format read back by others, sound kept, nothing lost."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism.errors import CannotWrite, InvalidSetting, NameTaken
from inceptionism.film import encoder as film_out
from inceptionism.film.segments import FilmFile
from inceptionism.io.photos import read_recipe
from inceptionism.io.xmp import write_packet
from inceptionism.recipes.film import ZoomRecipe
from inceptionism.recipes.recipe import Recipe
from tests.support.exiftool import needs_exiftool, tags
from tests.support.films import decoded, pan, probe, times, write

ENDINGS = [".mp4", ".webm", ".gif", ".webp", ""]
SMALL = {"layer": "first", "octaves": 1, "jitter": 4, "fps": 5, "seconds": 2.4, "size": (44, 58)}


def zoom(photo, tiny, **settings) -> inc.ZoomRun:
    return inc.zoom(photo, network=tiny, **{**SMALL, **settings})


def pixels(path: Path) -> list[np.ndarray]:
    if path.is_dir():
        return [np.asarray(Image.open(one)) for one in sorted(path.glob("*.png"))]
    if path.suffix == ".webp":
        with Image.open(path) as image:
            return [np.asarray((image.seek(n), image.convert("RGB"))[1]) for n in range(image.n_frames)]
    return decoded(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_holds_the_frames_and_the_recipe(tmp_path, photo, tiny, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    run = zoom(photo, tiny)
    run.save(path)
    made = [np.asarray(frame.image).astype(float) for frame in zoom(photo, tiny)]
    found = pixels(path)
    assert len(found) == 12
    most = 0 if ending == "" else 12 if ending == ".gif" else 7
    for one, other in zip(found, made, strict=True):
        assert np.abs(one - other).mean() <= most
        assert np.abs((one - other).mean((0, 1))).max() <= 3  # colors are neither shifted nor paler
    text = read_recipe(path if ending else path / "000000.png")
    assert Recipe.from_json(text) == run.recipe
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_ffprobe_and_browsers_find_what_they_want(tmp_path, photo, tiny) -> None:
    zoom(photo, tiny).save(tmp_path / "out.mp4")
    said = probe(tmp_path / "out.mp4")
    (stream,) = said["streams"]
    assert (stream["codec_name"], stream["pix_fmt"], stream["color_space"]) == ("h264", "yuv420p", "bt709")
    assert (stream["avg_frame_rate"], stream["nb_read_frames"]) == ("5/1", "12")
    assert float(said["format"]["duration"]) == pytest.approx(2.4)
    assert said["format"]["tags"]["title"] == zoom(photo, tiny).title
    content = (tmp_path / "out.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # it plays before all of it is there
    zoom(photo, tiny).save(tmp_path / "out.webm")
    assert probe(tmp_path / "out.webm")["streams"][0]["codec_name"] == "vp9"
    zoom(photo, tiny).save(tmp_path / "out.gif")
    assert probe(tmp_path / "out.gif")["streams"][0]["nb_read_frames"] == "12"


@needs_exiftool
@pytest.mark.parametrize("ending", [".mp4", ".gif", ".webp"])
def test_exiftool_reads_title_software_and_keyword(tmp_path, photo, tiny, ending: str) -> None:
    run = zoom(photo, tiny)
    run.save(tmp_path / f"out{ending}")
    found = tags(tmp_path / f"out{ending}")
    assert (found["XMP:Subject"], found["XMP:Title"]) == ("deepdream", run.title)
    assert str(found["XMP:CreatorTool"]).startswith("inceptionism")


@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_animations_repeat_forever_at_their_rate(tmp_path, photo, tiny, ending: str) -> None:
    zoom(photo, tiny).save(tmp_path / f"out{ending}")
    with Image.open(tmp_path / f"out{ending}") as image:
        assert image.info["loop"] == 0
        image.seek(3)
        image.load()
        assert image.info["duration"] == 200


@pytest.mark.parametrize(
    ("ending", "sound", "kept"),
    [(".mp4", "aac", "aac"), (".mp4", "pcm_s16le", "aac"), (".webm", "libopus", "opus"), (".webm", "aac", "opus")],
)
def test_sound_and_uneven_times_are_kept(tmp_path, photo, tiny, ending: str, sound: str, kept: str) -> None:
    given = [0, 1, 4, 5, 9, 10, 11, 14]
    film = write(tmp_path / "in.mkv", pan(photo, 8), times=given, sound=sound, aspect=Fraction(4, 3))
    inc.video(film, network=tiny, layer="first", octaves=1).save(tmp_path / f"out{ending}")
    assert times(tmp_path / f"out{ending}") == pytest.approx([one / 12 for one in given], abs=0.002)
    streams = {one["codec_type"]: one for one in probe(tmp_path / f"out{ending}")["streams"]}
    assert streams["audio"]["codec_name"] == kept
    assert (streams["video"]["width"], streams["video"]["height"]) == (78, 44)  # 58 × 4/3, and even
    with av.open(str(tmp_path / f"out{ending}")) as out:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in out.decode(audio=0)])
    tone = np.abs(np.fft.rfft(heard[12_000:36_000].astype(float)))
    assert tone.argmax() == pytest.approx(24_000 / 20 / 2 / np.pi, abs=2)


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_the_sound_of_a_damaged_stream_is_kept_as_far_as_it_goes(tmp_path, photo, tiny, ending: str) -> None:
    film = write(tmp_path / "in.ts", pan(photo, 24), sound="aac")
    content = bytearray(film.read_bytes())
    content[len(content) * 2 // 3 : len(content) * 2 // 3 + 1000] = bytes(1000)
    film.write_bytes(content[:-777])
    inc.video(film, network=tiny, layer="first", octaves=1).save(tmp_path / f"out{ending}")
    with av.open(str(tmp_path / f"out{ending}")) as out:
        heard = [packet for packet in out.demux(audio=0) if packet.size]
    assert len(heard) * 960 > 48_000
    assert 12 < len(decoded(tmp_path / f"out{ending}")) <= 24


def test_another_source_is_not_gone_on_with(tmp_path, photo, tiny) -> None:
    film = write(tmp_path / "in.mp4", pan(photo, 12))
    with pytest.raises(Stop):
        inc.video(film, network=tiny, layer="first", octaves=1).save(tmp_path / "out.mp4", on_frame=stop_after(8))
    write(film, pan(photo[1:], 12))
    with pytest.raises(InvalidSetting, match="made with another photo; give"):
        inc.video(film, network=tiny, layer="first", octaves=1).save(tmp_path / "out.mp4", resume=True)


def test_an_odd_size_is_filled_up_for_films_and_stays_elsewhere(tmp_path, photo, tiny) -> None:
    film = write(tmp_path / "in.mkv", pan(photo, 3, 43, 57), pixels="yuv444p")
    for ending, size in {".mp4": (44, 58), ".webp": (43, 57), "": (43, 57)}.items():
        inc.video(film, network=tiny, layer="first", octaves=1).save(tmp_path / f"out{ending}")
        assert pixels(tmp_path / f"out{ending}")[0].shape[:2] == size


class Stop(KeyboardInterrupt):
    pass


def stop_after(count: int):
    def on_frame(frame: inc.Frame) -> None:
        if frame.number + 1 == count:
            raise Stop

    return on_frame


@pytest.mark.parametrize("ending", ENDINGS)
def test_interrupted_there_is_a_film_and_going_on_gives_the_same(tmp_path, photo, tiny, ending: str) -> None:
    whole, path = tmp_path / f"whole{ending}", tmp_path / f"out{ending}"
    zoom(photo, tiny).save(whole)
    with pytest.raises(Stop):
        zoom(photo, tiny).save(path, on_frame=stop_after(9))
    assert len(pixels(path)) == 9
    seen: list[int] = []
    zoom(photo, tiny, seconds=2.4).save(path, resume=True, on_frame=lambda frame: seen.append(frame.number))
    assert seen == list(range(8, 12))  # from the last full piece on, of half a second
    assert all(np.array_equal(one, other) for one, other in zip(pixels(path), pixels(whole), strict=True))
    assert not path.with_name(f"{path.name}.parts").exists()
    # What is finished is not made again.
    run = zoom(photo, tiny)
    run.save(path, resume=True, on_frame=stop_after(1))
    assert run.notes == [f"{path} is finished already"]


@pytest.mark.parametrize("ending", [".mp4", ""])
def test_what_was_interrupted_before_the_first_piece_does_not_pass_for_the_whole(tmp_path, photo, tiny, ending) -> None:
    path = tmp_path / f"out{ending}"
    with pytest.raises(Stop):
        zoom(photo, tiny).save(path, on_frame=stop_after(1))
    assert len(pixels(path)) == 1
    # Nor after a second attempt that makes nothing.
    film = FilmFile(zoom(photo, tiny), path, overwrite=False, resume=True)
    film.close(finished=False)
    zoom(photo, tiny).save(path, resume=True)
    assert len(pixels(path)) == 12
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_what_is_finished_is_only_left_as_it_is_if_it_is_the_same(tmp_path, photo, tiny) -> None:
    path = tmp_path / "out.webp"
    short = {"seconds": 0.4}
    zoom(photo, tiny, **short).save(path, metadata=False)
    with pytest.raises(NameTaken, match="does not say how it was made"):
        zoom(photo, tiny, **short).save(path, resume=True)
    zoom(photo, tiny, **short).save(path)
    with pytest.raises(NameTaken, match="is a finished film of another length"):
        zoom(photo, tiny).save(path, resume=True)
    # What somebody else made need not say what it was made with.
    with Image.open(path) as image:
        image.save(path, save_all=True, xmp=write_packet(ZoomRecipe().to_json(), ""))
    with pytest.raises(NameTaken, match="is another film"):
        zoom(photo, tiny).save(path, resume=True)


def test_the_film_that_is_dreamed_is_not_written_over(tmp_path, photo, tiny) -> None:
    film = write(tmp_path / "in.mp4", pan(photo, 3))
    before = film.read_bytes()
    with pytest.raises(NameTaken, match="is the film that is to be dreamed"):
        inc.video(film, network=tiny, layer="first", octaves=1).save(film)
    assert film.read_bytes() == before


def test_what_cannot_be_gone_on_from_is_refused(tmp_path, photo, tiny) -> None:
    path = tmp_path / "out.mp4"
    with pytest.raises(Stop):
        zoom(photo, tiny).save(path, on_frame=stop_after(7))
    with pytest.raises(InvalidSetting, match=r"out.mp4.parts was made with another seed and zoom; give the settings"):
        zoom(photo, tiny, zoom=2, seed=1).save(path, resume=True)
    with pytest.raises(NameTaken, match="holds an unfinished film; --resume goes on"):
        zoom(photo, tiny).save(path, overwrite=False)
    state = tmp_path / "out.mp4.parts" / "state.npz"
    for content in (b"", b"PK\3\4", state.read_bytes()[:-200]):
        state.write_bytes(content)
        with pytest.raises(InvalidSetting, match="cannot be gone on from"):
            zoom(photo, tiny).save(path, resume=True)
    zoom(photo, tiny).save(path)  # which begins anew
    assert len(decoded(path)) == 12
    with pytest.raises(NameTaken, match="is another film"):
        zoom(photo, tiny, seed=1).save(path, resume=True)
    with pytest.raises(NameTaken, match=r"out.mp4 exists"):
        zoom(photo, tiny).save(path, overwrite=False)


def test_where_no_film_can_be_written_nothing_is_made(tmp_path, photo, tiny) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    for name, reason in {
        "out.avi": r"results are written as .mp4, .webm, .gif, .webp",
        "gone/out.mp4": "there is no folder",
        "gone/frames": "there is no folder",
        "full": "has files in it",
        "file": "is a file",
    }.items():
        with pytest.raises(CannotWrite, match=reason):
            zoom(photo, tiny).save(tmp_path / name, overwrite=False)
    with pytest.raises(InvalidSetting, match="under a path"):
        zoom(photo, tiny).save(5)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failure_on_the_way_leaves_the_film_so_far(tmp_path, photo, tiny) -> None:
    run = zoom(photo, tiny)

    def fail(frame: inc.Frame) -> None:
        if frame.number == 6:
            raise inc.NoGradient("nothing responds")

    with pytest.raises(inc.NoGradient):
        run.save(tmp_path / "out.mp4", on_frame=fail)
    assert len(decoded(tmp_path / "out.mp4")) == 7


def test_what_cannot_be_written_on_the_way_is_said_and_what_is_there_stays(tmp_path, photo, tiny) -> None:
    with pytest.raises(Stop):
        zoom(photo, tiny).save(tmp_path / "out.mp4", on_frame=stop_after(7))
    # A folder in the way of the next piece stands for whatever the system refuses.
    (tmp_path / "out.mp4.parts" / ".unfinished.mp4").mkdir()
    with pytest.raises(CannotWrite, match="cannot be written"):
        zoom(photo, tiny).save(tmp_path / "out.mp4", resume=True)
    (tmp_path / "out.mp4.parts" / ".unfinished.mp4").rmdir()
    zoom(photo, tiny).save(tmp_path / "out.mp4", resume=True)
    assert len(decoded(tmp_path / "out.mp4")) == 12


@pytest.mark.parametrize("ending", [".mp4", ".webm", ".gif", ".webp", ""])
def test_a_film_need_not_say_how_it_was_made(tmp_path, photo, tiny, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    zoom(photo, tiny).save(path, metadata=False)
    assert read_recipe(path if ending else path / "000000.png") is None
    first = path if ending else path / "000000.png"
    assert b"inceptionism" not in first.read_bytes()
    assert b"deepdream" not in first.read_bytes()


def test_a_state_without_its_picture_is_said(tmp_path, photo, tiny) -> None:
    run = zoom(photo, tiny)
    parts = tmp_path / "out.mp4.parts"
    film = FilmFile(run, tmp_path / "out.mp4", overwrite=False, resume=False)
    for frame in run:
        film.add(frame)
    film.close(finished=False)
    with np.load(parts / "state.npz") as kept:
        np.savez(parts / "state.npz", about=kept["about"])
    with pytest.raises(InvalidSetting, match=r"cannot be gone on from: .*--overwrite begins anew"):
        zoom(photo, tiny).save(tmp_path / "out.mp4", resume=True)


def test_an_animation_too_large_for_its_format_is_refused_before_any_work(tmp_path, photo, tiny) -> None:
    run = zoom(photo, tiny)
    run.size = (40, 16_400)
    with pytest.raises(CannotWrite, match="WEBP holds at most 16383"):
        run.save(tmp_path / "out.webp")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_not_blamed_on_the_sound(tmp_path, photo, tiny, monkeypatch) -> None:
    write(tmp_path / "in.mp4", pan(photo, 4), sound="aac")
    run = inc.video(tmp_path / "in.mp4", network=tiny, layer="first", octaves=1)

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(film_out.heapq, "merge", full)
    with pytest.raises(CannotWrite, match=r"out\.mp4 cannot be written: No space left on device"):
        run.save(tmp_path / "out.mp4")
