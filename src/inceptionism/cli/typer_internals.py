"""The parts of typer that this package uses although they are not public, each with its reason.

A test checks that they exist; if one vanishes in a newer version of typer, this is the place to look.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

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


class PlainCommand(PlainHelp, TyperCommand):
    """A command with plain help. An option with one value can be given only once."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
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


class PlainGroup(PlainHelp, TyperGroup):
    """A group of commands with plain help."""
