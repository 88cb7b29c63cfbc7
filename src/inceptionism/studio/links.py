"""The settings of the forms in the address of the page: written when the visitor changes them, read when it loads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from inceptionism.studio.address import read_query, values_in
from inceptionism.studio.controls import PICTURES, Form
from inceptionism.studio.film import VIDEO, ZOOM, FilmTab, film_query
from inceptionism.studio.keyframe_table import rows_in
from inceptionism.studio.noise import CLASS, KINDS, OBJECTIVE, UNIT, NoiseTab, noise_query
from inceptionism.studio.photograph import NO_LOOK, PhotographTab, look_values, looks_here, photograph_query

MAX_DIGITS = 6
"""Largest number of digits of a class in an address."""

QUICK: dict[str, Any] = {"queue": False, "show_progress": "hidden", "trigger_mode": "always_last"}


def link_settings(
    loaded: Callable[..., object],
    query: gr.Textbox,
    tabs: gr.Tabs,
    photograph: PhotographTab,
    noise: NoiseTab,
    film: FilmTab,
) -> None:
    """Write the settings of the forms into the address of the page, and fill the forms from it when the page loads.

    Args:
        loaded: Event after the page was loaded.
        query: Hidden control with the settings in the address.
        tabs: The tabs.
        photograph: The tab of photographs.
        noise: The tab of pictures from noise.
        film: The tab of films.
    """
    write_photograph(query, photograph)
    write_noise(query, noise)
    write_film(query, film)

    def fill(request: gr.Request) -> dict[Any, Any]:
        parts = read_query(str(request.query_params))
        tab = parts.get("tab", [""])[-1]
        kind = parts.get("kind", [""])[-1]
        if tab == "noise":
            target = parts.get("target", [""])[-1]
            return {
                tabs: gr.Tabs(selected="noise"),
                noise.kind: kind if kind in KINDS else CLASS,
                noise.target: int(target)
                if target in noise.targets or ("network" in parts and is_index(target))
                else None,
                **linked_values(noise.form, parts),
            }
        if tab == "film":
            kind = VIDEO if kind == VIDEO else ZOOM
            form, table = film.parts(kind)
            return {
                tabs: gr.Tabs(selected="film"),
                film.kind: kind,
                table: rows_in(table.headers, parts.get("keyframe", [])),
                **linked_values(form, parts),
            }
        if not parts:
            return {photograph.look: gr.skip()}  # the visitor may have chosen a look by now
        look = parts.get("look", [NO_LOOK])[-1]
        look = look if look in looks_here() else NO_LOOK
        values = values_in(photograph.form, parts, look_values(photograph.form, look))
        return {photograph.look: look, **dict(zip(photograph.form.controls.values(), values, strict=True))}

    forms = (photograph.form, noise.form, film.zoom, film.video)
    controls = [control for form in forms for control in form.controls.values()]
    outputs = [tabs, photograph.look, noise.kind, noise.target, film.kind, film.zoom_table, film.video_table, *controls]
    loaded(fill, None, outputs, queue=False, show_progress="hidden")


def write_photograph(query: gr.Textbox, tab: PhotographTab) -> None:
    """Write the look and the changed settings into the address when the visitor changes one."""

    def write(look: str, *values: Any) -> str:
        return photograph_query(tab.form, look, values)

    # Only changes by the visitor count: while the page fills a form, the controls have old and new values.
    inputs = [tab.look, *tab.form.controls.values()]
    gr.on(edits(inputs_of(tab.form)), write, inputs, query, **QUICK)
    for change in tab.changes:
        change.then(write, inputs, query, queue=False, show_progress="hidden")


def write_noise(query: gr.Textbox, tab: NoiseTab) -> None:
    """Write the subject and the changed settings into the address when the visitor changes one."""

    def write(kind: str, target: int | None, layer: str, channel: int | None, *values: Any) -> str:
        if kind != UNIT:
            return noise_query(tab.form, kind, target, values)
        # The address has the objective of the unit, as the recipe of its picture has.
        shown = dict(zip(tab.form.controls, values, strict=True)) | {"objective": f"channel({layer}:{channel or 0})"}
        return noise_query(tab.form, OBJECTIVE, None, list(shown.values()))

    subject = [tab.kind, tab.target, tab.layer, tab.channel]
    gr.on(edits([*subject, *inputs_of(tab.form)]), write, [*subject, *tab.form.controls.values()], query, **QUICK)


def write_film(query: gr.Textbox, tab: FilmTab) -> None:
    """Write the kind of film and the changed settings of this kind into the address when the visitor changes one."""
    zoom, video = list(tab.zoom.controls.values()), list(tab.video.controls.values())
    tables = [tab.zoom_table, tab.video_table]

    def write(kind: str, zoom_rows: list[list[Any]], video_rows: list[list[Any]], *values: Any) -> str:
        if kind == VIDEO:
            return film_query(tab.video, kind, values[len(zoom) :], video_rows)
        return film_query(tab.zoom, kind, values[: len(zoom)], zoom_rows)

    edited = [tab.kind, *tables, *inputs_of(tab.zoom), *inputs_of(tab.video)]
    gr.on(edits(edited), write, [tab.kind, *tables, *zoom, *video], query, **QUICK)


def linked_values(form: Form, parts: dict[str, list[str]]) -> dict[Any, Any]:
    """Return the values of the controls of a form: those in an address, or else the defaults."""
    return dict(zip(form.controls.values(), values_in(form, parts, form.updates({})), strict=True))


def is_index(text: str) -> bool:
    """Return whether a text is a number of a class. Whether the network has it is seen when its classes are read."""
    return text.isdecimal() and len(text) <= MAX_DIGITS


def inputs_of(form: Form) -> list[Any]:
    """Return the controls of a form whose values stand in the address."""
    return [control for name, control in form.controls.items() if name not in PICTURES]


def edits(controls: list[Any]) -> list[Any]:
    """Return the events in which a visitor changes one of the controls. A text is complete when its field is left."""
    return [one.blur if isinstance(one, gr.Textbox) else one.input for one in controls]
