"""A video that is dreamed on this machine, or on a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inceptionism.errors import InvalidSetting
from inceptionism.film import FilmSource, VideoRun
from inceptionism.jobs.cluster import AUTO, check_cluster
from inceptionism.recipes import VideoRecipe


def make_video_run(
    recipe: VideoRecipe,
    film: Path,
    *,
    cluster: str | None = None,
    workers: int | None = None,
    transfer: str = AUTO,
    **objects: Any,
) -> VideoRun:
    """Return the run of a video, on this machine or on a cluster. Ray is needed only for a cluster.

    The settings of the cluster are checked before the film is opened.

    Args:
        recipe: Recipe of the video.
        film: Path of a film, of an animated picture, or of a folder with a picture for each frame.
        cluster: Address of the cluster. None for this machine.
        workers: Number of workers on the cluster. None for as many as there is room for.
        transfer: How files get to workers: one of `TRANSFERS`.
        **objects: Objects that are used in place of names in the recipe. A cluster takes only names.

    Raises:
        UnreadablePicture: If the film cannot be read.
        InvalidSetting: If a setting is not valid, or there are objects for a cluster.
        ClusterError: If the cluster does not answer, or cannot start a worker.
    """
    check_cluster(cluster, workers, transfer)
    if cluster is None and workers is not None:
        raise InvalidSetting("the workers of a film are the machines of a cluster; give a cluster, too")
    if cluster is not None and objects:
        raise InvalidSetting(f"a cluster takes only names, not objects for {', '.join(objects)}")
    source = FilmSource(film, recipe.fps)
    if cluster is None:
        return VideoRun(recipe, source, **objects)
    from inceptionism.jobs.cluster import ClusterVideoRun

    return ClusterVideoRun(recipe, source, cluster=cluster, workers=workers, transfer=transfer)
