"""The parts of typer that this package uses although they are not public, each with its reason.

A test checks that they exist; if one vanishes in a newer version of typer, this is the place to look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from inceptionism.cli.options import MACHINE

UsageError: type[typer.BadParameter] = typer.BadParameter.__mro__[1]
"""Click's error for wrong options. Newer versions of typer bring their own copy of Click, and do not export it."""


class PlainHelp:
    """Mixin for commands whose help shows no Python types and whose usage line has no braces.

    Typer prints `<list[str]>` next to an argument, `<bool>` next to a flag, and `{PHOTO}` for a required argument.
    """

    def get_params(self, ctx: Any) -> Any:
        parameters = super().get_params(ctx)  # type: ignore[misc]
        for one in parameters:
            if isinstance(one, TyperArgument) or one.is_flag:
                one.display_type_rich = no_type
        return parameters

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.strip("{}").replace("}...", "...") for piece in super().collect_usage_pieces(ctx)]  # type: ignore[misc]


def no_type(ctx: Any) -> None:  # typer passes it by name
    """Return no type for the help of a parameter."""


class Alone(NamedTuple):
    """An option that may be given without a value.

    Attributes:
        value: Value of the option if it is given without one.
        choices: All values that may follow the option.
    """

    value: str
    choices: Collection[str]


class PlainCommand(PlainHelp, TyperCommand):
    """A command with plain help. An option with one value can be given only once.

    Attributes:
        alone: Options that may be given without a value, by flag.
    """

    alone: ClassVar[Mapping[str, Alone]] = {}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        args = list(with_values(args, self.alone))
        *_, order = self.make_parser(ctx).parse_args(list(args))
        for one, count in Counter(order).items():
            if count > 1 and isinstance(one, TyperOption) and not one.multiple and not one.is_flag:
                raise UsageError(f"{one.opts[0]} is given {count} times; give it once", ctx)
        return super().parse_args(ctx, args)

    def get_help_option(self, ctx: Any) -> Any:
        found = super().get_help_option(ctx)
        if found is not None:
            found.rich_help_panel = MACHINE
        return found


def with_values(arguments: Sequence[str], alone: Mapping[str, Alone]) -> Iterator[str]:
    """Yield the arguments of a command, with a value after each option that is given without one.

    Click has such options, but it takes any text that follows for the value, also the name of a photograph.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    for argument, following in pairwise([*arguments[:end], ""]):
        yield argument
        if argument in alone and following not in alone[argument].choices:
            yield alone[argument].value
    yield from arguments[end:]


class PlainGroup(PlainHelp, TyperGroup):
    """A group of commands with plain help."""
