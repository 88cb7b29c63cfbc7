"""Objectives of a film that change over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inceptionism.io import Photo
from inceptionism.networks import Network
from inceptionism.objectives import Objective
from inceptionism.recipes import FilmRecipe, keyframe_position
from inceptionism.runs import Replacements, photo_objective


@dataclass(frozen=True)
class ObjectiveSchedule:
    """Objectives of a film over time.

    Attributes:
        times: Time in seconds at which each objective is maximized alone. Between two times, the first objective fades
            into the second one.
        objectives: Objectives in the order of their times.
    """

    times: Sequence[float]
    objectives: Sequence[Objective]

    @classmethod
    def of(cls, recipe: FilmRecipe, network: Network, photo: Photo, replacements: Replacements) -> ObjectiveSchedule:
        """Return the objectives of a recipe and its keyframes.

        The arguments are those of `PhotoRun`, and `photo` is the first frame.
        """
        points = [(0.0, recipe, replacements)]
        later = replacements.copy()
        later.pop("objective", None)
        for keyframe in recipe.keyframes:
            if keyframe.layer or keyframe.objective:
                changed = replace(
                    recipe,
                    layer=keyframe.layer,
                    objective=keyframe.objective,
                    guide=None if keyframe.objective else recipe.guide,
                )
                points.append((keyframe.at, changed, later))
        if len(points) > 1 and points[1][0] == 0:
            del points[0]
        return cls(
            [time for time, _, _ in points],
            [photo_objective(changed, network, photo, **objects) for _, changed, objects in points],
        )

    @property
    def total(self) -> Objective:
        """Sum of all objectives."""
        return sum(self.objectives[1:], self.objectives[0])

    def mixture_at(self, time: float) -> list[tuple[float, Objective]]:
        """Return the objectives at a time in seconds, as pairs of a share and an objective. The shares add up to 1."""
        before, after, share = keyframe_position(self.times, time)
        if not share:
            return [(1.0, self.objectives[before])]
        return [(1 - share, self.objectives[before]), (share, self.objectives[after])]
