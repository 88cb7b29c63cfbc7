"""Filling the forms from the recipe inside a picture, wherever the picture is dropped."""

from __future__ import annotations

from typing import Any

import gradio as gr

from inceptionism.io import load_recipe, read_recipe
from inceptionism.networks import ready_networks
from inceptionism.recipes import ClassRecipe, FilmRecipe, PhotoRecipe, Recipe, ZoomRecipe, file_settings
from inceptionism.studio.film import VIDEO, ZOOM, FilmTab, film_query
from inceptionism.studio.gallery import GalleryTab, checked_file
from inceptionism.studio.keyframe_table import rows_of
from inceptionism.studio.noise import CLASS, OBJECTIVE, NoiseTab, noise_query
from inceptionism.studio.photograph import NO_LOOK, PhotographTab, photograph_query
from inceptionism.studio.progress import note_html
from inceptionism.studio.workshop import Workshop


class Filling:
    """Fills the forms of the tabs from a recipe.

    Args:
        workshop: The workshop.
        tabs: The tabs of the page.
        photograph, noise, film: The tabs with the forms.
        dropped: Hidden control for files that are dropped anywhere on the page.
        query: Hidden control with the settings in the address.
    """

    def __init__(
        self,
        workshop: Workshop,
        tabs: gr.Tabs,
        photograph: PhotographTab,
        noise: NoiseTab,
        film: FilmTab,
        dropped: gr.File,
        query: gr.Textbox,
    ) -> None:
        self._workshop, self._tabs, self._dropped, self._query = workshop, tabs, dropped, query
        self._photograph, self._noise, self._film = photograph, noise, film

    @property
    def outputs(self) -> list[Any]:
        """The controls that `changes` changes."""
        photograph, noise = self._photograph, self._noise
        return [
            self._tabs,
            self._query,
            photograph.look,
            photograph.note,
            *photograph.form.controls.values(),
            noise.note,
            noise.kind,
            noise.target,
            *noise.form.controls.values(),
            self._film.kind,
            self._film.note,
            *self._film.zoom.controls.values(),
            *self._film.video.controls.values(),
            self._film.zoom_table,
            self._film.video_table,
        ]

    def changes(self, recipe: Recipe) -> dict[Any, Any]:
        """Return the changes of the controls for a recipe."""
        note = note_html(filling_note(recipe))
        if recipe.network not in ready_networks():
            return {self._tabs: gr.Tabs(selected="photograph"), self._photograph.note: note}
        if isinstance(recipe, PhotoRecipe) and recipe.kind == PhotoRecipe.kind:
            form = self._photograph.form
            return {
                self._tabs: gr.Tabs(selected="photograph"),
                self._query: photograph_query(form, NO_LOOK, form.updates(recipe.settings())),
                self._photograph.look: NO_LOOK,
                self._photograph.note: note,
                **form.filled(recipe.settings()),
            }
        if isinstance(recipe, ClassRecipe):
            form, kind = self._noise.form, CLASS if recipe.objective is None else OBJECTIVE
            target = recipe.target if isinstance(recipe.target, int) else None
            return {
                self._tabs: gr.Tabs(selected="noise"),
                self._query: noise_query(form, kind, target, form.updates(recipe.settings())),
                self._noise.note: note,
                self._noise.kind: kind,
                self._noise.target: target,
                **form.filled(recipe.settings()),
            }
        kind = ZOOM if isinstance(recipe, ZoomRecipe) else VIDEO
        form, table = self._film.parts(kind)
        rows = rows_of(table.headers, recipe.keyframes if isinstance(recipe, FilmRecipe) else ())
        return {
            self._tabs: gr.Tabs(selected="film"),
            self._query: film_query(form, kind, form.updates(recipe.settings()), rows),
            table: rows,
            self._film.kind: kind,
            self._film.note: note,
            **form.filled(recipe.settings()),
        }

    def on_upload(self, path: str | None) -> dict[Any, Any]:
        """Return the changes for an uploaded picture: those of its recipe, or none if another program made it."""
        try:
            if path is None:
                return {self._photograph.note: ""}
            self._workshop.load_upload(path)
            return {self._photograph.note: ""} if read_recipe(path) is None else self.changes(load_recipe(path))
        except Exception as error:  # noqa: BLE001  # the visitor gets a sentence, and the log the rest
            return {self._photograph.note: self._workshop.problem(error)}

    def on_drop(self, path: str | None) -> dict[Any, Any]:
        """Return the changes for a file that was dropped anywhere: those of its recipe, or else a new photograph."""
        changes: dict[Any, Any] = {self._dropped: None}
        try:
            if path is None:
                return changes
            self._workshop.check_size(path)
            if read_recipe(path) is not None:
                return changes | self.changes(load_recipe(path))
            self._workshop.load_upload(path)
            return changes | {
                self._tabs: gr.Tabs(selected="photograph"),
                self._photograph.photograph: path,
                self._photograph.note: "",
            }
        except Exception as error:  # noqa: BLE001  # the visitor gets a sentence, and the log the rest
            shown = self._workshop.problem(error)
            return changes | {self._tabs: gr.Tabs(selected="photograph"), self._photograph.note: shown}

    def connect_gallery(self, gallery: GalleryTab) -> None:
        """Let the button "Change" of the gallery fill the form of the chosen picture."""

        def change(path: str) -> dict[Any, Any]:
            try:
                recipe = load_recipe(checked_file(self._workshop, path))
                return {gallery.problem: "", **self.changes(recipe)}
            except Exception as error:  # noqa: BLE001  # the visitor gets a sentence, and the log the rest
                return {gallery.problem: self._workshop.problem(error)}

        gallery.change.click(
            change, gallery.chosen, [gallery.problem, *self.outputs], queue=False, show_progress="hidden"
        )


def filling_note(recipe: Recipe) -> str:
    """Return a sentence about a form that was filled from a recipe."""
    if recipe.network not in ready_networks():
        return "This picture was made with a network that is not on this server, so the form stays as it is."
    photo = recipe.made_with.photo if recipe.made_with else None
    source = "" if photo is None else f" It was made from {photo.get('name') or 'a photograph'}."
    files = ", ".join(f"{name} ({file})" for name, file in file_settings(recipe.settings()).items())
    again = f" Upload its other files again: {files}." if files else ""
    return f"The form has the settings of this picture.{source}{again}"
