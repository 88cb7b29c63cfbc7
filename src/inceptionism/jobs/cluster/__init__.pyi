from .connection import Cluster, ClusterError, check_cluster
from .film import make_video_run
from .pool import ClusterPool
from .transfer import AUTO, TRANSFERS

__all__ = ["AUTO", "TRANSFERS", "Cluster", "ClusterError", "ClusterPool", "check_cluster", "make_video_run"]
