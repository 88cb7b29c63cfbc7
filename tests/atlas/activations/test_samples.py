"""Random activations of photographs: compared with a plain forward pass, and resumed after an interruption."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from inceptionism.atlas.activations.samples import TENSORS, ActivationSamples, sample_activations
from inceptionism.errors import InvalidSetting, NameTaken, UnreadableFile, UnreadablePicture
from tests.support.tiny_networks import TINY_MEAN, TINY_STD, tiny_module


@pytest.fixture
def photographs(tmp_path) -> list[Path]:
    """Seven pictures of the size that the network was trained at, so that they are not resized."""
    (tmp_path / "photographs").mkdir()
    generator = np.random.default_rng(0)
    paths = [tmp_path / "photographs" / f"{number}.png" for number in range(7)]
    for path in paths:
        Image.fromarray(generator.integers(0, 256, (32, 44, 3), dtype=np.uint8)).save(path)
    return paths


def sample(network, paths, file, **arguments) -> ActivationSamples:
    return sample_activations(network, "second", paths, file, **{"count": 3, "seed": 5, **arguments})


def test_the_samples_are_activations_of_a_plain_forward_pass(tiny, photographs, tmp_path) -> None:
    samples = sample(tiny, photographs, tmp_path / "samples")
    module, maps = tiny_module(), []
    module.second.register_forward_hook(lambda _module, _inputs, output: maps.append(output[0].clone()))
    for path in photographs:
        with Image.open(path) as image:
            pixels = (np.asarray(image) / 255 - np.array(TINY_MEAN)) / np.array(TINY_STD)
        with torch.no_grad():
            module(torch.from_numpy(pixels.transpose(2, 0, 1)[None]).float())
    assert samples.photo_numbers.tolist() == sorted([*range(7)] * 3)
    places = set()
    for value, *place in zip(*(getattr(samples, name).tolist() for name in TENSORS), strict=True):
        number, row, column = place
        np.testing.assert_allclose(value, maps[number][:, row, column], rtol=1e-4, atol=1e-5)
        places.add(tuple(place))
    assert len(places) == 21
    assert len({place[1:] for place in places}) > 10  # the photographs have different places


def test_an_interrupted_sample_continues_as_if_it_had_not_been_interrupted(tiny, photographs, tmp_path) -> None:
    whole = sample(tiny, photographs, tmp_path / "whole")

    def stop(number: int, _error: object) -> None:
        if number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample(tiny, photographs, tmp_path / "samples", on_photo=stop)
    part = ActivationSamples(tiny, "second", 3, 5)
    assert part.load(tmp_path / "samples")
    assert len(part.photos) == 3
    resumed = sample(tiny, photographs, tmp_path / "samples")
    assert resumed.photos == whole.photos
    for name in TENSORS:
        torch.testing.assert_close(getattr(resumed, name), getattr(whole, name), rtol=0, atol=0)


def test_the_places_depend_on_the_seed_and_the_name_of_the_photograph_only(tiny, photographs, tmp_path) -> None:
    whole = sample(tiny, photographs, tmp_path / "whole")
    last = sample(tiny, photographs[-1:], tmp_path / "last")
    torch.testing.assert_close(last.values, whole.values[-3:], rtol=0, atol=0)
    other = sample(tiny, photographs, tmp_path / "other", seed=6)
    assert not torch.equal(other.rows, whole.rows)


def test_a_small_map_gives_all_of_its_activations_and_logits_have_one(tiny, photographs, tmp_path) -> None:
    samples = sample(tiny, photographs[:1], tmp_path / "all", count=1000)
    assert sorted(zip(samples.rows.tolist(), samples.columns.tolist(), strict=True)) == [
        (row, column) for row in range(8) for column in range(11)
    ]
    logits = sample_activations(tiny, "logits", photographs[:2], tmp_path / "logits", count=3, seed=0)
    assert logits.values.shape == (2, 4)


def test_a_photograph_that_cannot_be_read_is_left_out_and_a_changed_one_begins_again(
    tiny, photographs, tmp_path
) -> None:
    photographs[2].write_bytes(b"no picture")
    with pytest.raises(UnreadablePicture, match=r"2\.png is not a picture"):
        sample(tiny, photographs, tmp_path / "samples")
    errors = []
    samples = sample(
        tiny, photographs, tmp_path / "samples", on_photo=lambda number, error: errors.append((number, error))
    )
    assert [number for number, error in errors if error] == [3]
    assert len(samples.photos) == 6
    samples.places = torch.zeros(18, 2, dtype=torch.float64)
    samples.save(tmp_path / "samples")
    assert sample(tiny, photographs[:2], tmp_path / "other").places is None
    assert sample(tiny, photographs[:2] + photographs[3:], tmp_path / "samples").places is not None
    Image.new("RGB", (40, 40)).save(photographs[0])
    changed = sample(tiny, photographs[:2] + photographs[3:], tmp_path / "samples")
    assert changed.places is None
    assert not torch.equal(changed.values[:3], samples.values[:3])


def test_other_samples_and_damaged_files_are_refused(tiny, photographs, tmp_path) -> None:
    file = tmp_path / "samples"
    sample(tiny, photographs, file)
    for arguments in ({"count": 2}, {"seed": 1}):
        with pytest.raises(NameTaken, match="has samples of another network, layer, number or seed"):
            sample(tiny, photographs, file, **arguments)
    assert sample(tiny, photographs, file, count=2, overwrite=True).values.shape == (14, 7)
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(UnreadableFile, match="is damaged, or has no samples of activations"):
        sample(tiny, photographs, file)
    for arguments, reason in (({"count": 0}, "samples must be at least 1"), ({"seed": -1}, "seed must be from 0")):
        with pytest.raises(InvalidSetting, match=reason):
            sample(tiny, photographs, tmp_path / "new", **arguments)
