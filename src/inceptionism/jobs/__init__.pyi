from .batch import JobResult, batch, entries_of, prepare_pool
from .cluster import AUTO, TRANSFERS, ClusterError
from .job import Request, make_jobs
from .outcomes import DONE, FAILED, STATUSES, WorkerSettings
from .pool import Pool
from .report import REPORT
from .run import Batch, open_batch
from .sweeps import parse_sweeps
from .video import make_video_run

__all__ = [
    "AUTO",
    "DONE",
    "FAILED",
    "REPORT",
    "STATUSES",
    "TRANSFERS",
    "Batch",
    "ClusterError",
    "JobResult",
    "Pool",
    "Request",
    "WorkerSettings",
    "batch",
    "entries_of",
    "make_jobs",
    "make_video_run",
    "open_batch",
    "parse_sweeps",
    "prepare_pool",
]
