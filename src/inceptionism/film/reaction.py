"""Reaction of a film to its sound: the loudness changes the strength, the camera and the layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path

from inceptionism.errors import InvalidSetting, quote_path, quote_value
from inceptionism.film.loudness import Loudness
from inceptionism.io import Photo, named_source
from inceptionism.networks import Network
from inceptionism.objectives import Objective
from inceptionism.recipes import FilmRecipe, MadeWith, Reaction, parse_layers
from inceptionism.runs import Replacements, photo_objective

SMALLEST_SHARE = 0.02
"""Smallest share of a layer in a mixture, because each layer in it takes time."""


@dataclass(frozen=True)
class SoundReaction:
    """Reaction of a film to its sound. A film without audio has no reactions.

    Attributes:
        name: Name of the audio in the recipe.
        loudness: Loudness of the audio. None if there is no audio.
        reactions: Reactions to the loudness.
        objectives: Objective of each layer that a reaction names.
    """

    name: str = ""
    loudness: Loudness | None = None
    reactions: Sequence[Reaction] = ()
    objectives: Mapping[str, Objective] = field(default_factory=dict)

    @classmethod
    def of(cls, recipe: FilmRecipe, network: Network, photo: Photo, replacements: Replacements) -> SoundReaction:
        """Return the reaction of a recipe. The arguments are those of `PhotoRun`, and `photo` is the first frame.

        Raises:
            UnreadableFile: If the audio cannot be read.
            UnknownName: If the network has no such layer.
            InvalidSetting: If the audio is not the path of a file.
        """
        if recipe.audio is None:
            return cls()
        source = replacements.get("find_file", named_source)(recipe.audio)
        if not isinstance(source, Path):
            raise InvalidSetting(
                f"audio must be the path of a file, not {quote_value(source)}; download the file first"
            )
        plain = replacements.copy()
        plain.pop("objective", None)
        objectives = {
            name: photo_objective(replace(recipe, layer=parse_layers(name), objective=None), network, photo, **plain)
            for name in dict.fromkeys(one.layer for one in recipe.reactions if one.layer)
        }
        loudness = Loudness(source, [one.band for one in recipe.reactions])
        return cls(recipe.audio, loudness, recipe.reactions, objectives)

    @property
    def notes(self) -> Sequence[str]:
        """Decisions that were made while the audio was read, each in one sentence."""
        return self.loudness.notes if self.loudness is not None else ()

    @property
    def sound(self) -> Path | None:
        """File with the audio. None if there is no audio."""
        return self.loudness.path if self.loudness is not None else None

    def length_notes(self, seconds: float) -> list[str]:
        """Return a note if the audio is at least a second longer or shorter than a film of a length in seconds."""
        if self.loudness is None or abs(self.loudness.seconds - seconds) < 1:
            return []
        length = f"{quote_path(self.loudness.path)} has {self.loudness.seconds:.1f} seconds of sound"
        if self.loudness.seconds > seconds:
            return [f"{length}, and the film has {seconds:g}; the rest of the sound is left out"]
        return [f"{length}, and the film has {seconds:g}; the rest of the film is silent"]

    def total(self, objective: Objective) -> Objective:
        """Return the sum of an objective and those of the reactions."""
        return sum(self.objectives.values(), objective)

    def recorded(self, made_with: MadeWith) -> MadeWith:
        """Return the facts about a film with the SHA-256 of the audio."""
        if self.loudness is None:
            return made_with
        return replace(made_with, pictures={**(made_with.pictures or {}), self.name: self.loudness.sha256()})

    def factor(self, name: str, moment: float) -> float:
        """Return the factor of a setting at a moment of the sound in seconds."""
        return prod((one.factor(self._level(one, moment)) for one in self.reactions if one.name == name), start=1.0)

    def mix(self, mixture: Sequence[tuple[float, Objective]], moment: float) -> list[tuple[float, Objective]]:
        """Return pairs of a share and an objective, with the layers that become louder in place of the others.

        Args:
            mixture: Pairs of a share and an objective, without the reactions.
            moment: Moment of the sound in seconds.
        """
        mixed = list(mixture)
        for one in self.reactions:
            level = self._level(one, moment) if one.layer else 0.0
            if level > 1 - SMALLEST_SHARE:
                mixed = [(1.0, self.objectives[one.layer])]
            elif level >= SMALLEST_SHARE:
                mixed = [(share * (1 - level), objective) for share, objective in mixed]
                mixed.append((level, self.objectives[one.layer]))
        return mixed

    def _level(self, one: Reaction, moment: float) -> float:
        return self.loudness.at(one.band, moment) if self.loudness is not None else 0.0
