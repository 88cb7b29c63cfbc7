"""The report of a batch."""

from __future__ import annotations

import pytest

from inceptionism.errors import CannotWrite, InvalidSetting
from inceptionism.jobs.report import LOCK, REPORT, Line, open_report

LINES = [Line("a.png", "done", "key", photo="ä\udcff.png", seconds=1.5, notes=("one", "two")), Line("b.png", "failed")]


def test_lines_are_added_read_and_replaced(tmp_path) -> None:
    with open_report(tmp_path) as report:
        for line in LINES:
            report.add(line)
    with open_report(tmp_path) as report:
        assert list(report.read()) == LINES
        report.replace(reversed(LINES))
    with open_report(tmp_path) as report:
        assert list(report.read()) == LINES[::-1]
    assert sorted(path.name for path in tmp_path.iterdir()) in ([REPORT], [LOCK, REPORT])


def test_a_line_that_is_not_complete_is_made_again(tmp_path) -> None:
    text = LINES[0].to_json()
    (tmp_path / REPORT).write_text(f"{text}\n{text[:20]}")
    with open_report(tmp_path) as report:
        assert list(report.read()) == LINES[:1]
        report.add(LINES[1])
        assert list(report.read()) == LINES


@pytest.mark.parametrize("line", ["{", "[]", "1", '{"output": 5, "status": "done"}', '{"status": "done"}'])
def test_a_damaged_line_gets_a_sentence(tmp_path, line) -> None:
    (tmp_path / REPORT).write_text(f"{LINES[0].to_json()}\n{line}\n")
    with open_report(tmp_path) as report, pytest.raises(InvalidSetting, match="line 2: this is not a line of a report"):
        list(report.read())


def test_only_one_batch_works_in_a_folder(tmp_path) -> None:
    with (
        open_report(tmp_path),
        pytest.raises(CannotWrite, match="another batch works in the folder"),
        open_report(tmp_path),
    ):
        pass
    with open_report(tmp_path):
        pass
