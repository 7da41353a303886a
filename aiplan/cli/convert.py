"""`aiplan convert`: a value in another unit."""

from __future__ import annotations

from typing import Annotated

import typer

from aiplan.cli.options import BARE

app = typer.Typer(**BARE)


@app.command(context_settings={"ignore_unknown_options": True})
def convert(
    value: Annotated[str, typer.Argument(help="A value with its unit, e.g. '3 GWh'.")],
    to: Annotated[str | None, typer.Argument(help="Unit to convert to, e.g. J; SI where not given.")] = None,
) -> None:
    """Convert a value between units: aiplan convert '3 GWh' J"""
    from aiplan import units

    print(units.convert(value, to))
