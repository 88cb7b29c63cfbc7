"""Checks of the values of controls before the work begins, so that each sentence stands beside its control."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from inceptionism.io import Photo
from inceptionism.networks import load_network
from inceptionism.objectives import parse_objective
from inceptionism.recipes import PhotoRecipe
from inceptionism.runs import photo_objective
from inceptionism.studio.controls import PICTURES, Form
from inceptionism.studio.workshop import Workshop, check_network, uploaded_only

OF_THE_NETWORK = ("network", "layer", "objective")
"""Settings that are checked with the network, because only the network knows its layers and classes."""

STAND_IN = Photo(np.zeros((224, 224, 3), np.uint8))
"""Picture in place of the visitor's photograph, which an objective without a picture of its own refers to."""


def checked(problems: Sequence[str]) -> list[Any]:
    """Return the results of a validator of gradio for sentences about the values of controls."""
    return [gr.validate(not problem, problem) for problem in problems]


def form_problems(workshop: Workshop, form: Form, values: Sequence[Any]) -> list[str]:
    """Return a sentence about the value of each control of a form; empty for those that are valid."""
    problems = dict(zip(form.controls, form.problems(values), strict=True))
    shown = dict(zip(form.controls, values, strict=True))
    problems |= {name: picture_problem(workshop, shown[name]) for name in PICTURES if name in shown}
    if not any(problems.get(name) for name in OF_THE_NETWORK):
        settings = {name: shown[name] for name in OF_THE_NETWORK if shown.get(name)}
        problems |= network_problems(workshop, form, settings, form.uploads(values))
    return list(problems.values())


def picture_problem(workshop: Workshop, path: str | None) -> str:
    """Return a sentence about an uploaded picture if it cannot be used; empty if it can, or if there is none."""
    return "" if path is None else problem_of(workshop, workshop.check_upload, path)


def network_problems(
    workshop: Workshop, form: Form, settings: Mapping[str, Any], uploads: Mapping[str, Path]
) -> dict[str, str]:
    """Return sentences about the network, its layers and the objective, by name, if they are not valid together.

    Args:
        workshop: The workshop.
        form: The form.
        settings: The settings that are given.
        uploads: The uploaded pictures, by their names in the settings.
    """

    def check_layers() -> None:
        photo_objective(PhotoRecipe(layer=settings["layer"]), load_network(network), STAND_IN)

    def check_objective() -> None:
        photo = STAND_IN if issubclass(form.kind, PhotoRecipe) else None
        parse_objective(settings["objective"], load_network(network), photo, uploaded_only(uploads))

    network = settings["network"]
    if problem := network_problem(workshop, network):
        return {"network": problem}
    checks = {"layer": check_layers, "objective": check_objective}
    return {name: problem_of(workshop, check) for name, check in checks.items() if name in settings}


def network_problem(workshop: Workshop, name: str) -> str:
    """Return a sentence about a network if it cannot be used; empty if it can.

    The network is loaded here. This does not wait for the worker, which may be busy with a film.
    """
    return problem_of(workshop, check_network, name) or problem_of(workshop, load_network, name)


def check_uploads(workshop: Workshop, control: Any, check: Callable[[Path], object]) -> None:
    """Check each file as soon as it is uploaded, and show a sentence beside the control if the check raises an error.

    Args:
        workshop: The workshop.
        control: Control of the file.
        check: Function that reads the file.
    """

    def validate(path: str | None) -> Any:
        # gradio takes a list with one result as valid, whatever the result is.
        return checked([problem_of(workshop, check, Path(path)) if path else ""])[0]

    control.change(lambda _: None, control, None, validator=validate, show_progress="hidden")


def problem_of(workshop: Workshop, check: Callable[..., object], *values: Any) -> str:
    """Return the sentence about the error that a check raises; empty if it raises none."""
    try:
        check(*values)
    except Exception as error:  # noqa: BLE001  # the visitor gets a sentence, and the log the rest
        return workshop.sentence(error)
    return ""
