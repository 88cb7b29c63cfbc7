"""The JSON Schema of recipes, made from their dataclasses: `python -m inceptionism.recipes.json_schema` prints it.

With this schema, editors can complete and explain settings while a person writes a recipe as JSON or TOML.
"""

from __future__ import annotations

import inspect
import json
import types
from dataclasses import MISSING, is_dataclass
from typing import Any, Union, get_args, get_origin

from inceptionism.recipes.layers import LayerChoice
from inceptionism.recipes.recipe import EARLIER_DEFAULTS, SCHEMA, Recipe, recipe_kinds
from inceptionism.recipes.settings import NONE, NamedSetting, settings_of

PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Any: {},
}
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
        "oneOf": [schema_of_kind(kind) for kind in recipe_kinds().values()],
    }


def schema_of_kind(kind: type[Recipe]) -> dict[str, Any]:
    """Return the schema of one kind of recipe."""
    described = schema_of_dataclass(kind)
    described["properties"] = {
        "schema": {
            "enum": [*EARLIER_DEFAULTS, SCHEMA],
            "description": "Version of the recipe format, which decides the defaults. By default, it is the latest.",
        },
        "kind": {"const": kind.kind},
        **described["properties"],
    }
    return described


def schema_of_dataclass(kind: type) -> dict[str, Any]:
    """Return the schema of an object with the fields of a dataclass."""
    settings = settings_of(kind)
    required = [name for name, one in settings.items() if one.default is MISSING]
    return {
        "type": "object",
        "description": (inspect.getdoc(kind) or "").partition("\n")[0],
        "properties": {name: schema_of_setting(one) for name, one in settings.items()},
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def schema_of_setting(one: NamedSetting) -> dict[str, Any]:
    """Return the schema of the values of a setting, with its limits, default and description."""
    facts = one.facts
    values: dict[str, Any] = {"enum": list(facts.choices)} if facts.choices else schema_of_type(one.type)
    if facts.pattern:
        values["pattern"] = f"^({facts.pattern})$"
    if one.type in (int, float):
        limits = {"minimum": facts.minimum, "exclusiveMinimum": facts.above, "maximum": facts.maximum}
        values |= {name: limit for name, limit in limits.items() if limit is not None}
    if one.optional and one.default not in (None, MISSING):
        values = {"oneOf": [values, {"const": NONE}]}
    values["description"] = facts.description
    if isinstance(one.default, (str, int, float)) or (isinstance(one.default, tuple) and one.default):
        values["default"] = one.default
    return values


def schema_of_type(hint: Any) -> dict[str, Any]:
    """Return the schema of the values of a type. None has no schema, because recipes leave it out."""
    if hint in PLAIN:
        return dict(PLAIN[hint])
    if is_dataclass(hint) and isinstance(hint, type):
        return schema_of_dataclass(hint)
    inner = [one for one in get_args(hint) if one is not type(None)]
    if get_origin(hint) in (Union, types.UnionType):
        return schema_of_type(inner[0]) if len(inner) == 1 else {"oneOf": [schema_of_type(one) for one in inner]}
    if get_origin(hint) is dict:
        return {"type": "object", "additionalProperties": schema_of_type(inner[1])}
    if inner[0] is LayerChoice:
        return dict(LAYERS)
    if inner[1] is ...:
        return {"type": "array", "items": schema_of_type(inner[0])}
    items = [schema_of_type(one) for one in inner]
    pair = {"type": "array", "prefixItems": items, "minItems": len(inner), "items": False}
    return {"oneOf": [schema_of_type(inner[0]), pair]} if set(inner) == {int} else pair


if __name__ == "__main__":
    print(json.dumps(schema(), indent=1))  # noqa: T201
