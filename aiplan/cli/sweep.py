"""`aiplan sweep`: a grid of plans, one row a point."""

from __future__ import annotations

from typing import Annotated

import typer

from aiplan.cli.options import (
    BARE,
    CONTEXT,
    Assert,
    CatalogDirs,
    Draws,
    Limit,
    MaxPoints,
    Output,
    Save,
    SearchEachDraw,
    Seed,
    Set,
    Sweep,
    Vary,
    files_and_more,
    planning,
    settings_of,
)
from aiplan.errors import ASSERTION_FAILED, IMPOSSIBLE, UserError, nearest

app = typer.Typer(**BARE)

FORMATS = ("table", "csv", "parquet", "jsonl", "json")


@app.command(context_settings=CONTEXT)
@planning
def sweep(
    ctx: typer.Context,
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="A scenario file; else what is typed.")] = None,
    *,
    set_: Set = [],
    limit: Limit = [],
    vary: Vary = [],
    sweep_: Sweep = [],
    assert_: Assert = [],
    draws: Draws = None,
    search_each_draw: SearchEachDraw = False,
    seed: Seed = 0,
    max_points: MaxPoints = 10_000,
    show: Annotated[
        str | None,
        typer.Option(
            "--show", metavar="NAMES", help="Quantities of the table, csv or parquet, with commas between; csv has all."
        ),
    ] = None,
    pareto: Annotated[
        str | None,
        typer.Option(
            "--pareto",
            metavar="NAMES",
            help="Mark the rows, of those that are ok, that nothing beats, e.g. run_cost,training_days.",
        ),
    ] = None,
    best_of: Annotated[
        str | None,
        typer.Option(
            "--best-of", metavar="NAMES", help="Mark the best row by each, of those that are ok, e.g. run_cost."
        ),
    ] = None,
    catalog: CatalogDirs = [],
    format: Annotated[str, typer.Option("--format", "-f", help=f"One of {', '.join(FORMATS)}.")] = "table",
    json: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
    output: Output = None,
    save: Save = None,
    jobs: Annotated[int, typer.Option("--jobs", min=0, help="Processes; else one a processor.")] = 0,
    engine: Annotated[
        str, typer.Option("--engine", help="Where a large grid is solved: processes or dask.")
    ] = "processes",
    scheduler: Annotated[str, typer.Option("--scheduler", metavar="ADDRESS", help="Of Dask: tcp://HOST:PORT.")] = "",
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what an earlier run of it had solved.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")] = False,
    **flags: str | None,
) -> None:
    """Answer a grid of plans, one row a point: each is solved as a plan of its own.

    aiplan sweep --params 70B --sweep accelerator=h100,gb200 --sweep 'training_days=30..120 by 30'

    With --output a killed run goes on where it was, in every form but the table. Exits 1 when an assertion fails, 3
    when every plan is impossible; the rows are written first.
    """
    form = "json" if json else format
    if form not in FORMATS:
        raise UserError(f"--format {form!r} is not one of {', '.join(FORMATS)}{nearest(form, FORMATS, most=1)}")
    paths, more = files_and_more([*([file] if file else []), *ctx.args])
    if len(paths) > 1:
        raise UserError(f"a sweep is of one file, not of {len(paths)}")
    if paths and save is not None:
        raise UserError(f"--save writes what was typed, and {paths[0]} is a file already")
    settings = settings_of(flags, set_, more)
    from aiplan.executors import check_engine

    check_engine(engine, scheduler, ("processes", "dask"))
    from aiplan.whatif.swept import Asked, run
    from aiplan.whatif.typed import overlay, save_scenario

    over = overlay(settings, limit, vary, sweep_, assert_, draws, seed, max_points, search=search_each_draw)
    asked = Asked(form, show, pareto, best_of, output, jobs, engine, scheduler, fresh, quiet)
    told = run(paths[0] if paths else None, over, catalog, asked)
    if save is not None:
        save_scenario(save, over)
    if not set(told) - {"impossible"}:
        raise typer.Exit(IMPOSSIBLE)
    if "failed" in told:
        raise typer.Exit(ASSERTION_FAILED)
