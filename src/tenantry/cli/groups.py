"""Groups of commands: their help shows flags as flags, and examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

Function = TypeVar("Function", bound=Callable[..., Any])


class _Flags:
    """A flag has no value, so the help shows no type for it."""

    def get_params(self, ctx: Any) -> list[Any]:
        found: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for option in found:
            if getattr(option, "is_flag", False) or getattr(option, "count", False):
                option.metavar = ""
        return found


class Command(_Flags, TyperCommand):
    """One command."""


class Group(_Flags, TyperGroup):
    """A command that has others."""


class Commands(typer.Typer):
    """The commands of a group."""

    def __init__(self, **options: Any) -> None:
        super().__init__(cls=Group, no_args_is_help=True, pretty_exceptions_show_locals=False, **options)

    def command(
        self, name: str | None = None, *examples: str, **options: Any
    ) -> Callable[[Function], Function]:
        """A decorator for a command's function. examples: the arguments, as one types them after its name."""
        options.setdefault("cls", Command)
        if examples:
            options["epilog"] = "\n\n".join([f"Example{'s' * (len(examples) > 1)}:", *examples])
        return super().command(name, **options)
