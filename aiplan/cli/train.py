"""`aiplan train`: plan a training run."""

from __future__ import annotations

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
    question_of,
)

app = typer.Typer(**BARE)


@app.command(context_settings=CONTEXT)
@planning
def train(
    ctx: typer.Context,
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
    """Plan a training run: how many accelerators, days, gigawatts, dollars and tokens.

    What you give is fixed; a deadline, a budget and a power are upper bounds that size what you leave open.
    Any quantity may be given as an option too, e.g. --mfu 40%. `aiplan why NAME ...` shows any derivation.
    """
    form = format_of(format, json)
    question = question_of(flags, set_, limit, ctx.args)
    from aiplan.answer import answer
    from aiplan.catalog import open_catalog
    from aiplan.output import render
    from aiplan.plan import train as solve

    found, defaults = open_catalog(catalog)
    plan = solve(question, found, defaults)
    emit(render([answer(plan)], form, everything=all_), output)
    if plan.impossible:
        from aiplan.errors import IMPOSSIBLE

        raise typer.Exit(IMPOSSIBLE)
