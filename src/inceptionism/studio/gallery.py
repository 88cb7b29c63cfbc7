"""The tab "Gallery": the pictures, films, atlases and grids in the folder, newest first, with their recipes."""

from __future__ import annotations

import html
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from PIL import Image

from inceptionism.atlas.activations import INDEX, SHEET, ActivationFolder, is_activation_folder, read_folder
from inceptionism.errors import InceptionismError, InvalidSetting
from inceptionism.film import FilmSource
from inceptionism.io import (
    alternative_text,
    caption,
    create_folder,
    encode_copy,
    load_photo,
    load_recipe,
    without_folders,
    write_atomically,
)
from inceptionism.recipes import FilmRecipe, Recipe
from inceptionism.runs import ReplayInputs, prepare_replay
from inceptionism.studio.panel import DECODING, FILM_ENDING, ResultPanel, Work
from inceptionism.studio.progress import Progress, follow
from inceptionism.studio.worker import Job
from inceptionism.studio.workshop import Workshop, check_network

MAX_SHOWN = 120
"""Largest number of pictures in the gallery."""

THUMBNAIL_SIDE = 300
"""Largest side of a picture in the gallery, in pixels."""

SHARED_SIDE, SHARED_BYTES = 1600, 4_500_000
"""Largest side in pixels and largest size in bytes of a copy to share."""


class GalleryTab(NamedTuple):
    """Parts of the tab that the page connects with other tabs.

    Attributes:
        change: Button that fills the form of another tab.
        chosen: Path of the chosen picture; empty if none is chosen.
        problem: Sentence about an error.
    """

    change: gr.Button
    chosen: gr.State
    problem: gr.HTML


def gallery_tab(workshop: Workshop, tab: gr.Tab) -> GalleryTab:
    """Draw the tab."""
    paths, chosen = gr.State([]), gr.State("")
    pictures = gr.Gallery(
        label="Gallery", columns=5, height=420, allow_preview=False, object_fit="cover", buttons=[], elem_id="gallery"
    )
    problem = gr.HTML(elem_id="gallery-problem", padding=False)
    viewer = gr.HTML(elem_id="gallery-viewer", padding=False)
    with gr.Row():
        with gr.Column(scale=3, min_width=300):
            panel = ResultPanel(workshop, "gallery", "Picture")
            with gr.Row():
                panel.draw_download("gallery")
                again = gr.Button("Make again", elem_id="make-again")
                change = gr.Button("Change", elem_id="change")
                share = gr.Button("Share", elem_id="share")
                panel.stop_with(gr.Button("Stop", elem_id="gallery-stop"))
        with gr.Column(scale=2, min_width=300):
            recipe = gr.HTML(elem_id="recipe")
            with gr.Group(visible=False) as shared:
                copy = gr.DownloadButton("Download the copy to share", elem_id="shared")
                text = gr.Textbox(label="Text for people who cannot see it", interactive=False)
                line = gr.Textbox(label="Caption", interactive=False)

    def refresh() -> tuple[Any, list[str]]:
        shown = newest(workshop.output)
        small = [(thumbnail(path, changed), path.name if path.is_dir() else path.stem) for changed, path in shown]
        return gr.Gallery(small), [str(path) for _, path in shown]

    tab.select(refresh, None, [pictures, paths], queue=False, show_progress="hidden")

    def choose(event: gr.SelectData, listed: list[str]) -> dict[Any, Any]:
        try:
            path = checked_path(workshop, listed[event.index])
            file, page = path, ""
            if path.is_dir():
                atlas = read_folder(path)
                file, page = atlas.sheet, viewer_html(atlas)
        except Exception as error:  # noqa: BLE001  # the visitor gets a sentence, and the log the rest
            return {problem: workshop.problem(error)}
        return {
            chosen: str(path),
            **panel.with_files([str(file)]),
            viewer: page,
            recipe: "" if path.is_dir() else recipe_html(workshop, path),
            shared: gr.Group(visible=False),
            problem: "",
        }

    pictures.select(
        choose,
        paths,
        [chosen, *panel.file_outputs, viewer, recipe, shared, problem],
        queue=False,
        show_progress="hidden",
    )

    made = panel.connect(again.click, lambda path: replay_work(workshop, path), chosen)
    made.then(refresh, None, [pictures, paths], queue=False, show_progress="hidden")

    def make_copy(path: str) -> dict[Any, Any]:
        try:
            file, description, title = shared_copy(workshop, path)
        except Exception as error:  # noqa: BLE001  # the visitor gets a sentence, and the log the rest
            return {problem: workshop.problem(error)}
        return {
            problem: "",
            shared: gr.Group(visible=True),
            copy: gr.DownloadButton(value=str(file)),
            text: description,
            line: title,
        }

    share.click(make_copy, chosen, [problem, shared, copy, text, line], **DECODING)
    return GalleryTab(change, chosen, problem)


def newest(folder: Path) -> list[tuple[int, Path]]:
    """Return the times at which the pictures in a folder were changed, and their paths, the newest first."""
    found = []
    for path in folder.iterdir():
        with suppress(OSError):  # a file that was deleted just now
            if is_shown(path):
                found.append((path.stat().st_mtime_ns, path))
    return sorted(found, reverse=True)[:MAX_SHOWN]


def is_shown(path: Path) -> bool:
    """Return whether a path is that of a picture, a film, an atlas or a grid of the gallery."""
    if path.name.startswith("."):
        return False
    if path.is_dir():
        return is_activation_folder(path) and folder_of(path, (path / INDEX).stat().st_mtime_ns) is not None
    return path.suffix in (".png", FILM_ENDING) and path.is_file()


@lru_cache(MAX_SHOWN)
def folder_of(path: Path, changed: int) -> ActivationFolder | None:  # noqa: ARG001  # as above
    """Return the atlas or the grid in a folder; None if the folder has another index."""
    try:
        return read_folder(path)
    except InceptionismError:
        return None


@lru_cache(MAX_SHOWN)
def thumbnail(path: Path, changed: int) -> Image.Image:  # noqa: ARG001  # the time of change is part of the key
    """Return a small version of the picture in a file, or of the first frame of a film; gray if it is damaged."""
    path = path / SHEET if path.is_dir() else path
    try:
        pixels = FilmSource(path).first if path.suffix == FILM_ENDING else load_photo(path).pixels
    except InceptionismError:
        return Image.new("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE), "gray")
    small = Image.fromarray(pixels)
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BICUBIC)
    return small


def checked_path(workshop: Workshop, path: str) -> Path:
    """Return the path of a picture in the folder.

    Raises:
        InvalidSetting: If no picture is chosen, or if the file is not in the folder.
    """
    if not path:
        raise InvalidSetting("choose a picture first")
    file = Path(path)
    if file.parent != workshop.output or not is_shown(file):
        raise InvalidSetting("this picture is not in the gallery any more; open the tab again")
    return file


def checked_file(workshop: Workshop, path: str) -> Path:
    """Return the path of a picture or a film in the folder.

    Raises:
        InvalidSetting: As for `checked_path`, or if the path is that of an atlas or a grid.
    """
    file = checked_path(workshop, path)
    if file.is_dir():
        raise InvalidSetting("this is an atlas or a grid; it can only be shown here, and its sheet can be downloaded")
    return file


def viewer_html(atlas: ActivationFolder) -> str:
    """Return the page of an atlas or a grid in a frame of its own, which cannot reach the page of the studio."""
    title = f"{atlas.kind.capitalize()} of activations: {atlas.title}"
    page = html.escape(atlas.page(), quote=True)
    return f'<iframe class="viewer" sandbox="allow-scripts" title="{html.escape(title)}" srcdoc="{page}"></iframe>'


def recipe_html(workshop: Workshop, path: Path) -> str:
    """Return the recipe of a picture in words, as a table in HTML."""
    try:
        rows = load_recipe(path).described()
    except InceptionismError as error:
        return workshop.problem(error)
    cells = "".join(
        f"<tr><th scope='row'>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in rows
    )
    return f"<table class='recipe'><caption>Recipe</caption>{cells}</table>"


def replay_work(workshop: Workshop, path: str) -> Work:
    """Return the work that makes a picture of the gallery again."""

    def work(job: Job[Progress]) -> Progress:
        file = checked_file(workshop, path)
        recipe = load_recipe(file)
        check_network(recipe.network)
        if isinstance(recipe, FilmRecipe):
            raise InvalidSetting("this is a film; press Change, and make it in the tab Film")
        inputs = ReplayInputs(workshop.photograph_of(recipe), workshop.pictures_of(recipe))
        runs, number = prepare_replay(recipe, inputs, {}, force=False)
        workshop.check_area(*runs[number].size, "the result")
        return follow([runs[number]], job, lambda result: workshop.save(result, file.stem))

    return work


def shared_copy(workshop: Workshop, path: str) -> tuple[Path, str, str]:
    """Write a copy of a picture that is ready to post; return its path, a description and a caption."""
    file = checked_file(workshop, path)
    recipe: Recipe = without_folders(load_recipe(file))
    if isinstance(recipe, FilmRecipe):
        raise InvalidSetting("this is a film; press Download, and share the file itself")
    content = encode_copy(load_photo(file).to_image(), recipe, "JPEG", side=SHARED_SIDE, limit=SHARED_BYTES)
    folder = workshop.output / "shared"
    create_folder(folder, exist_ok=True)
    target = folder / f"{file.stem}.jpg"
    write_atomically(target, content, overwrite=True)
    return target, alternative_text(recipe), caption(recipe)
