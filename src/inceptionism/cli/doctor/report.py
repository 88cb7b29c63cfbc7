"""The report of `dream doctor` as Markdown, without the name of the user and of the home folder."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from inceptionism.errors import InceptionismError, describe_error, one_line


class Fact(NamedTuple):
    """One line of the report, for example "Python: 3.12.1"."""

    name: str
    value: str


class Problem(NamedTuple):
    """A sentence that says what is wrong and what to do."""

    text: str


Check = Callable[[], Iterator[Fact | Problem]]
"""Function that examines a part of the installation."""


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        heading: Heading of the section.
        facts: Lines of the section.
        problems: Everything that is wrong in this part.
    """

    heading: str
    facts: Sequence[Fact]
    problems: Sequence[Problem]


def examine(heading: str, checks: Sequence[Check]) -> Section:
    """Return a section with everything that some checks find. An error in a check becomes a problem."""
    found: list[Fact | Problem] = []
    for check in checks:
        try:
            found.extend(check())
        except InceptionismError as error:
            found.append(Problem(str(error)))
        except Exception as error:  # noqa: BLE001  # the report must say what is broken, whatever it is
            found.append(Problem(f"{heading}: the check ended with an unexpected error, {describe_error(error)}"))
    facts = [one for one in found if isinstance(one, Fact)]
    return Section(heading, facts, [one for one in found if isinstance(one, Problem)])


def section_text(section: Section) -> str:
    """Return the facts of a section as Markdown."""
    lines = [f"- {one.name}: {one_line(one.value)}" for one in section.facts] or ["- not known"]
    return anonymous("\n".join([f"## {section.heading}", "", *lines, ""]))


def problems_text(sections: Sequence[Section]) -> str:
    """Return the problems of all sections as Markdown."""
    problems = [f"- {one_line(one.text)}" for section in sections for one in section.problems]
    return anonymous("\n".join(["## Problems", "", *(problems or ["No problems found."])]))


def anonymous(text: str) -> str:
    """Return a text with ~ in place of the home folder, and USER in place of the user's name in other paths."""
    home = Path.home()
    for folder in {str(home), str(home.resolve())} - {"/"}:
        text = re.sub(rf"{re.escape(folder)}(?![\w.-])", "~", text)
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may run with a number that belongs to no user
        return text
    return re.sub(rf"(?<=[/\\]){re.escape(user)}(?=[/\\])", "USER", text)
