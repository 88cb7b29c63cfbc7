"""Films that react to the loudness of a sound."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InvalidSetting, UnreadableFile
from inceptionism.film.loudness import Loudness
from inceptionism.film.reader import FilmSource
from inceptionism.recipes.reactions import BANDS, parse_reactions
from inceptionism.tensors import to_picture
from tests.support.command import dream
from tests.support.films import decoded, ffmpeg, pan, probe, save_sound, small_zoom, write

BASS, TREBLE = BANDS["bass"], BANDS["treble"]


def tone(frequency: float, seconds: float = 1.0, loudness: float = 0.5, rate: int = 44_100) -> np.ndarray:
    return loudness * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A second of bass, a second of silence, a second of treble, and a second of bass that is half as loud."""
    return save_sound(tmp_path / "a.wav", tone(80), tone(80) * 0, tone(4000), tone(80, loudness=0.25))


@pytest.mark.parametrize(
    ("ending", "codec"), [("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("flac", "flac"), ("m4a", "aac")]
)
def test_the_loudness_is_that_of_each_range_at_each_moment(tmp_path, ending: str, codec: str) -> None:
    parts = tone(80), tone(80) * 0, tone(4000), tone(80, loudness=0.25)
    loudness = Loudness(save_sound(tmp_path / f"a.{ending}", *parts, codec=codec), [BASS, TREBLE, (60, 100)])
    assert loudness.seconds == pytest.approx(4, abs=0.1)
    assert loudness.notes == []
    for band, levels in ((BASS, (1, 0, 0, 0.5)), (TREBLE, (0, 0, 1, 0)), ((60, 100), (1, 0, 0, 0.5))):
        assert [loudness.at(band, moment) for moment in (0.5, 1.8, 2.8, 3.8)] == pytest.approx(levels, abs=0.04)
    assert loudness.at(BASS, 99) == loudness.at(BASS, -1) == 0


def test_the_loudness_of_noise_is_that_of_a_filter_of_ffmpeg(tmp_path) -> None:
    """The power of a range of noise is compared with the power after the filter of another program."""
    generator = np.random.default_rng(3)
    noise = np.concatenate([generator.normal(0, loud, 22_050) for loud in (0.02, 0.2, 0.05, 0.1)])
    path = save_sound(tmp_path / "a.wav", np.clip(noise, -1, 1))
    loudness = Loudness(path, [(300, 900)])
    levels = [loudness.at((300, 900), moment) for moment in (0.75, 1.75)]  # after one that is ten times louder
    raw = ffmpeg("-i", path, "-af", "highpass=300:p=2,lowpass=900:p=2", "-f", "f32le", "-ac", 1, "-ar", 44_100, "-")
    filtered = np.frombuffer(raw, np.float32)
    wanted = [np.sqrt((filtered[a : a + 15_000] ** 2).mean()) for a in (25_000, 3 * 22_050 + 3000)]
    assert levels[0] / levels[1] == pytest.approx(wanted[0] / wanted[1], rel=0.35)


def test_the_loudness_falls_softly_and_rises_at_once(tmp_path) -> None:
    path = save_sound(tmp_path / "a.wav", tone(80, 0.5) * 0, tone(80, 0.5), tone(80) * 0)
    loudness = Loudness(path, [BASS])
    assert loudness.at(BASS, 0.4) < 0.02
    assert loudness.at(BASS, 0.56) > 0.9
    falling = [loudness.at(BASS, moment) for moment in (1.1, 1.22, 1.34)]
    assert falling[1] / falling[0] == pytest.approx(0.5, abs=0.05)
    assert falling[2] / falling[1] == pytest.approx(0.5, abs=0.05)


def test_loudness_changes_the_strength_of_a_zoom(sound, photo, tiny) -> None:
    run = small_zoom(photo, tiny, audio=sound, reaction="step_size(bass, 0, 3)", zoom=1, keep=0, seconds=4, jitter=0)
    frames = [frame.picture for frame in run]
    changes = [(two - one).abs().mean().item() * 255 for one, two in pairwise(frames)]
    # Five frames in a second. The camera stands still, so every change is a step of the dream.
    assert changes[1] > 1
    assert max(changes[9:13]) < 0.15  # from the resampling of the picture
    assert changes[1] * 0.2 < changes[17] < changes[1] * 0.8
    assert run.sound == sound
    assert run.recipe.made_with.pictures == {str(sound): Loudness(sound, [BASS]).sha256()}


def test_loudness_changes_the_speed_of_the_camera_and_the_layers(sound, photo, tiny) -> None:
    run = small_zoom(photo, tiny, audio=sound, seconds=4, reaction="camera(bass, 0, 2) + layer(treble, second)")
    scales = [run._movement(number)[0][0] for number in (2, 9, 13)]
    assert scales == pytest.approx([1.6 ** (-2 / 5), 1, 1], abs=0.01)
    assert [str(objective) for _, objective in run._reaction.mix(run._objectives.mixture_at(0.4), 0.4)] == [
        "layer(first)"
    ]
    mixture = run._reaction.mix(run._objectives.mixture_at(2.5), 2.5)
    assert [(round(share, 1), str(objective)) for share, objective in mixture] == [(1.0, "layer(second)")]
    backward = small_zoom(photo, tiny, audio=sound, seconds=4, reverse=True, reaction="camera(bass, 0, 2)")
    assert backward._movement(17)[0][0] == pytest.approx(1.6 ** (-2 / 5), abs=0.01)  # shown at 0.4 seconds


def test_loudness_changes_the_strength_of_a_video(tmp_path, sound, photo, tiny) -> None:
    film = write(tmp_path / "in.mp4", pan(photo, 20), sound="aac")
    settings = {"layer": "first", "octaves": 1, "jitter": 4, "blend": 0, "first_steps": 2}
    run = inc.video(film, network=tiny, audio=sound, reaction="step_size(bass, 0, 1)", **settings)
    detail = [
        (frame.picture - to_picture(source.pixels, torch.device("cpu"))).abs().mean().item() * 255
        for frame, source in zip(run, FilmSource(film), strict=True)
    ]
    plain = [frame.picture for frame in inc.video(film, network=tiny, **settings)]
    assert detail[5] > 0.8  # twelve frames in a second
    assert detail[19] < 0.1
    assert len(plain) == 20
    assert run.sound == sound
    assert run.notes == [
        f"{sound} has 4.0 seconds of sound, and the film has 1.66667; the rest of the sound is left out"
    ]


@pytest.mark.parametrize(("ending", "codec"), [(".mp4", "aac"), (".webm", "opus"), (".gif", None)])
def test_the_film_has_the_sound(tmp_path, sound, photo, tiny, ending: str, codec: str | None) -> None:
    path = tmp_path / f"out{ending}"
    small_zoom(photo, tiny, audio=sound, seconds=2).save(path)
    streams = probe(path)["streams"]
    assert [one["codec_name"] for one in streams[1:]] == ([codec] if codec else [])
    assert len(decoded(path)) == 10
    if codec:
        raw = ffmpeg("-i", path, "-f", "f32le", "-ac", 1, "-ar", 44_100, "-")
        heard = np.frombuffer(raw, np.float32)
        assert len(heard) / 44_100 == pytest.approx(2, abs=0.15)
        assert np.abs(heard[10_000:40_000]).mean() > 0.2 > 10 * np.abs(heard[50_000:80_000]).mean()


def test_a_film_with_audio_resumes_and_replays_with_the_same_frames(tmp_path, sound, photo, tiny) -> None:
    settings = {
        "audio": sound,
        "speed": 0.5,
        "reaction": "step_size(all) + layer(treble, second) + camera(60-120, 0, 1)",
    }
    small_zoom(photo, tiny, **settings).save(tmp_path / "whole.mp4")

    def stop(frame: inc.Frame) -> None:
        if frame.number == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small_zoom(photo, tiny, **settings).save(tmp_path / "a.mp4", on_frame=stop)
    other = save_sound(tmp_path / "other.wav", tone(200))
    with pytest.raises(InvalidSetting, match="different audio and pictures"):
        small_zoom(photo, tiny, **{**settings, "audio": other}).save(tmp_path / "a.mp4", resume=True)
    small_zoom(photo, tiny, **settings).save(tmp_path / "a.mp4", resume=True)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    Image.fromarray(photo).save(tmp_path / "cup.png")
    with pytest.raises(InvalidSetting, match=r"add --picture a\.wav"):
        inc.replay_film(tmp_path / "a.mp4", tmp_path / "cup.png", network=tiny)


def test_the_command_takes_a_sound_and_replays_it(folder) -> None:
    save_sound(folder / "a.wav", tone(80, 0.4))
    options = ("--layer", "blocks.1", "--octaves", 1, "--size", "32x40", "--fps", 5, "--frames", 2)
    done = dream("zoom", "cup.jpg", "-o", "a.mp4", *options, "--audio", "a.wav", cwd=folder)
    assert done.returncode == 0, done.stderr
    recipe = inc.load_recipe(folder / "a.mp4")
    assert (recipe.audio, recipe.reaction) == ("a.wav", None)
    done = dream("replay", "a.mp4", "cup.jpg", "--picture", "a.wav", "-o", "b.mp4", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "a.mp4").read_bytes() == (folder / "b.mp4").read_bytes()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("strength(all)", "unknown name 'strength'; sound changes step_size, camera or layer"),
        ("camera(base)", "'base' is no range of frequencies; write all, bass, mid or treble, or a range"),
        ("camera(900-100)", "'900-100' is no range"),
        ("camera(100-90000)", "'100-90000' is no range"),
        ("camera", "wrong number of arguments; write camera"),
        ("camera(bass, 1, 2, 3)", "wrong number of arguments"),
        ("camera(bass, -1)", "must be from 0 to 100, not -1"),
        ("camera(bass, fast)", "has the factor 'fast', not a number"),
        ("layer(bass)", "wrong number of arguments"),
        ("2*camera(bass)", "has a factor before its name"),
        ("camera(bass", "cannot be read"),
    ],
)
def test_wrong_reactions_are_refused(photo, tiny, sound, text: str, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        small_zoom(photo, tiny, audio=sound, reaction=text)


def test_reactions_without_sound_or_without_a_camera_are_refused(tmp_path, sound, photo, tiny) -> None:
    with pytest.raises(InvalidSetting, match="reaction needs audio"):
        small_zoom(photo, tiny, reaction="camera(bass)")
    film = write(tmp_path / "in.mp4", pan(photo, 3))
    with pytest.raises(InvalidSetting, match="a video has its own camera"):
        inc.video(film, network=tiny, audio=sound, reaction="camera(bass)")
    with pytest.raises(inc.UnknownName, match="first"):
        small_zoom(photo, tiny, audio=sound, reaction="layer(bass, frist)")
    with pytest.raises(UnreadableFile, match=r"in\.mp4 has no sound"):
        small_zoom(photo, tiny, audio=film)
    (tmp_path / "text.mp3").write_text("no sound")
    for name in ("text.mp3", "missing.mp3"):
        with pytest.raises(UnreadableFile, match=name):
            small_zoom(photo, tiny, audio=tmp_path / name)
    silent = save_sound(tmp_path / "silent.wav", tone(80) * 0)
    run = small_zoom(photo, tiny, audio=silent, seconds=1)
    assert run.notes == [f"{silent} is silent, so the film does not react to it"]
    assert parse_reactions("step_size(all)")[0].factor(1) == 2
