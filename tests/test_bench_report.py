"""The report of the benchmarks: ratios, the JSON file, and the tables of the docs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.report import Report, Row, number_text, speedups

ROOT = Path(__file__).resolve().parents[1]


def test_a_ratio_is_the_median_of_the_rounds_with_their_range() -> None:
    assert speedups([4.0, 9.0, 2.0], [2.0, 3.0, 2.0]) == [2.0, 3.0, 1.0]
    assert Row("photo", "job", "plain", [2.04, 3.0, 1.0]).ratio == "2.0 (1.0 to 3.0)"
    assert Row("gpu", "job", "plain", [1.75]).ratio == "1.8"
    assert Row("size", "job").ratio == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0764, "0.0764"), (29.04, "29"), (100.6, "101"), (2280.0, "2,280"), (2.0, "2"), ("20, 19", "20, 19"), (0, "0")],
)
def test_numbers_have_three_digits(value: float | str, text: str) -> None:
    assert number_text(value) == text


def test_a_report_is_the_same_after_it_was_written_and_read(tmp_path, capsys) -> None:
    report = Report({"processor": "a processor", "torch": "torch 2"})
    report.add("photo", "1024×575, plain loop", {"s": 10.98, "ms per step": 274.71})
    report.add("photo", "1024×575, fp32", {"s": 1.7543, "GFLOP/s": 126.0}, "plain loop", [5.83, 6.84, 7.12])
    report.add("size", "1334×749", {"peak MiB": 778})
    with report.attempt("another part", ImportError):
        raise ModuleNotFoundError("No module named 'lucent'\nmore")
    assert "another part was not measured: ModuleNotFoundError: No module named 'lucent'\n" in capsys.readouterr().out
    report.save(tmp_path / "report.json")
    again = Report.load(tmp_path / "report.json")
    assert (again.machine, again.rows) == (report.machine, report.rows)
    assert again.markdown("photo").splitlines() == [
        "|  | s | ms per step | GFLOP/s | ratio | compared with |",
        "| --- | --- | --- | --- | --- | --- |",
        "| 1024×575, plain loop | 11 | 275 |  |  |  |",
        "| 1024×575, fp32 | 1.75 |  | 126 | 6.8 (5.8 to 7.1) | plain loop |",
    ]
    assert again.markdown("size").splitlines()[-1] == "| 1334×749 | 778 |"
    with pytest.raises(KeyError, match="no part 'film'; it has photo, size"):
        again.markdown("film")


def test_the_benchmark_explains_its_options() -> None:
    done = subprocess.run([sys.executable, "-m", "bench", "--help"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "--parts" in done.stdout
