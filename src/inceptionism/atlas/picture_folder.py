"""Pictures of several objectives in a folder. An interrupted folder is continued."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Generic, TypeVar

from inceptionism.errors import (
    CannotWrite,
    InceptionismError,
    InvalidSetting,
    NameTaken,
    NoGradient,
    NotFinite,
    UnreadableFile,
    quote_path,
)
from inceptionism.files import path_exists
from inceptionism.interruption import postponed
from inceptionism.io import create_folder, read_recipe, save_or_rescue
from inceptionism.networks import Network
from inceptionism.objectives import Objective
from inceptionism.recipes import ClassRecipe, Recipe
from inceptionism.runs import ClassRun, Step, make_batches, run_batch

Key = TypeVar("Key")


class PictureFolder(ABC, Generic[Key]):
    """Pictures of several objectives in a folder. Pictures that already exist with the same settings are kept.

    Each picture is a PNG with its recipe inside.

    Args:
        network: Network that the objectives belong to.
        settings: Settings of every picture. The objective in them is replaced.
        folder: Folder for the files. It is created if its parent exists.
        keys: Keys of the pictures, for example the indices of channels.
        overwrite: Whether existing pictures with other settings are replaced.

    Attributes:
        done: Keys of the pictures that exist.
        silent: Keys of the objectives without a gradient, among the pictures that this object has made.

    Raises:
        InvalidSetting: If a setting is not valid.
        CannotWrite: If the folder cannot be created.
        NameTaken: If the folder has pictures with other settings, or other files with the names of the pictures.
    """

    def __init__(
        self, network: Network, settings: ClassRecipe, folder: Path, keys: Sequence[Key], *, overwrite: bool = False
    ) -> None:
        self.network, self.folder, self.keys = network, folder, list(keys)
        self._settings = settings
        for key in self.keys[:1]:
            self.run(key)  # settings that are not valid are refused before the folder is created
        create_folder(folder, exist_ok=True)
        self.done: list[Key] = []
        self.silent: list[Key] = []
        for key in self.keys:
            path = self.path(key)
            if not path_exists(path):
                continue
            if embedded_recipe(path) == self.run(key).recipe:
                self.done.append(key)
            elif not overwrite:
                raise NameTaken(
                    f"{quote_path(path)} already exists with other settings; "
                    "choose another folder, or replace it with --overwrite (in Python, overwrite=True)"
                )

    @abstractmethod
    def path(self, key: Key) -> Path:
        """Return the path of a picture."""

    @abstractmethod
    def objective(self, key: Key) -> Objective:
        """Return the objective of a picture."""

    def run(self, key: Key) -> ClassRun:
        """Return the run that makes a picture."""
        objective = self.objective(key)
        recipe = replace(self._settings, objective=str(objective))
        return ClassRun(recipe, network=self.network, objective=objective)

    def make(self, on_step: Callable[[Step], object] | None = None) -> None:
        """Make all missing pictures.

        Args:
            on_step: Called with each step of each picture.

        Raises:
            CannotWrite, NotFinite: As for `make_batches`.
        """
        for batch in self.make_batches():
            for steps in batch:
                for step in steps:
                    if on_step is not None:
                        on_step(step)

    def make_batches(self) -> Iterator[Iterator[list[Step]]]:
        """Yield the steps of each batch of missing pictures. The pictures are written after the last step of a batch.

        Raises:
            InvalidSetting: If the next batch is requested before all steps of the last batch were taken.
            CannotWrite: If a picture cannot be written. All pictures of its batch are saved elsewhere if possible, and
                the message names their files.
            NotFinite: If a gradient is not finite, after the other pictures of the batch were written.
        """
        done = set(self.done)
        missing = [key for key in self.keys if key not in done]
        for batch in make_batches(self.run(key) for key in missing):
            keys, missing = missing[: len(batch)], missing[len(batch) :]
            yield self._steps(keys, batch)
            failures: list[InceptionismError] = [run.failure for run in batch if isinstance(run.failure, NotFinite)]
            with postponed():
                for key, run in zip(keys, batch, strict=True):
                    if run.failure in failures:
                        continue
                    if len(run.scores) < sum(run.octave_steps):
                        raise InvalidSetting("take all steps of a batch before you request the next batch")
                    result = run.result()
                    try:
                        save_or_rescue(result.image, self.path(key), result.recipe, overwrite=True)
                        self.done.append(key)
                    except CannotWrite as error:
                        failures.append(error)
            if len(failures) == 1:
                raise failures[0]
            if failures:
                raise CannotWrite("; ".join(map(str, failures)))

    def _steps(self, keys: Sequence[Key], batch: Sequence[ClassRun]) -> Iterator[list[Step]]:
        """Yield the steps of a batch. A picture without a gradient shows only the effect of the prior on noise."""
        with suppress(NoGradient, NotFinite):  # the runs keep them
            yield from run_batch(batch)
        self.silent += [key for key, run in zip(keys, batch, strict=True) if isinstance(run.failure, NoGradient)]


def embedded_recipe(path: Path) -> Recipe | None:
    """Return the recipe inside a picture. None if the file has no valid recipe or is not a picture."""
    try:
        text = read_recipe(path)
        return None if text is None else Recipe.from_json(text)
    except (UnreadableFile, InvalidSetting):
        return None
