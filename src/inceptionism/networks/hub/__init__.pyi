from . import store
from .entries import LIBRARIES, Entry, architecture_of, is_ready, known_entries, package_folder, plugin_entries
from .get import get_network
from .names import keep_layers, known_labels, known_layers, registered_stamp
from .open import fetch_from_library, open_entry
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
    "fetch_from_library",
    "find_entry",
    "get_network",
    "is_ready",
    "keep_layers",
    "known_entries",
    "known_labels",
    "known_layers",
    "load_network",
    "local_files",
    "network_name",
    "open_entry",
    "package_folder",
    "pick_device",
    "plugin_entries",
    "ready_networks",
    "registered_stamp",
    "store",
    "stored_entry",
    "stored_names",
]
