"""The command line: a table of commands, each in a module of its own that is imported when it is used."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from aiplan.errors import BUG, USAGE, UserError, nearest

LONGEST = 600  # characters of an error line; what was typed may be a whole file

COMMANDS = {
    "train": "Plan a training run: accelerators, days, power, money.",
    "why": "Show how a quantity of a plan was derived.",
    "run": "Answer scenario files.",
    "check": "Check the assertions of scenario files, for CI.",
    "sweep": "Answer a grid of plans, one row a point.",
    "diff": "Compare two plans: what changed, and why.",
    "sensitivity": "Show what moves an answer most.",
    "tokens": "Count and price documents and corpora.",
    "levers": "Show what eight ways of saving do to a plan.",
    "init": "Write a starter scenario.",
    "hardware": "List, show, compare and check accelerators.",
    "models": "List, show and check model architectures.",
    "laws": "List and compare scaling laws.",
    "validate": "Hold predictions against published measurements.",
    "calibrate": "Fit the coefficients of the step time to measured runs.",
    "convert": "Convert a value between units.",
    "schema": "Print the JSON Schema of a file, for editors.",
}


class LazyGroup(TyperGroup):
    """A group whose commands are known by name and imported only when called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All command names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(importlib.import_module(f"aiplan.cli.{cmd_name}").app)
        command.name = cmd_name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Name the nearest command for one that does not exist."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise UserError(f"there is no command {args[0]!r}{nearest(args[0], COMMANDS) or ': see aiplan --help'}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List commands from the table, so that help imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(cls=LazyGroup, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=True)


@app.callback()
def aiplan() -> None:
    """An AI compute and cost planner: how many accelerators, days, gigawatts, dollars and tokens.

    Try: aiplan train --params 100T
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; every error is one line on stderr."""
    command = typer.main.get_command(app)
    failure = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
    try:
        code = command.main(args=list(arguments) or ["--help"], prog_name="aiplan", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except UserError as error:
        return _fail(str(error), error.exit_code)
    except failure as error:  # type: ignore[misc]
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message())
            return 0
        return _fail(error.format_message(), USAGE)
    except (typer.Abort, KeyboardInterrupt):
        return _fail("interrupted", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("AIPLAN_DEBUG"):
            raise
        return _fail(f"a bug of aiplan ({type(error).__name__}: {error}); AIPLAN_DEBUG=1 shows where", BUG)


def _fail(message: str, code: int) -> int:
    text = " ".join(message.split())
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
    print(f"Error: {''.join(c for c in text if c.isprintable())}", file=sys.stderr)
    return code
