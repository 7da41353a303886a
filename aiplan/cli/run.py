"""`aiplan run`: answer scenario files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aiplan.cli.options import (
    BARE,
    CONTEXT,
    All,
    CatalogDirs,
    Format,
    Json,
    Limit,
    Output,
    Set,
    emit,
    format_of,
    planning,
    settings_of,
)
from aiplan.errors import ASSERTION_FAILED, IMPOSSIBLE

app = typer.Typer(**BARE)


@app.command(context_settings=CONTEXT)
@planning
def run(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Scenario files (YAML).")],
    *,
    set_: Set = [],
    limit: Limit = [],
    catalog: CatalogDirs = [],
    format: Format = "table",
    json: Json = False,
    all_: All = False,
    output: Output = None,
    **flags: str | None,
) -> None:
    """Answer scenario files; flags win over the file.

    Exits 1 when an assertion fails, 3 when a plan is impossible; the result is printed first.
    """
    form = format_of(format, json)
    settings = settings_of(flags, set_, ctx.args)
    from aiplan.catalog import open_catalog
    from aiplan.output import render
    from aiplan.specs.question import read_pairs
    from aiplan.whatif.scenario import run as answer

    found, defaults = open_catalog(catalog)
    limits = read_pairs(limit, "--limit")
    answers = [answer(path, found, defaults, settings=settings, limits=limits) for path in files]
    emit(render([a.result for a in answers], form, everything=all_), output)
    if any(a.failed for a in answers):
        raise typer.Exit(ASSERTION_FAILED)
    if any(a.impossible for a in answers):
        raise typer.Exit(IMPOSSIBLE)
