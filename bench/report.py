"""The results of a benchmark: rows that are printed as one table, and a JSON file from which the docs get their tables.

A row has a job and, if the job was compared with something, the ratio of each round. Both sides of a ratio are measured
in one round, because other programs on the machine change the ratio less than the times.
"""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """The result of one job.

    Attributes:
        part: Part of the benchmark, for example "photo".
        job: The job that was measured.
        compared_with: The job that it is compared with. Empty if there is none.
        ratios: How many times as fast the job was, or as slow if the part is about slowness, in each round.
        figures: Further figures by their name and unit, for example "s per picture".
    """

    part: str
    job: str
    compared_with: str = ""
    ratios: Sequence[float] = ()
    figures: dict[str, float | str] = field(default_factory=dict)

    @property
    def ratio(self) -> str:
        """The median of the ratios, and the range if there are several, for example "4.1 (4.0 to 4.2)"."""
        if not self.ratios:
            return ""
        low, middle, high = (f"{one:.1f}" for one in (min(self.ratios), self.median, max(self.ratios)))
        return middle if len(self.ratios) == 1 else f"{middle} ({low} to {high})"

    @property
    def median(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)


class Report:
    """The rows of a run on one machine.

    Args:
        machine: Facts about the machine and the versions, by name.
        rows: The rows.
    """

    def __init__(self, machine: dict[str, str], rows: Sequence[Row] = ()) -> None:
        self.machine = machine
        self.rows = list(rows)

    @classmethod
    def load(cls, path: Path) -> Report:
        """Return the report in a JSON file."""
        content = json.loads(path.read_text("utf-8"))
        return cls(content["machine"], [Row(**row) for row in content["rows"]])

    def save(self, path: Path) -> None:
        """Write the report as JSON."""
        content = {"machine": self.machine, "rows": [asdict(row) for row in self.rows]}
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")

    def add(
        self,
        part: str,
        job: str,
        figures: Mapping[str, float | str],
        compared_with: str = "",
        ratios: Sequence[float] = (),
    ) -> Row:
        """Add a row, print it at once, and return it."""
        rounded = {name: float(f"{one:.4g}") if isinstance(one, float) else one for name, one in figures.items()}
        row = Row(part, job, compared_with, [float(f"{ratio:.4g}") for ratio in ratios], rounded)
        self.rows.append(row)
        ratio = f"{row.ratio} compared with {compared_with}" if compared_with else ""
        print(" | ".join(text for text in (part, job, ratio, figures_text(row)) if text), flush=True)
        return row

    @contextmanager
    def attempt(self, name: str, *errors: type[Exception]) -> Iterator[None]:
        """Go on with the next job if this one raises one of `errors`, and say why."""
        try:
            yield
        except errors as error:
            print(f"{name} was not measured: {type(error).__name__}: {str(error).splitlines()[0]}", flush=True)

    def print_table(self) -> None:
        """Print all rows as one table."""
        table = Table("part", "job", "ratio", "compared with", "figures", title=", ".join(self.machine.values()))
        for row in self.rows:
            table.add_row(row.part, row.job, row.ratio, row.compared_with, figures_text(row))
        Console(width=180, highlight=False).print(table)

    def markdown(self, part: str) -> str:
        """Return the rows of a part as a Markdown table."""
        rows = [row for row in self.rows if row.part == part]
        if not rows:
            raise KeyError(f"the report has no part {part!r}; it has {', '.join({row.part: 0 for row in self.rows})}")
        names = list(dict.fromkeys(name for row in rows for name in row.figures))
        has_ratios = any(row.ratios for row in rows)
        headings = ["", *names, *(["ratio", "compared with"] if has_ratios else [])]
        lines = [headings, ["---"] * len(headings)]
        for row in rows:
            cells = [row.job, *(number_text(row.figures.get(name, "")) for name in names)]
            lines.append(cells + ([row.ratio, row.compared_with] if has_ratios else []))
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def figures_text(row: Row) -> str:
    """Return the figures of a row as text, for example "29 ms per step, 645 MiB"."""
    return ", ".join(f"{number_text(value)} {name}" for name, value in row.figures.items())


def number_text(value: float | str) -> str:
    """Return a number with three digits, or a text as it is."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def machine_facts() -> dict[str, str]:
    """Return facts about this machine and the versions of the programs."""
    import torch

    import inceptionism

    facts = {"processor": processor_name(), "cores": f"{torch.get_num_threads()} threads"}
    if torch.cuda.is_available():
        facts["card"] = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"
    capability = torch.backends.cpu.get_cpu_capability()
    versions = {
        "torch": torch.__version__,
        "Python": platform.python_version(),
        "inceptionism": inceptionism.__version__,
    }
    return facts | {"instructions": capability} | {name: f"{name} {version}" for name, version in versions.items()}


def processor_name() -> str:
    """Return the name of the processor, as far as the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def speedups(slow: Sequence[float], fast: Sequence[float]) -> list[float]:
    """Return the ratio of two series of times, round by round."""
    return [one / other for one, other in zip(slow, fast, strict=True)]
