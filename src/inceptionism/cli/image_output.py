"""Output of pictures: the names of their files, the progress, and unfinished pictures after an interruption."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from inceptionism.cli.options import Saving
from inceptionism.cli.progress import progress
from inceptionism.cli.standard_output import (
    STANDARD_OUTPUT,
    check_same_format,
    check_standard_output,
    chosen_ending,
    picture_ending,
    print_written,
    write_picture,
)
from inceptionism.cli.terminal import exit_interrupted, loading, print_error, print_notes
from inceptionism.errors import CannotWrite, InceptionismError, quote_path
from inceptionism.files import is_folder
from inceptionism.interruption import uninterrupted

if TYPE_CHECKING:
    # Modules that load torch are imported when there is work for them.
    from inceptionism.networks import Network
    from inceptionism.recipes import ClassRecipe
    from inceptionism.runs import Result, Run


def execute_runs(
    runs: Sequence[Run],
    paths: Sequence[Path | None],
    saving: Saving,
    *,
    numbered: bool,
    judges: Sequence[Network] = (),
) -> list[Result]:
    """Take all steps of the runs, show the progress, and write each picture, also after an interruption.

    Args:
        runs: Runs that can go in one batch.
        paths: File for each run. None if the run is needed in the batch, but its picture is not written.
        saving: The shared options.
        numbered: Whether the program chose the names. If such a name is taken by now, the picture gets another number.
        judges: Independent networks; their verdicts are printed and noted in the recipes.

    Returns:
        The results that were written.
    """
    from inceptionism.io import check_depth, check_side
    from inceptionism.runs import run_batch, verify_result

    for run, path in zip(runs, paths, strict=True):
        if path is None:
            continue
        check_side(picture_ending(path, saving), run.size)
        check_depth(picture_ending(path, saving), run.recipe.depth)
        print_notes(run.notes, saving.quiet)
    printed = [len(run.notes) for run in runs]
    interruption: KeyboardInterrupt | None = None
    saved: list[Path] = []
    results: list[Result] = []
    failures: list[InceptionismError] = []
    verdicts: list[str] = []
    more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    with progress(runs[0].title + more, saving.quiet) as show:
        try:
            for steps in run_batch(runs):
                show(steps)
        except KeyboardInterrupt as error:
            interruption = error
        except InceptionismError as error:
            if error not in [run.failure for run in runs]:
                raise
            failures = [type(run.failure)(f"{run.title}: {run.failure}") for run in runs if run.failure is not None]
        if interruption and not any(run.scores for run in runs):
            raise interruption
        with uninterrupted():
            for run, path in zip(runs, paths, strict=True):
                if path is None or run.failure is not None:
                    continue
                result = run.result()
                try:
                    result = verify_result(result, judges)
                except InceptionismError as error:  # the picture is written without verdicts
                    failures.append(error)
                verdicts += [f"{run.title}: {verdict}" for verdict in result.recipe.verdicts]
                try:
                    saved.append(
                        write_picture(result.full or result.image, path, result.recipe, saving, numbered=numbered)
                    )
                    results.append(result)
                except CannotWrite as error:
                    failures.append(error)
    for run, before in zip(runs, printed, strict=True):
        print_notes(run.notes[before:], saving.quiet)
    print_notes(verdicts, saving.quiet)
    if interruption:
        print_failures(failures)
        names = ["standard output" if path == STANDARD_OUTPUT else str(path) for path in saved]
        place = f"; the picture so far is in {', '.join(names)}" if saved else ""
        exit_interrupted(interruption, f"interrupted{place}")
    for path in saved:
        print_written(path)
    raise_last(failures)
    return results


def raise_last(failures: Sequence[InceptionismError]) -> None:
    """Print all errors but the last, and raise the last. If there are none, do nothing."""
    print_failures(failures[:-1])
    if failures:
        raise failures[-1]


def print_failures(failures: Sequence[InceptionismError]) -> None:
    """Print each error in one line."""
    for failure in failures:
        print_error(str(failure))


def execute_visualizations(recipes: Sequence[ClassRecipe], saving: Saving, count: int = 1) -> list[Path]:
    """Generate pictures of one network from noise, `count` of each recipe. Write each, and return their paths."""
    output, total = saving.output, len(recipes) * count
    if total > 1 and output == STANDARD_OUTPUT:
        raise CannotWrite(f"{total} pictures cannot be written to standard output; give a folder as --output")
    is_new = total > 1 and output is not None and not is_folder(output)
    if is_new and output is not None and output.suffix:
        raise CannotWrite(f"{total} pictures need a folder as --output, not {quote_path(output)}")
    first = recipes[0]
    with loading(first.network, saving.quiet):
        from inceptionism.networks import load_network
        from inceptionism.runs import make_batches, make_class_runs

        network = load_network(first.network, first.device)
        judges = [load_network(name) for name in saving.verify]
        runs = deque(run for one in recipes for run in make_class_runs(one, count, network=network))
    with new_folder(output if is_new else None):
        # All names and outputs are checked before the first picture starts.
        paths: list[Path] = []
        for run in runs:
            paths.append(output_path(saving, file_name(run.title), taken=paths))
        written = list(paths)
        failures: list[InceptionismError] = []
        for batch in make_batches(runs.popleft() for _ in range(total)):  # a finished run needs no memory
            batch_paths, paths = paths[: len(batch)], paths[len(batch) :]
            try:
                execute_runs(batch, batch_paths, saving, numbered=batch_paths != [output], judges=judges)
            except InceptionismError as error:
                failures.append(error)
            except typer.Exit:  # an interruption, which was printed
                print_failures(failures)
                raise
        raise_last(failures)
    return written


@contextmanager
def new_folder(path: Path | None) -> Iterator[None]:
    """Create a folder for the block, and remove it afterwards if it is empty. None creates no folder.

    Raises:
        CannotWrite: If the folder cannot be created.
    """
    from inceptionism.io import create_folder

    if path is not None:
        create_folder(path)
    try:
        yield
    finally:
        if path is not None:
            with suppress(OSError):  # the folder has files
                path.rmdir()


def output_path(saving: Saving, name: str, taken: Sequence[Path] = (), ending: str = ".png") -> Path:
    """Return the path of a picture, after checking that it can be written.

    If the user gave the name of a file or standard output, that is the path. Otherwise, it is `name` with the ending of
    the format that the user chose, or with the default `ending`, in the folder that the user gave or in the current
    folder. Such a path is numbered until it is free and not in `taken`, the paths
    of other pictures of the same command.

    Raises:
        CannotWrite: If the picture cannot be written.
        NameTaken: If the user gave the name of an existing file without --overwrite.
        InvalidSetting: If the user chose an unknown format, or one that is not that of the file.
    """
    from inceptionism.io import check_output, free_name, shorten_name

    given, overwrite = saving.output, saving.overwrite
    ending = chosen_ending(saving) or ending
    if given == STANDARD_OUTPUT:
        check_standard_output(ending)
        return given
    if given is not None and not is_folder(given):
        check_output(given, overwrite=overwrite)
        check_same_format(given, saving)
        return given
    path = (given or Path()) / f"{shorten_name(name)}{ending}"
    path = free_name(path, taken, overwrite=overwrite)
    check_output(path, overwrite=overwrite)
    return path


def is_numbered(path: Path, saving: Saving) -> bool:
    """Return whether the program chose the name of a path."""
    return path != saving.output


def file_name(title: str) -> str:
    """Return a title with a hyphen in place of everything but letters, digits and dots."""
    return re.sub(r"[^\w.]+", "-", title).strip("-")
