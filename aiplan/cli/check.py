"""`aiplan check`: the assertions of scenario files, for CI."""

from __future__ import annotations

from typing import Annotated

import typer

from aiplan.cli.options import (
    BARE,
    CONTEXT,
    Assert,
    CatalogDirs,
    CompareTo,
    Draws,
    Limit,
    MaxPoints,
    Output,
    SearchEachDraw,
    Seed,
    Set,
    Sweep,
    Vary,
    emit,
    files_and_more,
    planning,
    settings_of,
)
from aiplan.errors import ASSERTION_FAILED, UserError, nearest

app = typer.Typer(**BARE)

FORMATS = ("text", "junit", "github", "md", "json")


@app.command(context_settings=CONTEXT)
@planning
def check(
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
    max_points: MaxPoints = 10_000,
    compare_to: CompareTo = None,
    catalog: CatalogDirs = [],
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Let a file without assertions pass.")] = False,
    format: Annotated[str, typer.Option("--format", "-f", help=f"One of {', '.join(FORMATS)}.")] = "text",
    json: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
    output: Output = None,
    **flags: str | None,
) -> None:
    """Check the assertions of scenario files: one line each, exit 1 when any fails.

    A file without assertions fails, since an empty gate looks green; an impossible plan fails too. Of a folder every
    .yaml file below it is checked; one without a line 'aiplan: 1' is named on standard error and skipped.
    """
    form = "json" if json else format
    if form not in FORMATS:
        raise UserError(f"--format {form!r} is not one of {', '.join(FORMATS)}{nearest(form, FORMATS, most=1)}")
    paths, more = files_and_more([*files, *ctx.args])
    settings = settings_of(flags, set_, more)
    from aiplan.catalog import open_catalog
    from aiplan.output.checks import render
    from aiplan.whatif.typed import answer_files, overlay
    from aiplan.whatif.verdict import verdicts

    over = overlay(settings, limit, vary, sweep, assert_, draws, seed, max_points, search=search_each_draw)
    over.bare = True
    found, defaults = open_catalog(catalog)
    told = verdicts(answer_files(paths, found, defaults, over, compare_to), allow_empty=allow_empty)
    emit(render(told, form), output)
    if form == "github":
        from aiplan.output.github import write_summary

        write_summary(told)
    if any(verdict.failed for verdict in told):
        raise typer.Exit(ASSERTION_FAILED)
