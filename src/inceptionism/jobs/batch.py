"""The function `batch`: many pictures from Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from PIL import Image

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.io import load_photo, load_recipe
from inceptionism.jobs.cluster import AUTO, Cluster, check_cluster
from inceptionism.jobs.inputs import NOISE, Entry, find_entries, photo_path
from inceptionism.jobs.job import Request, make_jobs
from inceptionism.jobs.local import LocalPool, choose_workers, count_gpus
from inceptionism.jobs.outcomes import Outcome, WorkerSettings
from inceptionism.jobs.pool import Pool
from inceptionism.jobs.run import open_batch
from inceptionism.recipes import PhotoRecipe, Recipe
from inceptionism.validation import check_integer

MAX_WORKERS = 256
"""Largest number of workers on one machine."""

JobSource: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any]"


@dataclass(frozen=True)
class JobResult:
    """The end of a job.

    Attributes:
        status: "done", "skipped" if the picture exists already, or "failed".
        path: Path of the picture. There is no file if the job failed.
        error: Sentence about the failure. Empty if there was none.
        notes: Decisions that the run made, each in one sentence.
        seconds: Time that the job took.
    """

    status: str
    path: Path
    error: str
    notes: tuple[str, ...]
    seconds: float

    @staticmethod
    def of(outcome: Outcome, folder: Path) -> JobResult:
        """Return the end of a job in a folder."""
        line = outcome.line
        return JobResult(outcome.status, folder / line.output, line.error, line.notes, line.seconds)

    @property
    def image(self) -> Image.Image:
        """The picture, read from its file."""
        return load_photo(self.path).to_image()

    @property
    def recipe(self) -> Recipe:
        """The recipe of the picture, read from its file."""
        return load_recipe(self.path)


def batch(
    jobs: JobSource | Iterable[JobSource] = (),
    *,
    output: str | os.PathLike[str],
    sweep: Mapping[str, Sequence[Any]] | None = None,
    recipes: Sequence[str | os.PathLike[str]] = (),
    look: str | None = None,
    name: str | None = None,
    format: str = "png",
    recursive: bool = False,
    workers: int | None = None,
    cluster: str | None = None,
    transfer: str = AUTO,
    overwrite: bool = False,
    retry: bool = False,
    metadata: bool = True,
    on_result: Callable[[JobResult], object] | None = None,
    **settings: Any,
) -> Iterator[JobResult]:
    """Make many pictures. Iterate over the results: the work goes on while you do.

        for result in inc.batch("photos", output="dreams", look="feathers", size=640):
            print(result.status, result.path, result.error)
        list(inc.batch([{"photo": "cat.jpg", "seed": 1}, {"class": "banana"}], output="mixed"))
        list(inc.batch(output="sweep", sweep={"class": ["banana", "lion"], "seed": range(3)}))

    A job that fails does not stop the others. If the program is interrupted, the same call makes only the pictures that
    are missing, or whose settings or files have changed. The folder has a line of JSON for each picture in
    `report.jsonl`.

    Args:
        jobs: Photographs, folders, patterns of names, lists of jobs (.csv, .jsonl or .parquet), or mappings with the
            settings of a job: the path of its `photo`, or none for a picture from noise; its `output`; and any setting
            of `dream` or `visualize`. Without jobs, all pictures start from noise.
        output: Folder for the pictures. It may exist.
        sweep: Settings with several values each. A picture is made for each combination.
        recipes: Recipe files (.toml). Each picture is made with each of them.
        look: Look of all photographs.
        name: Template of the names, for example "{stem}-{layer}-{seed}". By default the name of the photograph or the
            class, and each setting that differs.
        format: Format of the files, if their names have no ending.
        recursive: Whether to take the pictures in folders inside the folders, too.
        workers: Number of processes. By default one for each processor core or GPU. With 0, this process does the work.
        cluster: Address of a Ray cluster whose machines make the pictures: "auto" or "HOST:PORT".
        transfer: How files get to the machines of the cluster and back: "paths" through folders that all machines see,
            "objects" through the cluster's memory, or "auto" to find out for each folder.
        overwrite: Whether to replace files in the folder that another program has made.
        retry: Whether to repeat jobs that failed before.
        metadata: Whether files contain the recipe and the photograph's EXIF.
        on_result: Function that is called with each result.
        **settings: Settings of all jobs. Those of a job replace them.

    Yields:
        The result of each job, as soon as it is known.

    Raises:
        InvalidSetting: If a setting is unknown, two jobs have the same name, or a name is not valid.
        UnreadableFile: If an input does not exist, or a list of jobs cannot be read.
        CannotWrite: If the folder cannot be written to, or another batch works there.
        ClusterError: If the cluster does not answer, or cannot start workers.
    """
    folder = Path(output)
    request = Request(settings, tuple(map(Path, recipes)), look, sweep or {}, name, f".{format.lstrip('.')}")
    given = [jobs] if isinstance(jobs, (str, os.PathLike, Mapping)) else jobs
    made = WorkerSettings(folder, overwrite, retry, metadata)
    device = str(settings.get("device", PhotoRecipe.device))
    start = prepare_pool(made, device=device, workers=workers, cluster=cluster, transfer=transfer)
    with open_batch(make_jobs(entries_of(given, folder, recursive=recursive), request), made) as work:
        for outcome in work.run(start):
            result = JobResult.of(outcome, folder)
            if on_result is not None:
                on_result(result)
            yield result


def prepare_pool(
    settings: WorkerSettings,
    *,
    device: str = PhotoRecipe.device,
    workers: int | None = None,
    cluster: str | None = None,
    transfer: str = AUTO,
) -> Callable[[int], Pool[Any]]:
    """Return a function that starts the workers for a number of jobs.

    The settings are checked at once, before the inputs are read. The workers start when the function is called. It
    raises `ClusterError` if the cluster has no room for a worker.

    Args:
        settings: Settings of the batch.
        device: Device of the recipes.
        workers: Number of processes. None for one that suits the machines. 0 for a worker in this process.
        cluster: Address of a Ray cluster whose machines work. None for this machine.
        transfer: How files get to the machines of a cluster: one of `TRANSFERS`.

    Raises:
        InvalidSetting: If the number of processes or another setting is not valid.
        ClusterError: If the cluster does not answer.
    """
    check_cluster(cluster, workers, transfer)
    if cluster is not None:
        return partial(start_cluster_pool, settings, cluster, device, workers, transfer)
    if workers is not None:
        check_integer("workers", workers, 0, MAX_WORKERS)
    return partial(start_pool, settings, device, workers)


def start_pool(settings: WorkerSettings, device: str, workers: int | None, total: int) -> Pool[Any]:
    """Return workers on this machine for a number of jobs."""
    if workers == 0:
        from inceptionism.jobs.inline import InlinePool  # imports torch

        return InlinePool(settings)
    gpus = count_gpus(device)
    return LocalPool(settings, min(workers or choose_workers(gpus), total), gpus)


def start_cluster_pool(
    settings: WorkerSettings, address: str, device: str, workers: int | None, transfer: str, total: int
) -> Pool[Any]:
    """Return workers on a cluster for a number of jobs."""
    ray = Cluster(address)
    from inceptionism.jobs.cluster import ClusterPool  # needs the package ray

    try:
        resources = ray.resources(device, workers)
        return ClusterPool(settings, ray, resources, workers=workers, most=total, transfer=transfer)
    except BaseException:
        ray.close()
        raise


def entries_of(jobs: Iterable[JobSource], output: Path, *, recursive: bool) -> Iterator[Entry]:
    """Yield the entries of jobs; that of a picture from noise if there are none.

    Raises:
        InvalidSetting: If a job is neither a path nor a mapping.
        UnreadableFile: As for `find_entries`.
    """
    number = 0
    for number, job in enumerate(jobs, 1):
        if isinstance(job, (str, os.PathLike)):
            yield from find_entries([os.fspath(job)], recursive=recursive, output=output)
        elif isinstance(job, Mapping):
            yield mapped_entry(job, number)
        else:
            raise InvalidSetting(f"job {number} must be a path or a mapping of settings, not {quote_value(job)}")
    if not number:
        yield NOISE


def mapped_entry(job: Mapping[str, Any], number: int) -> Entry:
    """Return the entry of the settings of a job."""
    settings = {name: value for name, value in job.items() if value is not None}
    photo = settings.get("photo")
    if isinstance(photo, os.PathLike):
        settings["photo"] = photo = os.fspath(photo)
    return Entry(settings, PurePosixPath(photo_path(photo)).name, f"job {number}")
