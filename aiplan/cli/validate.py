"""`aiplan validate`: predictions held against published or own measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aiplan.cli.options import BARE, CatalogDirs, Output, emit
from aiplan.errors import UserError, nearest

app = typer.Typer(**BARE)

FORMATS = ("table", "json", "md", "html")


@app.command()
def validate(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="CSV or YAML of measurements; else the shipped ones.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="training-throughput, training-runs or training-memory.")
    ] = None,
    catalog: CatalogDirs = [],
    format: Annotated[str, typer.Option("--format", "-f", help=f"One of {', '.join(FORMATS)}.")] = "table",
    json: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
    output: Output = None,
) -> None:
    """Hold predictions against measurements: errors, intervals, refusals, beside a flat rule.

    What was measured is never an input; a table whose outcomes are blank gives predictions without errors.
    """
    form = "json" if json else format
    if form not in FORMATS:
        raise UserError(f"--format {form!r} is not one of {', '.join(FORMATS)}{nearest(form, FORMATS, most=1)}")
    from aiplan.catalog import open_catalog
    from aiplan.output.validation import render
    from aiplan.validate import report

    found, _ = open_catalog(catalog)
    emit(render(report(kind, data, found), form), output)
