"""The tab "From noise": a class, a unit or another objective becomes a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr

from inceptionism.networks import Network, load_network, ready_networks
from inceptionism.recipes import ClassRecipe, PhotoRecipe
from inceptionism.runs import make_class_runs
from inceptionism.studio.address import query_of
from inceptionism.studio.checks import form_problems
from inceptionism.studio.controls import Form, layer_choices, slider, unchanged
from inceptionism.studio.layers import follow_network
from inceptionism.studio.overridden import overridden
from inceptionism.studio.panel import ResultPanel, Work, work_buttons
from inceptionism.studio.progress import Progress, follow
from inceptionism.studio.worker import Job
from inceptionism.studio.workshop import Workshop, check_network, uploaded_only

CLASS, UNIT, OBJECTIVE = KINDS = ("a class", "a unit", "an objective")

# A link may have a class of another network. The classes of this network are read before they are chosen.
FreeDropdown = overridden(gr.Dropdown, preprocess=staticmethod(unchanged))

MAX_PICTURES = 9
"""Largest number of pictures with different seeds."""


class NoiseTab(NamedTuple):
    """Parts of the tab that other tabs fill in."""

    note: gr.HTML
    kind: gr.Radio
    target: gr.Dropdown
    targets: frozenset[str]
    layer: gr.Dropdown
    channel: gr.Number
    form: Form


def class_choices(network: Network) -> list[tuple[str, int]]:
    """Return the classes of a network for a dropdown, each with its names and its groups.

    The dropdown shows the classes whose text has the letters that are typed, so "cat" finds all cats. Latin names are
    left out, because they have such letters by chance.
    """
    labels = network.labels
    if not labels:
        return []
    choices = []
    for index, (first, *others) in enumerate(labels.names):
        names = ", ".join([first, *(name for name in others if name.islower())])
        choices.append((" · ".join(filter(None, [names, ", ".join(labels.groups(index))])), index))
    return choices


def noise_tab(workshop: Workshop) -> NoiseTab:
    """Draw the tab."""
    form = Form(ClassRecipe, "noise", leave_out=["target"])
    network = load_network(PhotoRecipe.network)
    choices: dict[str, Sequence[Any]] = {"network": ready_networks()}
    classes = class_choices(network)
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            note = gr.HTML(elem_id="noise-note", padding=False)
            kind = gr.Radio(list(KINDS), value=CLASS, label="Picture of", elem_id="kind")
            target = FreeDropdown(
                classes,
                value=None,
                label="Class",
                info="Type a name, or a group such as cat or bird.",
                num_choices_shown=50,
                elem_id="target",
            )
            with gr.Row(visible=False) as unit:
                layer = gr.Dropdown(layer_choices(network), value=network.default_layer, label="Layer", elem_id="layer")
                channel = gr.Number(0, precision=0, label="Channel", elem_id="channel")
            with gr.Group(visible=False) as sentence:
                form.draw(["objective"], choices)
            form.draw(["preset", "subjects"], choices)
            count = slider(1, MAX_PICTURES, 1, step=1, label="Pictures", info="Each has another seed.", elem_id="count")
            make, stop = work_buttons("Make", "make", "noise")
        with gr.Column(scale=3, min_width=300):
            panel = ResultPanel(workshop, "noise")
            panel.stop_with(stop)
            with gr.Row():
                panel.draw_download("noise")
    with gr.Accordion("Advanced", open=False) as advanced:
        hidden = form.draw_rest(choices)
    controls = list(form.controls.values())

    def work(what: str, index: int | None, name: str, number: int, pictures: int, *values: Any) -> Work:
        return visualization_work(workshop, form, subject(what, index, name, number), int(pictures), values)

    def check(what: str, index: int | None, layer: str, number: int | None, count: Any, *values: Any) -> list[str]:
        shown = dict(zip(form.controls, values, strict=True))
        # Only the subject of the chosen kind counts. The visitor does not see the others.
        subjects = {CLASS: "", UNIT: f"channel({layer}:{number})", OBJECTIVE: shown["objective"]}
        shown["objective"] = subjects[what]
        problems = dict(zip(shown, form_problems(workshop, form, list(shown.values())), strict=True))
        if what == OBJECTIVE and not shown["objective"]:
            problems["objective"] = "Give an objective."
        unit_problem = problems.pop("objective") if what == UNIT else ""
        return [
            "",
            "Choose a class first." if what == CLASS and index is None else "",
            "",
            "Give the number of a channel." if what == UNIT and number is None else unit_problem,
            "" if is_count(count) else f"The number of pictures must be from 1 to {MAX_PICTURES}.",
            *(problems.get(name, "") for name in shown),
        ]

    inputs = [kind, target, layer, channel, count, *controls]
    panel.connect(make.click, work, inputs, check, {advanced: hidden})

    def show_kind(what: str) -> tuple[Any, ...]:
        return (
            gr.Dropdown(visible=what == CLASS),
            gr.Row(visible=what == UNIT),
            gr.Group(visible=what == OBJECTIVE),
        )

    kind.change(show_kind, kind, [target, unit, sentence], queue=False, show_progress="hidden")

    follow_network(
        workshop,
        form.controls["network"],
        {
            target: class_dropdown,
            layer: lambda chosen, _: gr.Dropdown(layer_choices(chosen), value=chosen.default_layer),
        },
    )
    return NoiseTab(note, kind, target, frozenset(str(index) for _, index in classes), layer, channel, form)


def noise_query(form: Form, kind: str, target: int | None, values: Sequence[Any]) -> str:
    """Return the query of the page's address for the values of the form: the subject, and the changed settings."""
    chosen = {"kind": "" if kind == CLASS else kind, "target": "" if target is None else str(target)}
    return query_of(form, values, form.updates({}), tab="noise", **chosen)


def class_dropdown(network: Network, value: int | None) -> gr.Dropdown:
    """Return the new content of a dropdown of classes for a network. A chosen class stays if the network has it."""
    choices = class_choices(network)
    return gr.Dropdown(choices, value=value if any(index == value for _, index in choices) else None)


def is_count(value: Any) -> bool:
    """Return whether a value is a number of pictures that a visitor may make."""
    return isinstance(value, (int, float)) and value == int(value) and 1 <= value <= MAX_PICTURES


def subject(what: str, index: int | None, layer: str, channel: int) -> dict[str, Any]:
    """Return the settings that say what the picture shows, besides those of the form."""
    if what == CLASS:
        return {"target": index, "objective": None}
    return {"target": f"{layer}:{channel}", "objective": None} if what == UNIT else {}


def visualization_work(
    workshop: Workshop, form: Form, wanted: dict[str, Any], count: int, values: Sequence[Any]
) -> Work:
    """Return the work that makes pictures from noise with the values of the form.

    Args:
        workshop: The workshop.
        form: The form.
        wanted: Settings that say what the pictures show, besides those of the form.
        count: Number of pictures.
        values: Values of the controls of the form.
    """

    def work(job: Job[Progress]) -> Progress:
        recipe = form.recipe(values, **wanted)
        assert isinstance(recipe, ClassRecipe)
        check_network(recipe.network)
        if recipe.size is not None:
            workshop.check_area(*recipe.size, "the result")
        runs = make_class_runs(recipe, count, find_file=uploaded_only(form.uploads(values)))
        for run in runs:
            workshop.keep_pictures(run.made_with().pictures, form.uploads(values))
        return follow(runs, job, lambda result: workshop.save(result, result.recipe.title))

    return work
