"""A worker of a batch: it makes the pictures of jobs, and keeps its networks for the next ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from inceptionism.errors import CannotWrite, InceptionismError, InvalidSetting, quote_path
from inceptionism.files import is_file, path_exists
from inceptionism.io import (
    FORMATS,
    Photo,
    check_depth,
    check_side,
    encode,
    load_photo,
    load_recipe,
)
from inceptionism.jobs.keys import job_key
from inceptionism.jobs.outcomes import DONE, FAILED, SKIPPED, Outcome, Task, WorkerSettings, failure, line_of
from inceptionism.jobs.pictures import write_picture
from inceptionism.networks import Network, load_network
from inceptionism.recipes import ClassRecipe, PhotoRecipe, Recipe
from inceptionism.runs import (
    PhotoRun,
    Result,
    Run,
    make_batches,
    make_class_runs,
    run_batch,
    verify_result,
)

Value = TypeVar("Value")

MAX_NETWORKS = 4
"""Largest number of networks that a worker keeps."""


class Stopped(Exception):
    """The worker was asked to stop."""


class Prepared(NamedTuple):
    """A job that is ready to be dreamed.

    Attributes:
        task: The task.
        network: The network.
        key: Hash of everything that the picture depends on.
        photo: The photograph. None for a picture from noise.
        path: Path of the file.
        is_unknown: Whether there is a file, and the report does not have it.
    """

    task: Task
    network: Network
    key: str
    photo: Photo | None
    path: Path
    is_unknown: bool


class Worker:
    """A worker. Several threads can call its method `work` at the same time.

    Only one thread dreams. So files are read and written while another picture is dreamed.

    Args:
        settings: Settings of the batch.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        # Each thread that computes with torch has a team of threads of its own, and many teams are slow.
        self._dreamer = ThreadPoolExecutor(1, thread_name_prefix="dreamer")
        self._stopped = threading.Event()
        self._networks: dict[tuple[str, str], Network] = {}

    def stop(self) -> None:
        """Stop the work after the current step. Pictures that are finished are still written."""
        self._stopped.set()

    def close(self) -> None:
        """Stop the work after the current step, and end the thread that dreams."""
        self.stop()
        self._dreamer.shutdown()

    def work(self, tasks: Sequence[Task]) -> list[Outcome]:
        """Make the pictures of jobs, and return their ends in the same order.

        Raises:
            Stopped: If the worker was asked to stop.
        """
        start = time.monotonic()
        prepared = [attempt(task, self._prepare, task) for task in tasks]
        ready = [one for one in prepared if isinstance(one, Prepared)]
        dreamed = iter(self._dreamer.submit(self._dream, ready).result() if ready else [])
        outcomes = [self._finish(one, next(dreamed)) if isinstance(one, Prepared) else one for one in prepared]
        seconds = round((time.monotonic() - start) / len(tasks), 3)
        return [one if one.line.seconds else one.took(seconds) for one in outcomes]  # an old line keeps its time

    def _prepare(self, task: Task) -> Prepared | Outcome:
        """Return a job that is ready to be dreamed, or its end if there is nothing to do.

        Raises:
            InceptionismError: If the settings are not valid, or a file cannot be read.
        """
        job, line = task.job, task.line
        if job.recipe is None:
            raise InvalidSetting(job.problem)
        path = self._settings.folder / job.output
        network = self._loaded(task, job.recipe.network)
        key = job_key(task, network, partial(self._loaded, task))
        if line is not None and line.key == key:
            if line.status == DONE and is_file(path):
                return Outcome(SKIPPED, replace(line, stamp=task.stamp))
            if line.status == FAILED and not self._settings.retry:
                return Outcome(FAILED, replace(line, stamp=task.stamp))
        check_depth(path.suffix.lower(), getattr(job.recipe, "depth", None))
        photo = None if job.photo is None else load_photo(task.find_file(job.photo), position=self._settings.position)
        is_unknown = path_exists(path) and not (line is not None and line.status == DONE)
        return Prepared(task, network, key, photo, path, is_unknown)

    def _loaded(self, task: Task, name: str) -> Network:
        """Return a network that a job names."""
        assert task.job.recipe is not None
        place = task.paths.get(name, name), task.job.recipe.device
        # A network that is known is there at once, also while the other thread dreams.
        return self._networks.get(place) or self._dreamer.submit(self._network, *place).result()

    def _network(self, name: str, device: str) -> Network:
        """Return a network, which is loaded once. Only the thread that dreams calls this."""
        if (name, device) not in self._networks:
            loaded = load_network(name, device)
            self._networks = dict([*self._networks.items()][1 - MAX_NETWORKS :])
            self._networks[name, device] = loaded
        return self._networks[name, device]

    def _dream(self, ready: Sequence[Prepared]) -> list[Result | Outcome]:
        """Dream jobs, those of the same size together, and return a result or an end for each.

        Raises:
            Stopped: If the worker was asked to stop.
        """
        ends: dict[int, Result | Outcome] = {}
        owners: dict[Run, Prepared] = {}

        def runs() -> Iterator[Run]:
            for one in ready:
                run = attempt(one.task, self._make_run, one)
                if isinstance(run, Outcome):
                    ends[one.task.job.number] = run
                else:
                    owners[run] = one
                    yield run

        for batch in make_batches(runs()):
            error: Exception | None = None
            try:
                for _ in run_batch(batch):
                    if self._stopped.is_set():
                        raise Stopped
            except Stopped:
                raise
            except Exception as caught:  # noqa: BLE001  # the others go on
                error = caught
            for run in batch:
                owner = owners.pop(run)  # a finished run needs no memory
                # An error of one run of several is only its own failure.
                own = run.failure or (None if any(other.failure for other in batch) else error)
                ends[owner.task.job.number] = (
                    failure(owner.task, own, owner.key) if own else attempt(owner.task, self._result, run)
                )
        return [ends[one.task.job.number] for one in ready]

    def _make_run(self, ready: Prepared) -> Run | Outcome:
        """Return the run of a job, or its end if its picture exists.

        Raises:
            InceptionismError: If a setting is not valid, or if another file is in the place of the picture.
        """
        recipe = ready.task.job.recipe
        run: Run
        if isinstance(recipe, PhotoRecipe):
            assert ready.photo is not None
            run = PhotoRun(recipe, ready.photo, network=ready.network, find_file=ready.task.find_file)
        else:
            assert isinstance(recipe, ClassRecipe)
            run = make_class_runs(recipe, 1, network=ready.network, find_file=ready.task.find_file)[0]
        check_side(ready.path.suffix.lower(), run.size)
        if ready.is_unknown and not self._settings.overwrite:
            # The program may have been killed after it wrote the picture, and before it wrote the line of the report.
            if not has_recipe(ready.path, run.recipe):
                raise CannotWrite(
                    f"{quote_path(ready.path)} exists, and this batch did not make it; "
                    "give another --output or --name, or --overwrite to replace it"
                )
            return Outcome(SKIPPED, line_of(ready.task, DONE, ready.key))
        return run

    def _result(self, run: Run) -> Result:
        """Return the result of a run, with the verdicts of other networks."""
        judges = [self._network(name, "auto") for name in self._settings.verify]
        return verify_result(run.result(), judges)

    def _finish(self, ready: Prepared, result: Result | Outcome) -> Outcome:
        """Write the picture of a job, and return its end."""
        if isinstance(result, Outcome):
            return result
        return attempt(ready.task, self._write, ready, result)

    def _write(self, ready: Prepared, result: Result) -> Outcome:
        """Write the picture of a job, and return its end.

        Raises:
            CannotWrite: If the file cannot be written.
        """
        format, metadata = FORMATS[ready.path.suffix.lower()], self._settings.metadata
        content = encode(result.full or result.image, format, result.recipe, metadata=metadata)
        line = replace(line_of(ready.task, DONE, ready.key), notes=result.notes)
        write_picture(self._settings, ready.task, content)
        return Outcome(DONE, line)


def attempt(task: Task, work: Callable[..., Value], *values: object) -> Value | Outcome:
    """Return the value of a function, or the end of the job if the function raises an error."""
    try:
        return work(*values)
    except Stopped:
        raise
    except Exception as error:  # noqa: BLE001  # the other jobs go on
        return failure(task, error)


def has_recipe(path: Path, recipe: Recipe) -> bool:
    """Return whether a file is a picture that was made with a recipe."""
    try:
        found = load_recipe(path)
    except InceptionismError:
        return False
    return replace(found, verdicts=()) == recipe
