"""The command `dream doctor`, and the order of its report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import typer

from inceptionism.cli.command import command
from inceptionism.cli.doctor.report import Check, Section, examine, problems_text, section_text
from inceptionism.cli.terminal import loading, print_lines


def add_doctor_command(app: typer.Typer) -> None:
    """Add `dream doctor` to the program."""
    command(app, examples=["dream doctor"])(doctor)


def doctor() -> None:
    """Check the installation: packages, processor, memory, GPU, networks and formats, and what is wrong with them.

    When you report a fault, paste the output into the issue. It does not contain your name or the path of your home
    folder. The exit status is 1 if something is wrong with the installation.
    """
    sections: list[Section] = []
    left = examined_sections()
    while True:
        with loading("the next part of the report", quiet=False):
            section = next(left, None)
        if section is None:
            break
        sections.append(section)
        print_lines(section_text(section))  # at once, because the import of all libraries takes some seconds
    print_lines(problems_text(sections))
    if any(section.problems for section in sections):
        raise typer.Exit(1)


def examined_sections() -> Iterator[Section]:
    """Yield the sections of the report, in its order."""
    from inceptionism.cli.doctor import machine, media, networks
    from inceptionism.cli.doctor.packages import Packages

    packages = Packages()
    yield examine("System", [machine.versions])
    yield examine("Packages", [packages.check])

    def need(module: str, *checks: Check) -> Sequence[Check]:
        """Return checks that use a module. If it is broken or missing, they would only repeat its error."""
        return checks if packages.works(module) else ()

    yield examine("Processor", [machine.processor, *need("torch", machine.precision, machine.threads)])
    yield examine("Memory", need("psutil", *need("torch", machine.memory)))
    yield examine("GPU", need("torch", machine.gpu))
    yield examine("Networks", [networks.known, networks.stored, networks.cache, *need("torch", networks.weights)])
    yield examine("Films", need("av", media.films))
    yield examine("Pictures", need("PIL", media.pictures))
