from .batch import JobResult, batch, make_pool
from .inputs import NOISE, find_entries
from .job import Job, Request, make_jobs
from .outcomes import DONE, FAILED, SKIPPED, STATUSES, Outcome, WorkerSettings
from .pool import Pool
from .report import REPORT
from .run import Batch, open_batch
from .sweeps import parse_sweeps

__all__ = [
    "DONE",
    "FAILED",
    "NOISE",
    "REPORT",
    "SKIPPED",
    "STATUSES",
    "Batch",
    "Job",
    "JobResult",
    "Outcome",
    "Pool",
    "Request",
    "WorkerSettings",
    "batch",
    "find_entries",
    "make_jobs",
    "make_pool",
    "open_batch",
    "parse_sweeps",
]
