"""The tab "Film": a zoom into a photograph or noise, or a video that is dreamed frame by frame."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from inceptionism.errors import InvalidSetting
from inceptionism.film import FilmRun, FilmSource, Frame, Loudness, VideoRun, ZoomRun
from inceptionism.io import without_folders
from inceptionism.networks import load_network, ready_networks
from inceptionism.recipes import PhotoRecipe, VideoRecipe, ZoomRecipe
from inceptionism.runs import PreviewPace
from inceptionism.studio.address import query_of
from inceptionism.studio.checks import check_uploads, form_problems, picture_problem
from inceptionism.studio.controls import Form, layer_choices
from inceptionism.studio.keyframe_table import keyframe_table, keyframes_in, linked_rows, rows_problem
from inceptionism.studio.layers import follow_network, layer_dropdown
from inceptionism.studio.panel import FILM_ENDING, ResultPanel, Work, work_buttons
from inceptionism.studio.progress import PREVIEW_SECONDS, Progress, duration, small, state_html
from inceptionism.studio.unfinished import (
    UnfinishedFilm,
    delete_unfinished,
    list_unfinished,
    read_unfinished,
    taken_paths,
)
from inceptionism.studio.upload import file_control, upload_control
from inceptionism.studio.worker import Job
from inceptionism.studio.workshop import Workshop, check_network, uploaded_only

ZOOM, VIDEO = KINDS = ("a zoom", "a video")

CAMERA = ("seconds", "zoom", "rotation", "loop", "reverse", "speed")
"""Settings of a zoom that the page shows first."""

FILM_ENDINGS = [".mp4", ".mov", ".webm", ".mkv", ".avi", ".gif", ".webp", ".png"]
SOUND_ENDINGS = [".mp3", ".wav", ".flac", ".ogg", ".m4a", ".mp4"]


class FilmTab(NamedTuple):
    """Parts of the tab that other tabs fill in."""

    kind: gr.Radio
    note: gr.HTML
    zoom: Form
    video: Form
    zoom_table: gr.Dataframe
    video_table: gr.Dataframe

    def parts(self, kind: str) -> tuple[Form, gr.Dataframe]:
        """Return the form and the table of keyframes of a kind of film."""
        return (self.zoom, self.zoom_table) if kind == ZOOM else (self.video, self.video_table)


def film_tab(workshop: Workshop, tab: gr.Tab) -> FilmTab:
    """Draw the tab."""
    zoom = Form(ZoomRecipe, "zoom", leave_out=["keyframes", "audio"])
    video = Form(VideoRecipe, "video", leave_out=["keyframes", "audio", "fps"])
    network = load_network(PhotoRecipe.network)
    choices: dict[str, Sequence[Any]] = {"network": ready_networks(), "layer": layer_choices(network)}
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            note = gr.HTML(elem_id="film-note", padding=False)
            kind = gr.Radio(list(KINDS), value=ZOOM, label="Film", elem_id="film-kind")
            with gr.Group() as zoom_controls:
                start = upload_control(
                    label="First picture. Without one, the film starts from noise.",
                    sources=["upload", "webcam", "clipboard"],
                    height=220,
                    elem_id="film-start",
                )
                zoom.draw(CAMERA, choices)
            with gr.Group(visible=False) as video_controls:
                film = file_control(label="Film to dream", file_types=FILM_ENDINGS, elem_id="film-source")
                video.draw(["size", "blend"], choices)
            sound = file_control(label="Music that the film reacts to", file_types=SOUND_ENDINGS, elem_id="film-sound")
            make, stop = work_buttons("Make the film", "make-film", "film")
        with gr.Column(scale=3, min_width=300):
            panel = ResultPanel(workshop, "film")
            panel.stop_with(stop)
            with gr.Row():
                panel.draw_download("film")
            with gr.Group(visible=False) as continuing:
                unfinished = gr.Dropdown([], label="Unfinished films", elem_id="unfinished")
                with gr.Row():
                    resume = gr.Button("Continue", elem_id="resume")
                    forget = gr.Button("Delete", elem_id="forget")
    with gr.Accordion("Keyframes", open=False, elem_id="keyframes") as keyframes:
        zoom_table = keyframe_table(["blend"], "zoom-keyframes")
        video_table = keyframe_table(["zoom", "rotation", "toward", "drift"], "video-keyframes")
        video_table.visible = False
    with gr.Accordion("Advanced", open=False) as zoom_advanced:
        zoom_hidden = zoom.draw_rest(choices)
    with gr.Accordion("Advanced", open=False, visible=False) as video_advanced:
        video_hidden = video.draw_rest(choices)
    check_uploads(workshop, film, lambda path: open_film(workshop, path))
    check_uploads(workshop, sound, lambda path: Loudness(path, []))
    for form in (zoom, video):
        follow_network(workshop, form.controls["network"], {form.controls["layer"]: layer_dropdown})
    zoom_values, video_values = list(zoom.controls.values()), list(video.controls.values())

    def work(
        what: str,
        picture: str | None,
        source: str | None,
        music: str | None,
        zoom_rows: list[list[Any]],
        video_rows: list[list[Any]],
        *values: Any,
    ) -> Work:
        is_zoom = what == ZOOM
        given = values[: len(zoom_values)] if is_zoom else values[len(zoom_values) :]
        rows, table = (zoom_rows, zoom_table) if is_zoom else (video_rows, video_table)
        wanted = WantedFilm(
            zoom if is_zoom else video, given, picture if is_zoom else source, music, table.headers, rows
        )
        return film_work(workshop, wanted)

    def check(
        what: str,
        picture: str | None,
        source: str | None,
        _music: Any,
        zoom_rows: list[list[Any]],
        video_rows: list[list[Any]],
        *values: Any,
    ) -> list[str]:
        zoom_given, video_given = values[: len(zoom_values)], values[len(zoom_values) :]
        # Only the settings of the chosen kind count. The visitor does not see the others.
        if what == ZOOM:
            problems = [
                picture_problem(workshop, picture),
                "",
                "",
                rows_problem(workshop, zoom, zoom_given, zoom_table.headers, zoom_rows),
                "",
            ]
            return ["", *problems, *form_problems(workshop, zoom, zoom_given), *[""] * len(video_given)]
        problems = [
            "",
            "" if source else "Choose a film first.",
            "",
            "",
            rows_problem(workshop, video, video_given, video_table.headers, video_rows),
        ]
        return ["", *problems, *[""] * len(zoom_given), *form_problems(workshop, video, video_given)]

    boxes = {keyframes: [zoom_table, video_table], zoom_advanced: zoom_hidden, video_advanced: video_hidden}
    inputs = [kind, start, film, sound, zoom_table, video_table, *zoom_values, *video_values]
    ends = [
        panel.connect(make.click, work, inputs, check, boxes),
        panel.connect(resume.click, lambda name: resume_work(workshop, name or ""), unfinished),
    ]

    def refresh() -> tuple[Any, Any]:
        names = list_unfinished(workshop.output)
        return gr.Group(visible=bool(names)), gr.Dropdown(names, value=names[0] if names else None)

    def delete(name: str | None) -> str:
        try:
            if workshop.worker.is_busy:
                raise InvalidSetting("Films cannot be deleted while work goes on; wait until it ends.")
            delete_unfinished(workshop.output, name or "")
        except Exception as error:  # noqa: BLE001  # the visitor gets a sentence, and the log the rest
            return workshop.problem(error)
        return ""

    deleted = forget.click(delete, unfinished, panel.problem, queue=False, show_progress="hidden")
    changes: list[Any] = [tab.select, deleted.then, *(end.then for end in ends)]
    for event in changes:
        event(refresh, None, [continuing, unfinished], queue=False, show_progress="hidden")

    def show_kind(what: str) -> tuple[Any, ...]:
        is_zoom = what == ZOOM
        return (
            gr.Group(visible=is_zoom),
            gr.Group(visible=not is_zoom),
            gr.Dataframe(visible=is_zoom),
            gr.Dataframe(visible=not is_zoom),
            gr.Accordion(visible=is_zoom),
            gr.Accordion(visible=not is_zoom),
        )

    shown = [zoom_controls, video_controls, zoom_table, video_table, zoom_advanced, video_advanced]
    kind.change(show_kind, kind, shown, queue=False, show_progress="hidden")
    return FilmTab(kind, note, zoom, video, zoom_table, video_table)


def film_query(form: Form, kind: str, values: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    """Return the query of the page's address for a film: its kind, the changed settings, and the keyframes."""
    chosen: dict[str, str | Sequence[str]] = {"kind": "" if kind == ZOOM else kind, "keyframe": linked_rows(rows)}
    return query_of(form, values, form.updates({}), tab="film", **chosen)


class WantedFilm(NamedTuple):
    """A film that a visitor wants.

    Attributes:
        form: Form of the kind of film.
        values: Values of its controls.
        begin: Uploaded picture or film. None for a zoom into noise.
        sound: Uploaded music. None for none.
        names: Names of the columns of the keyframes.
        rows: Rows of the keyframes.
    """

    form: Form
    values: Sequence[Any]
    begin: str | None
    sound: str | None
    names: Sequence[str]
    rows: Sequence[Sequence[Any]]


def film_work(workshop: Workshop, wanted: WantedFilm) -> Work:
    """Return the work that makes a film with the values of the form."""

    def work(job: Job[Progress]) -> Progress:
        keyframes = keyframes_in(wanted.names, wanted.rows)
        recipe = wanted.form.recipe(wanted.values, keyframes=keyframes, audio=wanted.sound)
        stem = "noise" if wanted.begin is None else Path(wanted.begin).stem
        name = f"{stem}-{'zoom' if isinstance(recipe, ZoomRecipe) else 'dream'}"
        path = workshop.free_path(name, FILM_ENDING, taken_paths(workshop.output))
        named = [*wanted.form.uploads(wanted.values), *filter(None, [wanted.sound])]
        with workshop.kept_uploads([*named, *filter(None, [wanted.begin])]) as kept:
            begin = None if wanted.begin is None else kept[wanted.begin]
            film = UnfinishedFilm(path, recipe, begin, {upload: kept[upload] for upload in named})
            run = film_run(workshop, film)
        return follow_film(workshop, film, run, job, resume=False)

    return work


def resume_work(workshop: Workshop, name: str) -> Work:
    """Return the work that continues an unfinished film."""

    def work(job: Job[Progress]) -> Progress:
        film = read_unfinished(workshop.output, name)
        return follow_film(workshop, film, film_run(workshop, film), job, resume=True)

    return work


def open_film(workshop: Workshop, path: Path) -> FilmSource:
    """Return the film in an uploaded file.

    Raises:
        UnreadableFile: If the file is not a film.
        InvalidSetting: If its frames are too large.
    """
    source = FilmSource(path)
    workshop.check_area(*source.size, "a frame of this film")
    return source


def film_run(workshop: Workshop, film: UnfinishedFilm) -> FilmRun:
    """Return the run of a film.

    Raises:
        InceptionismError: If a file cannot be read, or the frames are too large.
    """
    check_network(film.recipe.network)
    find_file = uploaded_only(film.files)
    run: FilmRun
    if isinstance(film.recipe, ZoomRecipe):
        photo = None if film.begin is None else workshop.load_upload(str(film.begin))
        run = ZoomRun(film.recipe, photo, find_file=find_file)
        run.recipe = without_folders(run.recipe)
    elif isinstance(film.recipe, VideoRecipe) and film.begin is not None:
        run = VideoRun(film.recipe, open_film(workshop, film.begin), find_file=find_file)
        run.recipe = without_folders(run.recipe)
    else:
        raise InvalidSetting("choose a film first")
    workshop.check_area(*run.size, "a frame of the result")
    return run


def follow_film(
    workshop: Workshop, film: UnfinishedFilm, run: FilmRun, job: Job[Progress], *, resume: bool
) -> Progress:
    """Make the frames of a film, show its progress, and save it, also if the job is stopped.

    A film that was stopped can be continued.
    """
    start = time.monotonic()
    film.write()
    pace = PreviewPace(PREVIEW_SECONDS)
    first: int | None = None

    def show(frame: Frame) -> None:
        nonlocal first
        first = frame.number if first is None else first
        if pace.is_due:
            with pace.preview():
                job.show(Progress(frame_state(run, first, time.monotonic() - start), small(frame.image)))
        if job.stopped:
            raise StopIteration

    run.save(film.path, overwrite=False, resume=resume, on_frame=show)
    if not job.stopped:
        film.forget()
    words = "stopped after" if job.stopped else "finished:"
    text = f"{words} {run.number} frames in {duration(time.monotonic() - start)}"
    return Progress(state_html(1, " · ".join([text, *map(workshop.public, run.notes)])), None, (film.path,))


def frame_state(run: FilmRun, first: int, seconds: float) -> str:
    """Return the state after a frame as HTML, with the time that is left if the length of the film is known."""
    made = run.number - first
    if not run.total:
        return state_html(None, f"frame {run.number}")
    left = duration(seconds / made * (run.total - run.number)) if made else ""
    return state_html(run.number / run.total, f"frame {run.number} of {run.total}{f' · {left} left' if left else ''}")
