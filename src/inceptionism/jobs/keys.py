"""The key of a job: the hash of everything that its picture depends on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from inceptionism.errors import UnreadablePicture, first_line, quote_path
from inceptionism.files import check_file, files_in, hash_file, hash_files, hash_text, is_file, is_folder
from inceptionism.io import is_address
from inceptionism.jobs.outcomes import Task
from inceptionism.jobs.stamps import MACHINE
from inceptionism.networks import Network, TextTower, statistics_for
from inceptionism.objectives import NETWORK_KEY, known_names, target_text
from inceptionism.recipes import PRESETS, ClassRecipe, PhotoRecipe, Recipe, parse_prior, parse_terms, possible_files


def job_key(task: Task, network: Network, load: Callable[[str], Network]) -> str:
    """Return the hash of everything that the picture of a job depends on: settings, networks and files.

    Args:
        task: The job.
        network: Network of its recipe.
        load: Function that returns another network that the objective names.

    Raises:
        UnreadablePicture: If a file cannot be read.
        UnknownName, InvalidSetting: If the objective names a network that does not exist.
    """
    job = task.job
    assert job.recipe is not None
    settings, known = job.recipe.settings(), known_names(network)
    written = {**settings, "objective": objective_text(job.recipe, network)}
    others = other_networks(written["objective"], known)
    content = {
        "output": PurePosixPath(job.output).suffix.lower(),
        "settings": {name: value for name, value in settings.items() if name not in MACHINE},
        "network": network_facts(network),
        "others": {name: network_facts(load(name)) for name in others},
        "layer": default_layer(job.recipe, network),
        "statistics": measured_statistics(job.recipe, network),
        "photo": job.photo if job.photo is None or is_address(job.photo) else hash_of(task.find_file(job.photo)),
        "files": file_hashes(task, [name for name in possible_files(written, known) if name not in others], known),
    }
    return hash_text(json.dumps(content, sort_keys=True))


def network_facts(network: Network) -> list[Any]:
    """Return the facts about a network on which pictures depend: its weights and input, classes and text tower."""
    tower = network.text_tower
    labels = None if network.labels is None else network.labels.names
    return [network.key, labels, tower.weights_hash if isinstance(tower, TextTower) else None]


def objective_text(recipe: Recipe, network: Network) -> str | None:
    """Return the text of the objective of a recipe. None if the recipe has layers or a class instead."""
    if isinstance(recipe, ClassRecipe) and recipe.target is not None:
        return target_text(recipe.target, network)
    return getattr(recipe, "objective", None)


def other_networks(objective: str | None, known: list[str]) -> list[str]:
    """Return the names of the networks in an objective.

    Args:
        objective: Text of the objective. None if there is none.
        known: Names of the layers and classes of the network of the recipe.
    """
    terms = () if objective is None else parse_terms(objective, "objective", known)
    return [term.named[NETWORK_KEY] for term in terms if NETWORK_KEY in term.named]


def default_layer(recipe: Recipe, network: Network) -> str | None:
    """Return the layer that the network chooses for a photograph. None if the recipe has a layer or an objective."""
    is_chosen = isinstance(recipe, PhotoRecipe) and not recipe.layer and not recipe.objective
    return network.default_layer if is_chosen else None


def measured_statistics(recipe: Recipe, network: Network) -> str | None:
    """Return the hash of the statistics that were measured for the prior of a recipe. None if it uses none."""
    preset = PRESETS[recipe.preset].prior if isinstance(recipe, ClassRecipe) else ""
    term = parse_prior(getattr(recipe, "prior", None) or preset).get("statistics")
    if term is None or term.arguments:
        return None
    index: int | None = None
    if isinstance(recipe, ClassRecipe) and recipe.target is not None and objective_text(recipe, network) is None:
        index = network.class_index(recipe.target)
    path = statistics_for(network, index).path
    return None if path is None else hash_of(path)


def file_hashes(task: Task, names: list[str], known: list[str]) -> dict[str, str]:
    """Return the hashes of files and folders by their names in the settings. Other names are left out.

    Args:
        task: The job.
        names: Names that may be those of files.
        known: Names of layers and classes. A folder with such a name is not meant.
    """
    hashes = {}
    for name in names:
        path = task.find_file(name)
        if isinstance(path, Path) and is_file(path):
            hashes[name] = hash_of(path)
        elif isinstance(path, Path) and name not in known and is_folder(path):
            hashes[name] = hash_of(*files_in(path))
    return hashes


def hash_of(*paths: Path | str) -> str:
    """Return the SHA-256 of a file, or of the SHA-256s of several files.

    Raises:
        UnreadablePicture: If one of them cannot be read.
    """
    files = [Path(path) for path in paths]
    for file in files:
        check_file(file, UnreadablePicture)
    try:
        return hash_file(files[0]) if len(files) == 1 else hash_files(files)
    except OSError as error:
        raise UnreadablePicture(
            f"{quote_path(error.filename or files[0])} cannot be read: {first_line(error)}"
        ) from None
