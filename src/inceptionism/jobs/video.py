"""A video that is dreamed on this machine, or on a cluster."""

from __future__ import annotations

from typing import Any

from inceptionism.errors import InvalidSetting
from inceptionism.film import FilmSource, VideoRun
from inceptionism.jobs.cluster import AUTO, check_cluster
from inceptionism.recipes import VideoRecipe


def make_video_run(
    recipe: VideoRecipe,
    film: FilmSource,
    *,
    cluster: str | None = None,
    workers: int | None = None,
    transfer: str = AUTO,
    **objects: Any,
) -> VideoRun:
    """Return the run of a video, on this machine or on a cluster. Ray is needed only for a cluster.

    Args:
        recipe: Recipe of the video.
        film: Film to dream.
        cluster: Address of the cluster. None for this machine.
        workers: Number of workers on the cluster. None for as many as there is room for.
        transfer: How files get to workers: one of `TRANSFERS`.
        **objects: Objects that are used in place of names in the recipe. A cluster takes only names.

    Raises:
        InvalidSetting: If a setting is not valid, or there are objects for a cluster.
        ClusterError: If the cluster does not answer, or cannot start a worker.
    """
    check_cluster(cluster, workers, transfer)
    if cluster is None:
        if workers is not None:
            raise InvalidSetting("the workers of a film are the machines of a cluster; give a cluster, too")
        return VideoRun(recipe, film, **objects)
    if objects:
        raise InvalidSetting(f"a cluster takes only names, not objects for {', '.join(objects)}")
    from inceptionism.jobs.cluster import ClusterVideoRun

    return ClusterVideoRun(recipe, film, cluster=cluster, workers=workers, transfer=transfer)
