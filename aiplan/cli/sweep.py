"""`aiplan sweep`: a grid of plans, one row a point."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiplan.cli.options import (
    BARE,
    CONTEXT,
    CatalogDirs,
    Draws,
    Limit,
    MaxPoints,
    Output,
    Seed,
    Set,
    Sweep,
    Vary,
    files_and_more,
    planning,
    settings_of,
)
from aiplan.errors import IMPOSSIBLE, UserError, nearest

if TYPE_CHECKING:
    from aiplan.whatif.sweep import Row

app = typer.Typer(**BARE)

FORMATS = ("table", "csv", "jsonl", "json")


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
    draws: Draws = None,
    seed: Seed = 0,
    max_points: MaxPoints = 10_000,
    show: Annotated[
        str | None, typer.Option("--show", metavar="NAMES", help="Quantities of the table, with commas between.")
    ] = None,
    pareto: Annotated[
        str | None,
        typer.Option(
            "--pareto", metavar="NAMES", help="Mark the rows that nothing beats, e.g. run_cost,training_days."
        ),
    ] = None,
    best_of: Annotated[
        str | None, typer.Option("--best-of", metavar="NAMES", help="Mark the best row by each, e.g. run_cost.")
    ] = None,
    catalog: CatalogDirs = [],
    format: Annotated[str, typer.Option("--format", "-f", help=f"One of {', '.join(FORMATS)}.")] = "table",
    json: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
    output: Output = None,
    **flags: str | None,
) -> None:
    """Answer a grid of plans, one row a point: each is solved as a plan of its own.

    aiplan sweep --params 70B --sweep accelerator=h100,gb200 --sweep 'training_days=30..120 by 30'

    Exits 3 when every plan is impossible.
    """
    form = "json" if json else format
    if form not in FORMATS:
        raise UserError(f"--format {form!r} is not one of {', '.join(FORMATS)}{nearest(form, FORMATS, most=1)}")
    paths, more = files_and_more([*([file] if file else []), *ctx.args])
    if len(paths) > 1:
        raise UserError(f"a sweep is of one file, not of {len(paths)}")
    settings = settings_of(flags, set_, more)
    from aiplan.catalog import open_catalog
    from aiplan.output import sweep as output_of
    from aiplan.whatif import sweep as grid
    from aiplan.whatif.typed import overlay

    over = overlay(settings, limit, vary, sweep_, [], draws, seed, max_points)
    shown = grid.names_of(show, "--show") if show else []
    fronts = grid.names_of(pareto, "--pareto") if pareto else []
    bests = grid.names_of(best_of, "--best-of") if best_of else []
    found, defaults = open_catalog(catalog)
    path, key, scenario = grid.scenarios(paths[0] if paths else None, over)
    shown = shown or grid.shown_of(scenario.ask)
    points = grid.size(scenario, path, over, key)
    progress = output_of.Progress(len(points))
    made = progress.follow(grid.rows(scenario, points, path, found, defaults, over, key))
    axes = list(points[0])
    possible = 0

    def counted(rows: Iterable[grid.Row]) -> Iterable[grid.Row]:
        nonlocal possible
        for row in rows:
            possible += not row.answered.impossible
            yield row

    rows: Iterable[grid.Row] = counted(made)
    front, best = None, dict[str, int]()
    if fronts or bests or form in ("table", "json"):
        rows = list(rows)
        front = grid.front(rows, fronts) if fronts else None
        best = grid.best(rows, bests)
    _write(_lines(form, rows, axes, shown, front, best), output)
    if not possible:
        raise typer.Exit(IMPOSSIBLE)


def _lines(
    form: str, rows: Iterable[Row], axes: list[str], shown: list[str], front: list[bool] | None, best: dict[str, int]
) -> Iterable[str]:
    """The lines of a format, each as soon as it is known."""
    from aiplan.output import sweep as output_of

    if form == "csv":
        return output_of.csv_lines(rows, axes, front, best)
    if form == "table":
        return [output_of.table(list(rows), shown, front, best)]
    lead = {number: [n for n, b in best.items() if b == number] for number in best.values()}
    if form == "jsonl":
        return (
            output_of.json_line(row, front[i] if front else None, lead.get(row.number, []))
            for i, row in enumerate(rows)
        )
    import json

    made = [
        output_of.json_row(row, front[i] if front else None, lead.get(row.number, [])) for i, row in enumerate(rows)
    ]
    whole = {"schema": output_of.SCHEMA, "rows": made}
    return [json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)]


def _write(lines: Iterable[str], output: Path | None) -> None:
    """Write lines as they come."""
    if output is None:
        for line in lines:
            print(line, flush=True)
        return
    try:
        with output.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(line + "\n")
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror}") from None
