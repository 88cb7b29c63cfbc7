"""The parts of a prior that a user writes as Python functions: transforms and penalties."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.optimization.ascent import Penalty, finite_extremes
from inceptionism.optimization.parameterizations import Parameterization
from inceptionism.optimization.priors import Prior
from inceptionism.optimization.transforms import Transform

PictureScore: TypeAlias = Callable[[Tensor], Tensor]
"""Penalty on the pixels. Takes N×C×H×W in [0, 1], returns N numbers."""


@dataclass(frozen=True)
class PriorFunctions:
    """Transforms and penalties that exist only in Python. They are added to the prior of a recipe.

    Attributes:
        transforms: Functions that take the picture, N×C×H×W, and the run's random generator, and return a view of the
            same shape. They come after the transforms of the prior. C is more than 3 if the objective compares the
            picture with references, which must be transformed in the same way.
        penalties: Functions that take the picture, N×C×H×W in [0, 1], and return N penalties. Before they are
            subtracted, the objective's gradient is scaled to a mean absolute value of 1.

    Raises:
        InvalidSetting: If an item is not a function with this number of arguments.
    """

    transforms: tuple[Transform, ...] = ()
    penalties: tuple[PictureScore, ...] = ()

    @classmethod
    def of(cls, transforms: Iterable[Transform] | None, penalties: Iterable[PictureScore] | None) -> PriorFunctions:
        """Return the functions in two lists, each of which may be None."""
        return cls(
            checked_functions("transforms", transforms, "the picture and the random generator", 2),
            checked_functions("penalties", penalties, "the picture", 1),
        )

    def __bool__(self) -> bool:
        return bool(self.transforms or self.penalties)

    @property
    def notes(self) -> list[str]:
        """A note for the user if there are functions."""
        if not self:
            return []
        return [
            "the transforms and penalties exist only in Python and not in the recipe; "
            "to make this result again, pass the same functions to the replay"
        ]

    def added_to(self, prior: Prior) -> Prior:
        """Return a prior with these functions."""
        return replace(
            prior,
            transforms=[*prior.transforms, *map(checked_transform, self.transforms)],
            penalties=[*prior.penalties, *map(checked_penalty, self.penalties)],
        )


NO_FUNCTIONS = PriorFunctions()


def checked_functions(
    name: str, functions: Iterable[Callable[..., Tensor]] | None, arguments: str, count: int
) -> tuple[Callable[..., Tensor], ...]:
    """Return functions as a tuple; raise `InvalidSetting` unless each of them takes `count` arguments."""
    if functions is None:
        return ()
    is_list = isinstance(functions, Iterable) and not isinstance(functions, (str, bytes))
    listed = tuple(functions) if is_list else ()
    if not is_list or not all(callable(one) and takes(one, count) for one in listed):
        raise InvalidSetting(
            f"{name} must be a list of functions that each take {arguments}, not {quote_value(functions)}"
        )
    return listed


def takes(function: Callable[..., object], count: int) -> bool:
    """Return whether a function can be called with `count` arguments."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions that are written in C do not describe their arguments
        return True
    try:
        signature.bind(*[None] * count)
    except TypeError:
        return False
    return True


def checked_transform(transform: Transform) -> Transform:
    """Return a transform whose view has the shape of the picture and a finite gradient.

    It raises `InvalidSetting` or `NotFinite` if the function returns something else.
    """
    label = f"the transform {name_of(transform)}"

    def checked(picture: Tensor, generator: torch.Generator) -> Tensor:
        picture = with_finite_gradient(picture, label)
        view = transform(picture, generator)
        check_tensor(label, view, tuple(picture.shape), picture)
        return view

    return checked


def checked_penalty(penalty: PictureScore) -> Penalty:
    """Return a penalty on the pixels of a parameterization: a number for each picture, with a finite gradient.

    It raises `InvalidSetting` or `NotFinite` if the function returns something else.
    """
    label = f"the penalty {name_of(penalty)}"

    def checked(parameterization: Parameterization) -> Tensor:
        picture = with_finite_gradient(parameterization.picture(), label)
        values = penalty(picture)
        check_tensor(label, values, (len(picture),), picture)
        return values

    return checked


def with_finite_gradient(picture: Tensor, label: str) -> Tensor:
    """Return a picture. When its gradient is computed, `NotFinite` is raised if the gradient is not finite."""

    def check(gradient: Tensor) -> None:
        finite_extremes(gradient, f"{label} has a gradient that is not finite, for example because it divides by 0")

    # A hook on the picture itself would stay there, because the picture can be a parameter.
    picture = picture.view_as(picture)
    if picture.requires_grad:
        picture.register_hook(check)  # type: ignore[no-untyped-call]
    return picture


def check_tensor(label: str, result: object, shape: tuple[int, ...], picture: Tensor) -> None:
    """Raise `InvalidSetting` unless the result of a function is a tensor of a shape that depends on the picture."""
    if not isinstance(result, Tensor) or tuple(result.shape) != shape:
        got = f"a tensor of shape {tuple(result.shape)}" if isinstance(result, Tensor) else quote_value(result)
        raise InvalidSetting(f"{label} must return a tensor of shape {shape}, not {got}")
    if picture.requires_grad and not result.requires_grad:
        raise InvalidSetting(
            f"{label} has no gradient with respect to the picture; compute it with operations of torch, without "
            "detach() and no_grad()"
        )


def name_of(function: Callable[..., object]) -> str:
    """Return the name of a function in quotes, for messages."""
    return quote_value(getattr(function, "__name__", type(function).__name__))
