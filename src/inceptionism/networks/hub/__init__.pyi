from . import store
from .entries import LIBRARIES, Entry, known_entries, plugin_entries
from .open import open_entry
from .registry import (
    SUFFIXES,
    find_entry,
    is_ready,
    load_network,
    local_files,
    network_name,
    pick_device,
    ready_networks,
)
from .store import stored_entry, stored_names

__all__ = [
    "LIBRARIES",
    "SUFFIXES",
    "Entry",
    "find_entry",
    "is_ready",
    "known_entries",
    "load_network",
    "local_files",
    "network_name",
    "open_entry",
    "pick_device",
    "plugin_entries",
    "ready_networks",
    "store",
    "stored_entry",
    "stored_names",
]
