from . import store
from .entries import LIBRARIES, Entry, architecture_of, is_ready, known_entries, plugin_entries
from .names import keep_layers, known_labels, known_layers
from .open import open_entry
from .registry import (
    SUFFIXES,
    load_network,
    local_files,
    network_name,
    pick_device,
)
from .store import find_entry, ready_networks, stored_entry, stored_names

__all__ = [
    "LIBRARIES",
    "SUFFIXES",
    "Entry",
    "architecture_of",
    "find_entry",
    "is_ready",
    "keep_layers",
    "known_entries",
    "known_labels",
    "known_layers",
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
