"""One definition of each setting: default, help, unit, range and choices, in the metadata of a dataclass field.

The checks of a recipe, the options of the command line, the keywords of the Python functions, the JSON schema and the
reference table in the documentation are all made from these definitions. Does not import torch.
"""

from __future__ import annotations

import json
import textwrap
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from inceptionism.errors import InvalidSetting, enumeration, quote_value
from inceptionism.validation import check_choice, check_flag, check_integer, check_number, check_text, number_text

NONE = "none"
"""The word for "no value" in recipes, for a setting that has a value by default: TOML has no null."""

GROUPS = {"what": "What to make", "how": "How to make it", "output": "Output", "machine": "Machine"}
"""The groups of settings, with their headings in the help of a command."""

METADATA = "setting"
"""The key of a `Setting` in the metadata of a dataclass field."""


@dataclass(frozen=True)
class Setting:
    """Facts about a setting, besides its name, type and default.

    Attributes:
        help: Meaning of the setting, as a phrase without a period.
        group: One of `GROUPS`, or empty for a field that is no option because the program fills it in.
        unit: Unit of the value, in the plural.
        minimum: Smallest value that is allowed.
        above: Number that the value must exceed, instead of a minimum.
        maximum: Largest value that is allowed.
        choices: Allowed texts.
        pattern: Regular expression of the allowed texts, for the JSON schema. `convert` checks them.
        absent: Meaning of a missing value, as a phrase without a period.
        alone: Value of the option on the command line if no value follows it. Empty if a value must follow.
        note: Further sentences of the description.
        convert: Takes the name of the setting and a value; returns the value in its stored form, or raises
            `InvalidSetting`.
    """

    help: str
    group: str = ""
    unit: str = ""
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    absent: str = ""
    alone: str = ""
    note: str = ""
    convert: Callable[[str, Any], Any] | None = None

    @property
    def description(self) -> str:
        """Description in whole sentences, with unit, choices and the meaning of a missing value."""
        first = self.help + (f", in {self.unit}" if self.unit else "")
        first += f": {enumeration(self.choices, 'or')}" if self.choices else ""
        default = f"By default {self.absent}." if self.absent else ""
        return " ".join(filter(None, [f"{first}.", default, self.note]))

    @property
    def range(self) -> str:
        """Allowed range in words; empty if there is no limit."""
        words = {"more than {:g}": self.above, "at least {:g}": self.minimum, "at most {:g}": self.maximum}
        if self.minimum is not None and self.maximum is not None:
            return f"{number_text(self.minimum)} to {number_text(self.maximum)}"
        return ", ".join(form.format(limit) for form, limit in words.items() if limit is not None)


def setting(default: Any, help: str, **facts: Any) -> Any:
    """Return a dataclass field with a default and a `Setting` made of the help and further facts."""
    return field(default=default, metadata={METADATA: Setting(help, **facts)})


def required(help: str, **facts: Any) -> Any:
    """Return a dataclass field like that of `setting`, without a default."""
    return field(metadata={METADATA: Setting(help, **facts)})


def inherited(kind: type, name: str, default: Any = MISSING, **facts: Any) -> Any:
    """Return the field `name` of another dataclass, with another default or other facts."""
    known = next(one for one in fields(kind) if one.name == name)
    changed = replace(known.metadata[METADATA], **facts)
    return field(default=known.default if default is MISSING else default, metadata={METADATA: changed})


class NamedSetting(NamedTuple):
    """A setting of a dataclass.

    Attributes:
        name: Name of the field.
        type: Type of the values, without None.
        annotation: Annotation of the field, as it is written.
        optional: Whether the value may be None.
        default: Default value; `dataclasses.MISSING` if the field must be given.
        facts: Help, unit, limits and other facts.
    """

    name: str
    type: Any
    annotation: str
    optional: bool
    default: Any
    facts: Setting

    def checked(self, value: Any) -> Any:
        """Return a value in its stored form.

        Raises:
            InvalidSetting: If the value has the wrong type or is out of range.
        """
        if self.optional and (value is None or (value == NONE and self.default is not None)):
            return None
        facts, name = self.facts, self.name
        if facts.convert is not None:
            return facts.convert(name, value)
        if facts.choices:
            check_choice(name, value, facts.choices)
        elif self.type is int:
            check_integer(name, value, facts.minimum, facts.maximum)
        elif self.type is float:
            check_number(name, value, minimum=facts.minimum, above=facts.above, maximum=facts.maximum)
        elif self.type is str:
            check_text(name, value)
        elif self.type is bool:
            check_flag(name, value)
        return value


def settings_of(kind: type) -> Mapping[str, NamedSetting]:
    """Return the settings of a dataclass by name, in the order of its fields."""
    if kind not in _known:
        _known[kind] = _read_settings(kind)
    return _known[kind]


_known: dict[type, Mapping[str, NamedSetting]] = {}
"""Cache of `settings_of`."""


def _read_settings(kind: type) -> Mapping[str, NamedSetting]:
    hints = get_type_hints(kind)
    found = {}
    for one in fields(kind):
        hint = hints[one.name]
        optional = get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)
        inner = [part for part in get_args(hint) if part is not type(None)] if optional else [hint]
        plain = inner[0] if len(inner) == 1 else Union[tuple(inner)]  # noqa: UP007  # made at run time
        found[one.name] = NamedSetting(
            one.name, plain, str(one.type), optional, one.default, one.metadata.get(METADATA, Setting(""))
        )
    return found


def check_settings(instance: Any) -> None:
    """Check every setting of a frozen dataclass instance, and bring the values to their stored form.

    Raises:
        InvalidSetting: If a value has the wrong type, is out of range, or has text that is not Unicode.
    """
    for one in settings_of(type(instance)).values():
        value = one.checked(getattr(instance, one.name))
        check_unicode(one.name, value)
        object.__setattr__(instance, one.name, value)


def check_unicode(name: str, value: object) -> None:
    """Raise `InvalidSetting` if a text in `value` has surrogates, which no file can hold.

    Python reads the bytes of a file name that is not UTF-8 as surrogates.
    """
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise InvalidSetting(
            f"{name} has characters that are not Unicode: {quote_value(value)}; if it is the name of a file, rename it"
        ) from None


AnyClass = TypeVar("AnyClass", bound=type)


def documented(kind: AnyClass) -> AnyClass:
    """Add the descriptions of a dataclass's settings to its docstring, and return the class."""
    lines = [entry(one.name, one.facts.description) for one in settings_of(kind).values()]
    kind.__doc__ = "\n".join([(kind.__doc__ or "").rstrip(), "", "Attributes:", *lines])
    return kind


def entry(name: str, description: str) -> str:
    """Return the entry of a name in a section of a docstring, in lines of at most 100 characters."""
    lines = textwrap.wrap(f"{name}: {description}", 100, initial_indent=" " * 4, subsequent_indent=" " * 8)
    return "\n".join(lines)
