"""From runs to files: where they go, what is shown meanwhile, and what is kept when they are interrupted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from inceptionism.cli.terminal import loading, print_error, print_notes, print_result, progress
from inceptionism.errors import CannotWrite
from inceptionism.interruption import uninterrupted

if TYPE_CHECKING:
    # Nothing that loads torch is imported before there is work for it.
    from inceptionism.networks import Network
    from inceptionism.recipes import ClassRecipe
    from inceptionism.runs import Result, Run


def execute_runs(
    runs: Sequence[Run],
    paths: Sequence[Path | None],
    *,
    overwrite: bool,
    numbered: bool,
    quiet: bool,
    judges: Sequence[Network] = (),
    metadata: bool = True,
) -> list[Result]:
    """Take all steps of `runs`, showing progress, and write each to its path, also when they are interrupted.

    One without a path is made for the others' sake alone. What `judges` see in them is said, and stands in their
    recipes. `numbered` paths are those that were not asked for; if such a name is taken by then, it gets another
    number. Without `metadata`, files carry no recipe and no EXIF. What was written is returned.
    """
    from inceptionism.io import check_side, save_or_rescue
    from inceptionism.runs import run_batch, verify_result

    for run, path in zip(runs, paths, strict=True):
        if path is None:
            continue
        check_side(path, run.size)
        print_notes(run.notes, quiet)
    said = [len(run.notes) for run in runs]
    interruption: KeyboardInterrupt | None = None
    saved: list[Path] = []
    results: list[Result] = []
    failed: list[CannotWrite] = []
    verdicts: list[str] = []
    more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    with progress(runs[0].title + more, quiet) as show:
        try:
            for steps in run_batch(runs):
                show(steps)
        except KeyboardInterrupt as error:
            interruption = error
        if interruption and not any(run.scores for run in runs):
            raise interruption
        with uninterrupted():
            for run, path in zip(runs, paths, strict=True):
                if path is None:
                    continue
                result = verify_result(run.result(), judges)
                verdicts += [f"{run.title}: {verdict}" for verdict in result.recipe.verdicts]
                another = numbered and not overwrite
                try:
                    written = save_or_rescue(
                        result.image, path, result.recipe, overwrite=overwrite, numbered=another, metadata=metadata
                    )
                    saved.append(written)
                    results.append(result)
                except CannotWrite as error:
                    failed.append(error)
    for run, before in zip(runs, said, strict=True):
        print_notes(run.notes[before:], quiet)
    print_notes(verdicts, quiet)
    for failure in failed[:-1]:
        print_error(str(failure))
    if failed:
        raise failed[-1]
    if interruption:
        print_error(f"interrupted; the picture so far is in {', '.join(map(str, saved))}")
        raise typer.Exit(getattr(interruption, "status", 130))
    for path in saved:
        print_result(str(path))
    return results


def execute_visualizations(
    recipes: Sequence[ClassRecipe],
    verify: Sequence[str] | None,
    output: Path | None,
    *,
    overwrite: bool,
    quiet: bool,
    metadata: bool,
) -> None:
    """Make pictures from noise, of one network, and write each; those that are to differ are made at once."""
    if len(recipes) > 1 and output is not None and not is_folder(output):
        raise CannotWrite(f"{len(recipes)} pictures need a folder that exists as --output, not {output}")
    first = recipes[0]
    with loading(first.network, quiet):
        from inceptionism.networks import load_network
        from inceptionism.objectives import parse_objective
        from inceptionism.runs import ClassRun, make_batches

        network = load_network(first.network, first.device)
        judges = [load_network(name) for name in verify or []]
        # Pictures that are to differ are scored by one and the same objective, which sees them all.
        texts = dict.fromkeys(recipe.objective for recipe in recipes)
        composed = {text: None if text is None else parse_objective(text, network) for text in texts}
        titles = [ClassRun(one, network=network, objective=composed[one.objective]).title for one in recipes]
    # All names and outputs are checked before the first picture is begun.
    paths: list[Path] = []
    for title in titles:
        paths.append(output_path(output, file_name(title), overwrite, taken=paths))
    runs = (ClassRun(one, network=network, objective=composed[one.objective]) for one in recipes)
    for batch in [list(runs)] if first.together > 1 else make_batches(runs):
        some, paths = paths[: len(batch)], paths[len(batch) :]
        numbered = some != [output]
        execute_runs(batch, some, overwrite=overwrite, numbered=numbered, quiet=quiet, judges=judges, metadata=metadata)


def output_path(
    given: Path | None, name: str, overwrite: bool, taken: Sequence[Path] = (), ending: str = ".png"
) -> Path:
    """Return where to write: `given`, or `name` with an ending in the folder `given` or here; checked before any work.

    A name that was given must be free, or `overwrite` set; one that was not is numbered until it is free and
    not among those `taken` by other pictures of the same command.
    """
    from inceptionism.io import check_output, free_name, shorten_name

    if given is not None and not is_folder(given):
        check_output(given, overwrite=overwrite)
        return given
    path = (given or Path()) / f"{shorten_name(name)}{ending}"
    path = free_name(path, taken, overwrite=overwrite)
    check_output(path, overwrite=overwrite)
    return path


def is_folder(path: Path) -> bool:
    """Return whether `path` is a folder; what cannot even be looked up, with a name too long, is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def file_name(title: str) -> str:
    """Return `title` with everything but letters, digits and dots turned into hyphens."""
    return re.sub(r"[^\w.]+", "-", title).strip("-")
