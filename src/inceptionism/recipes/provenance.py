"""Provenance of a result: versions, device, weights, photograph, and verdicts of other networks.

This module does not import torch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from inceptionism.errors import InvalidSetting, printable, quote_value
from inceptionism.recipes.settings import check_settings, documented, required, setting
from inceptionism.validation import MAX_SIDE, is_finite

PHOTO_FACTS = {"name": str, "sha256": str, "height": int, "width": int, "address": str}
"""Facts about the photograph in a recipe: file name, SHA-256 of the upright pixels, height, width, and web address."""


def checked_photo(_name: str, photo: object) -> object:
    """Return the facts about a photograph; raise `InvalidSetting` if they are not those of `PHOTO_FACTS`."""
    if not isinstance(photo, dict) or not all(
        name in PHOTO_FACTS and isinstance(value, (PHOTO_FACTS[name], type(None))) for name, value in photo.items()
    ):
        facts = ", ".join(PHOTO_FACTS)
        raise InvalidSetting(f"the recipe's photo must be described by {facts}, not {quote_value(photo)}")
    return photo


def checked_pictures(_name: str, pictures: object) -> object:
    """Return the hashes of pictures by name; raise `InvalidSetting` if they are not texts."""
    if not isinstance(pictures, dict) or not all(isinstance(one, str) for pair in pictures.items() for one in pair):
        raise InvalidSetting(f"the recipe's pictures must be names with their SHA-256, not {quote_value(pictures)}")
    return pictures


@documented
@dataclass(frozen=True)
class MadeWith:
    """Everything that a result depends on besides its settings."""

    inceptionism: str = required("Version of inceptionism")
    torch: str = required("Version of torch")
    device: str = required("Kind of device: cpu, cuda or mps")
    weights: str = required("SHA-256 of the network's parameters and buffers")
    photo: dict[str, Any] | None = setting(
        None,
        "Name of the photograph's file, SHA-256 of its upright 8-bit RGB pixels, height and width in pixels, and its "
        "web address if it has one",
        note="For a film, the SHA-256 is that of the file.",
        convert=checked_photo,
    )
    precision: str = setting("fp32", "Number format that the network used: fp32, bf16 or fp16")
    pictures: dict[str, str] | None = setting(
        None,
        "SHA-256 of every other file that was used, for example guides, masks and audio",
        note="For directions and the prior phase, it is the SHA-256 of a file or of the files in a folder.",
        convert=checked_pictures,
    )
    tile: int | None = setting(
        None, "Number of pixels that were processed at once, if the picture has more", minimum=0, maximum=MAX_SIDE**2
    )
    taken: int | None = setting(
        None, "Number of steps that were taken, if the run was stopped early", minimum=0, maximum=MAX_SIDE**2
    )
    python_objective: bool | None = setting(
        None, "Whether the objective exists only in Python, so that a replay needs it again"
    )
    python_prior: bool | None = setting(
        None, "Whether transforms or penalties exist only in Python, so that a replay needs them again"
    )

    def __post_init__(self) -> None:
        check_settings(self)

    def facts(self) -> dict[str, Any]:
        """Return everything that is known, as plain JSON values by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def missing_code(self) -> list[str]:
        """Return a sentence about each part of the recipe that exists only in Python."""
        sentences = []
        if self.python_objective:
            sentences.append("The objective exists only in Python. To run this file, choose another objective.")
        if self.python_prior:
            sentences.append("The prior also had functions that exist only in Python. This file does not have them.")
        return sentences

    def differences(self, other: MadeWith) -> list[str]:
        """Return the reasons why a picture made with `other` may differ from the original, one sentence each.

        The original is the picture that was made with `self`.
        """
        names = {"inceptionism": "inceptionism {}", "torch": "torch {}", "device": "device {}", "precision": "{}"}
        pairs = ((form, getattr(self, name), getattr(other, name)) for name, form in names.items())
        notes = [
            f"the original was made with {form.format(old)}, and this one with {form.format(new)}"
            for form, old, new in pairs
            if old != new
        ]
        if self.weights != other.weights:
            notes.append(
                f"the network's weights differ: the original had {self.weights[:12]}, and this one {other.weights[:12]}"
            )
        old_photo, new_photo = (one.photo or {} for one in (self, other))
        if old_photo.get("sha256") != new_photo.get("sha256"):
            old, new = describe_photo(old_photo), describe_photo(new_photo)
            notes.append(f"the photograph differs: the original was {old}, and this one is {new}")
        others = other.pictures or {}
        for name, digest in (self.pictures or {}).items():
            if others.get(name, digest if digest in others.values() else None) != digest:
                notes.append(f"{quote_value(name)} differs from the original one")
        if self.tile != other.tile:
            old, new = (f"in tiles of {one.tile} pixels" if one.tile else "as a whole" for one in (self, other))
            notes.append(f"the original was processed {old}, and this one {new}; --memory decides this")
        if self.taken is not None:
            notes.append(f"the original was stopped after {self.taken} steps, and this one took all steps")
        return notes


def describe_photo(photo: dict[str, Any]) -> str:
    """Return the name and the size of a photograph in words."""
    size = f" of {photo['height']}×{photo['width']} pixels" if {"height", "width"} <= photo.keys() else ""
    source = f" from {printable(photo['address'])}" if photo.get("address") else ""
    return f"{quote_value(photo['name']) if photo.get('name') else 'a photograph without a name'}{size}{source}"


def checked_seen(_name: str, seen: Any) -> tuple[tuple[str, float], ...]:
    """Return classes with their probabilities; raise `InvalidSetting` if the value is something else."""
    if not isinstance(seen, (list, tuple)) or not all(
        isinstance(one, (list, tuple)) and len(one) == 2 and isinstance(one[0], str) and is_finite(one[1])
        for one in seen
    ):
        raise InvalidSetting(f"a verdict must be a list of classes with probabilities, not {quote_value(seen)}")
    return tuple((name, float(share)) for name, share in seen)


@documented
@dataclass(frozen=True)
class Verdict:
    """The classes that an independent network sees in a result."""

    network: str = required("Name of the independent network")
    weights: str = required("SHA-256 of the network's parameters and buffers")
    seen: tuple[tuple[str, float], ...] = required(
        "Most likely classes, each with its probability", convert=checked_seen
    )

    def __post_init__(self) -> None:
        check_settings(self)

    def __str__(self) -> str:
        return f"{self.network} sees " + ", ".join(f"{name} {100 * share:.0f}%" for name, share in self.seen)
