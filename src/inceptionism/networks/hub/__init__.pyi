from . import store
from .entries import Entry, known_entries, plugin_entries
from .open import open_entry
from .registry import LIBRARIES, SUFFIXES, find_entry, load_network, network_name, pick_device
from .store import stored_entry, stored_names

__all__ = [
    "LIBRARIES",
    "SUFFIXES",
    "Entry",
    "find_entry",
    "known_entries",
    "load_network",
    "network_name",
    "open_entry",
    "pick_device",
    "plugin_entries",
    "store",
    "stored_entry",
    "stored_names",
]
