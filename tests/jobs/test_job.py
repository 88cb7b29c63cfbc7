"""Jobs: their recipes and their names."""

from __future__ import annotations

from typing import Any

import pytest

from inceptionism.errors import InvalidSetting
from inceptionism.jobs.inputs import NOISE, Entry
from inceptionism.jobs.job import Job, Request, make_jobs
from inceptionism.jobs.names import checked_name
from inceptionism.jobs.plan import open_plan
from inceptionism.jobs.report import Line
from inceptionism.recipes import ClassRecipe, LayerChoice, PhotoRecipe

CAT = Entry({"photo": "in/cat.jpg"}, "deep/cat.jpg", "in/cat.jpg")


def jobs(*entries: Entry, **request: Any) -> list[Job]:
    return list(make_jobs(entries or [CAT], Request(**request)))


def outputs(*entries: Entry, **request: Any) -> list[str]:
    return [job.output for job in jobs(*entries, **request)]


def test_names_have_the_settings_that_differ() -> None:
    assert outputs() == ["deep/cat.png"]
    sweeps = {"layer": ["blocks.4", "blocks.10:3"], "seed": ["0", "1"]}
    names = ["deep/cat-blocks.4-0", "deep/cat-blocks.4-1", "deep/cat-blocks.10-3-0", "deep/cat-blocks.10-3-1"]
    assert outputs(sweeps=sweeps, ending=".jpg") == [f"{name}.jpg" for name in names]
    assert outputs(NOISE, sweeps={"class": ["king of beasts", "291"], "seed": [7]}) == [
        "king-of-beasts-7.png",
        "291-7.png",
    ]
    row = Entry({"photo": "a.png", "seed": 3, "strength": 0.5}, "a.png", "row 1")
    assert outputs(row) == ["a-3-0.5.png"]


def test_a_template_has_settings_and_facts() -> None:
    request = {"sweeps": {"seed": [5]}, "settings": {"size": 64}}
    assert outputs(template="{stem}_{seed:03}_{size}_{number}", **request) == ["cat_005_64_1.png"]
    assert outputs(template="x/{name}", **request) == ["x/cat.jpg"]
    assert outputs(NOISE, template="{class}/{title}.webp", settings={"target": "banana"}) == ["banana/banana.webp"]
    assert outputs(look="etching", template="{look}") == ["etching.png"]
    for template, reason in (
        ("{leyer}", "unknown field 'leyer'; did you mean layer"),
        ("{seed", "is not valid"),
        ("{seed:xyz}", "cannot have the format 'xyz'"),
    ):
        with pytest.raises(InvalidSetting, match=reason):
            outputs(template=template)


@pytest.mark.parametrize("output", ["/etc/x.png", "../x.png", "a/../../x.png", "", "."])
def test_an_output_stays_in_the_folder(output) -> None:
    with pytest.raises(InvalidSetting, match="must be the name of a file in the folder of the batch"):
        checked_name(output, ".png")


def test_long_names_are_cut_and_endings_kept() -> None:
    assert len(checked_name("x" * 400, ".png")) == 204
    assert checked_name("a/b.c", ".png") == "a/b.c.png"
    assert checked_name("a/b.JPG", ".png") == "a/b.JPG"


def test_settings_of_a_row_replace_those_of_all() -> None:
    row = Entry({"photo": "a.png", "seed": "3", "layer": '["blocks.4", "blocks.10=0.5"]'}, "a.png", "row 1")
    (job,) = jobs(row, settings={"seed": 1, "octaves": 2})
    assert job.recipe == PhotoRecipe(
        seed=3, octaves=2, layer=[LayerChoice("blocks.4"), LayerChoice("blocks.10", weight=0.5)]
    )
    assert Job.from_json(job.to_json()) == job


def test_each_recipe_file_makes_a_job(tmp_path) -> None:
    for name, layer in (("first", "blocks.4"), ("second", "blocks.10")):
        (tmp_path / f"{name}.toml").write_text(f'kind = "photo"\nlayer = "{layer}"\nguide = "g.png"\nsteps = 3\n')
    recipes = (tmp_path / "first.toml", tmp_path / "second.toml")
    made = jobs(recipes=recipes, settings={"steps": 4})
    assert [job.output for job in made] == ["deep/cat-first.png", "deep/cat-second.png"]
    assert [(job.recipe.layer[0].name, job.recipe.steps) for job in made] == [("blocks.4", 4), ("blocks.10", 4)]
    assert made[0].recipe.guide == str(tmp_path / "g.png")
    (tmp_path / "class.toml").write_text('kind = "class"\ntarget = "banana"\n')
    assert (
        "is of kind class, but a job with a photograph needs one of kind photo"
        in jobs(recipes=[tmp_path / "class.toml"])[0].problem
    )
    (job,) = jobs(NOISE, recipes=[tmp_path / "class.toml"], settings={"seed": 2})
    assert job.recipe == ClassRecipe(target="banana", seed=2)


def test_a_wrong_value_is_the_problem_of_its_job() -> None:
    rows = [
        Entry({"photo": f"{number}.png", "steps": steps}, f"{number}.png", "") for number, steps in enumerate("a01")
    ]
    assert [job.problem for job in jobs(*rows)] == [
        "steps must be a whole number, not 'a'",
        "steps must be from 1 to 100000, not 0",
        "",
    ]
    assert jobs(settings={"target": "banana"})[0].problem == "target is a setting of pictures from noise; leave it out"
    assert jobs(NOISE, look="etching", settings={"target": "banana"})[0].problem.startswith("a look is for photographs")


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"settings": {"leyer": "x"}}, "a batch has no setting 'leyer'; did you mean layer"),
        ({"sweeps": {"sed": ["1"]}}, "a batch has no setting 'sed'; did you mean seed"),
        ({"settings": {"seed": 1}, "sweeps": {"seed": ["1"]}}, "seed is given twice"),
        ({"sweeps": {"seed": []}}, "the sweep of seed has no values"),
        ({"ending": ".xyz"}, "there is no format 'xyz'"),
    ],
)
def test_a_wrong_request_gets_a_sentence(request_, reason) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        Request(**request_)


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="row 1 has no setting 'sede'; did you mean seed"):
        jobs(Entry({"photo": "a.png", "sede": "3"}, "a.png", "row 1"))


def test_two_jobs_of_one_name_are_refused_before_the_work() -> None:
    twin = Entry({"photo": "other/cat.jpg"}, "deep/cat.png", "other/cat.jpg")
    with (
        open_plan() as plan,
        pytest.raises(InvalidSetting, match=r"have the output deep/cat.png: in/cat.jpg and other/"),
    ):
        plan.add_jobs(jobs(CAT, twin))


def test_a_plan_keeps_the_order_of_the_jobs_and_the_last_lines() -> None:
    made = jobs(sweeps={"seed": range(12)})
    with open_plan() as plan:
        plan.add_jobs(made)
        plan.add_lines([Line(made[3].output, "failed"), Line("old.png", "done"), Line(made[3].output, "done", "key")])
        assert plan.total == 12
        assert [job for job, _ in plan.jobs()] == made
        assert [line and line.key for _, line in plan.jobs()] == [None] * 3 + ["key"] + [None] * 8
        assert [line.output for line in plan.lines()] == ["old.png", made[3].output]
