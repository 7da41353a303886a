"""`aiplan run`: answer scenario files."""

from __future__ import annotations

from typing import Annotated

import typer

from aiplan.cli.options import (
    BARE,
    CONTEXT,
    All,
    Assert,
    CatalogDirs,
    CompareTo,
    Draws,
    Format,
    Json,
    Limit,
    MaxPoints,
    Output,
    SaveDraws,
    SearchEachDraw,
    Seed,
    Set,
    Sweep,
    Vary,
    emit,
    files_and_more,
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
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Scenario files (YAML), or folders of them.")],
    *,
    set_: Set = [],
    limit: Limit = [],
    vary: Vary = [],
    sweep: Sweep = [],
    assert_: Assert = [],
    draws: Draws = None,
    search_each_draw: SearchEachDraw = False,
    seed: Seed = 0,
    save_draws: SaveDraws = None,
    max_points: MaxPoints = 10_000,
    compare_to: CompareTo = None,
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
    paths, more = files_and_more([*files, *ctx.args])
    settings = settings_of(flags, set_, more)
    from aiplan.catalog import open_catalog
    from aiplan.output import render
    from aiplan.whatif.typed import answer_files, overlay, write_draws

    wanted = save_draws is not None
    over = overlay(
        settings, limit, vary, sweep, assert_, draws, seed, max_points, wanted=wanted, search=search_each_draw
    )
    found, defaults = open_catalog(catalog)
    answers = answer_files(paths, found, defaults, over, compare_to)
    if save_draws is not None:
        write_draws(save_draws, answers)
    if form == "table" and any(a.point for a in answers):
        from aiplan.output.sweep import answers_table

        emit(answers_table(answers), output)
    else:
        emit(render([a.result for a in answers], form, everything=all_), output)
    if any(a.failed for a in answers):
        raise typer.Exit(ASSERTION_FAILED)
    if any(a.impossible for a in answers):
        raise typer.Exit(IMPOSSIBLE)
