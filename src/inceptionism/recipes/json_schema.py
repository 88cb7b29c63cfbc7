"""The JSON Schema of recipes, from their dataclasses: `python -m inceptionism.recipes.json_schema` prints it.

Editors that know it complete and explain recipes as they are written, as JSON or as TOML.
"""

from __future__ import annotations

import inspect
import json
import re
import types
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from inceptionism.recipes.layers import LayerChoice
from inceptionism.recipes.recipe import DEVICES, NONE, PRECISIONS, PRESETS, SCHEMA, Recipe, recipe_kinds

PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Any: {},
}
CHOICES = {"device": DEVICES, "precision": PRECISIONS, "preset": tuple(PRESETS)}
LAYERS = {
    "oneOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}},
        {"type": "object", "additionalProperties": {"type": "number"}},
    ]
}


def schema() -> dict[str, Any]:
    """Return the schema of every kind of recipe, as JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A recipe of inceptionism",
        "type": "object",
        "required": ["kind"],
        "oneOf": [of_kind(kind) for kind in recipe_kinds().values()],
    }


def of_kind(kind: type[Recipe]) -> dict[str, Any]:
    """Return the schema of one kind."""
    described = of_dataclass(kind)
    described["properties"] = {
        "schema": {"const": SCHEMA, "description": "The version of this form; in TOML it may be left out."},
        "kind": {"const": kind.kind},
        **described["properties"],
    }
    return described


def of_dataclass(kind: Any) -> dict[str, Any]:
    """Return the schema of an object that has a dataclass's fields, each with what its documentation says."""
    hints = get_type_hints(kind)
    said: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        said |= attributes(one)
    properties = {}
    for one in fields(kind):
        properties[one.name] = of_type(hints[one.name])
        if one.default not in (None, MISSING) and type(None) in get_args(hints[one.name]):
            properties[one.name] = {"oneOf": [properties[one.name], {"const": NONE}]}
        if one.name in CHOICES and issubclass(kind, Recipe):
            properties[one.name] = {"enum": list(CHOICES[one.name])}
        if one.name in said:
            properties[one.name]["description"] = said[one.name]
        if isinstance(one.default, (str, int, float)) or (isinstance(one.default, tuple) and one.default):
            properties[one.name]["default"] = one.default
    required = [one.name for one in fields(kind) if one.default is MISSING]
    return {
        "type": "object",
        "description": (inspect.getdoc(kind) or "").partition("\n")[0],
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def of_type(hint: Any) -> dict[str, Any]:
    """Return the schema of values of a type; what may be nothing is left out where it is."""
    if hint in PLAIN:
        return dict(PLAIN[hint])
    if is_dataclass(hint) and isinstance(hint, type):
        return of_dataclass(hint)
    inner = [one for one in get_args(hint) if one is not type(None)]
    if get_origin(hint) in (Union, types.UnionType):
        return of_type(inner[0]) if len(inner) == 1 else {"oneOf": [of_type(one) for one in inner]}
    if get_origin(hint) is dict:
        return {"type": "object", "additionalProperties": of_type(inner[1])}
    if inner[0] is LayerChoice:
        return dict(LAYERS)
    if inner[1] is ...:
        return {"type": "array", "items": of_type(inner[0])}
    fixed = {"type": "array", "prefixItems": [of_type(one) for one in inner], "minItems": len(inner), "items": False}
    return {"oneOf": [of_type(inner[0]), fixed]} if set(inner) == {int} else fixed


def attributes(kind: type) -> dict[str, str]:
    """Return what the documentation of a dataclass says of its fields."""
    section = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^ {4}([a-z_0-9, ]+): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for names, text in found for name in names.split(", ")}


if __name__ == "__main__":
    print(json.dumps(schema(), indent=1))  # noqa: T201
