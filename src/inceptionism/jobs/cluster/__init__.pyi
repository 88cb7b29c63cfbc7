from .connection import Cluster, ClusterError, check_cluster
from .film import ClusterVideoRun
from .pool import ClusterPool
from .transfer import AUTO, TRANSFERS

__all__ = ["AUTO", "TRANSFERS", "Cluster", "ClusterError", "ClusterPool", "ClusterVideoRun", "check_cluster"]
