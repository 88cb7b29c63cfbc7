"""Parts of the report of `dream doctor`: errors of checks, and private names."""

from __future__ import annotations

from pathlib import Path

from inceptionism.cli.doctor.report import Fact, Problem, anonymous, examine, problems_text, section_text


def fails():
    yield Fact("before", "found")
    raise ZeroDivisionError("no number")


def test_an_error_of_a_check_is_a_problem_and_the_other_checks_go_on() -> None:
    section = examine("Processor", [fails, lambda: iter([Fact("after", "two\nlines")])])
    assert section_text(section) == "## Processor\n\n- before: found\n- after: two\\nlines\n"
    assert [one.text for one in section.problems] == [
        "Processor: the check ended with an unexpected error, ZeroDivisionError: no number"
    ]
    assert problems_text([section]).count("\n- ") == 1
    assert problems_text([examine("GPU", [])]) == "## Problems\n\nNo problems found."
    assert isinstance(section.problems[0], Problem)


def test_the_home_folder_and_the_name_of_the_user_are_not_shown(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "anna"))
    monkeypatch.setenv("LOGNAME", "anna")
    text = f"{tmp_path}/anna/.cache, {tmp_path}/anna; /scratch/anna/site and anna, {tmp_path}/annabel"
    assert anonymous(text) == f"~/.cache, ~; /scratch/USER/site and anna, {tmp_path}/annabel"
    monkeypatch.setattr(Path, "home", lambda: Path("/"))
    assert anonymous("/usr/lib") == "/usr/lib"
