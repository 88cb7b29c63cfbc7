"""The keywords of the Python functions are the settings of the recipes, with their types and defaults."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import inceptionism as inc
from inceptionism.recipes import grouped_settings

KINDS = {"dream": inc.PhotoRecipe, "visualize": inc.ClassRecipe, "zoom": inc.ZoomRecipe, "video": inc.VideoRecipe}


@pytest.mark.parametrize("name", KINDS)
def test_every_setting_is_a_keyword_with_its_default(name) -> None:
    function, kind = getattr(inc, name), KINDS[name]
    parameters = inspect.signature(function).parameters
    left_out = {"target", "objective"} if name == "visualize" else set()
    for one in grouped_settings(kind, left_out):
        default = parameters[one.name].default
        assert default == one.default or (default is None and one.default == ()), one.name
        by_position = one.name == "layer"
        assert (parameters[one.name].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD) == by_position
        assert f"    {one.name}: {one.facts.help.split()[0]}" in function.__doc__
    assert not any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())


@pytest.mark.parametrize("name", KINDS)
def test_the_stub_has_the_same_signature(name) -> None:
    stub = ast.parse(Path(inc.__file__).with_name("api.pyi").read_text("utf-8"))
    # The last overload takes all arguments. The others have narrower types of some of them.
    *overloads, written = (node for node in stub.body if isinstance(node, ast.FunctionDef) and node.name == name)
    parameters = inspect.signature(getattr(inc, name)).parameters.values()
    keywords = [one for one in parameters if one.kind is inspect.Parameter.KEYWORD_ONLY]
    assert [one.arg for one in written.args.kwonlyargs] == [one.name for one in keywords]
    assert [ast.literal_eval(one) for one in written.args.kw_defaults] == [one.default for one in keywords]
    assert [ast.unparse(one.annotation) for one in written.args.kwonlyargs] == [one.annotation for one in keywords]
    for overload in overloads:
        assert [one.arg for one in overload.args.kwonlyargs] == [one.name for one in keywords]
    assert inspect.cleandoc(ast.get_docstring(written) or "") == inspect.getdoc(getattr(inc, name)).strip()


def test_an_unknown_keyword_is_refused_with_the_usual_error_of_python() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'octave'"):
        inc.dream("photo.jpg", octave=3)
    with pytest.raises(TypeError, match="missing a required argument: 'photo'"):
        inc.dream(octaves=3)
