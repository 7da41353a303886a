"""`aiplan train`: plan a training run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiplan.cli.options import (
    BARE,
    CONTEXT,
    All,
    Assert,
    CatalogDirs,
    Draws,
    Format,
    Json,
    Limit,
    Output,
    Save,
    SaveDraws,
    SearchEachDraw,
    Seed,
    Set,
    Vary,
    emit,
    format_of,
    planning,
    question_of,
    settings_of,
)
from aiplan.errors import UserError

if TYPE_CHECKING:
    from aiplan.specs.result import LayoutRow
    from aiplan.whatif.scenario import Over

app = typer.Typer(**BARE)


@app.command(context_settings=CONTEXT)
@planning
def train(
    ctx: typer.Context,
    *,
    set_: Set = [],
    limit: Limit = [],
    vary: Vary = [],
    assert_: Assert = [],
    draws: Draws = None,
    search_each_draw: SearchEachDraw = False,
    seed: Seed = 0,
    save_draws: SaveDraws = None,
    save: Save = None,
    layouts: Annotated[
        int | None,
        typer.Option(
            "--layouts",
            min=1,
            max=1000,
            metavar="N",
            help="Search every layout and show the best N.",
            show_default=False,
        ),
    ] = None,
    pareto: Annotated[
        bool,
        typer.Option("--pareto", help="Show the fleets within all limits that no other beats in days, money, power."),
    ] = False,
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
    if vary or assert_ or draws is not None or save_draws or save or search_each_draw:
        if layouts or pareto:
            raise UserError("--layouts and --pareto show one plan: without --vary, --assert, --draws and --save")
        from aiplan.whatif.typed import overlay

        settings, wanted = settings_of(flags, set_, ctx.args), save_draws is not None
        over = overlay(settings, limit, vary, [], assert_, draws, seed, 1, wanted=wanted, search=search_each_draw)
        _what_if(over, save_draws, save, catalog, form, all_, output)
        return
    from aiplan.answer import answer
    from aiplan.catalog import open_catalog
    from aiplan.output import render
    from aiplan.plan import train as solve

    found, defaults = open_catalog(catalog)
    plan = solve(question, found, defaults, repair=True)
    best: list[LayoutRow] = []
    fleets: list[LayoutRow] = []
    if layouts or pareto:
        from aiplan import layout_rows

        if layouts:
            plan, best = layout_rows.best(plan, layouts)
        if pareto:
            fleets = layout_rows.pareto(plan)
    emit(render([answer(plan, layouts=best, pareto=fleets)], form, everything=all_), output)
    if plan.impossible:
        from aiplan.errors import IMPOSSIBLE

        raise typer.Exit(IMPOSSIBLE)


def _what_if(
    over: Over,
    save_draws: Path | None,
    save: Path | None,
    catalog: list[Path],
    form: str,
    everything: bool,
    output: Path | None,
) -> None:
    """The same question as a scenario that was typed: uncertain inputs, conditions, a file to keep."""
    from aiplan.catalog import open_catalog
    from aiplan.errors import ASSERTION_FAILED, IMPOSSIBLE
    from aiplan.output import render
    from aiplan.whatif.typed import answer_typed, save_scenario, write_draws

    found, defaults = open_catalog(catalog)
    answered = answer_typed(over, found, defaults)
    if save is not None:
        save_scenario(save, over)
    if save_draws is not None:
        write_draws(save_draws, [answered])
    emit(render([answered.result], form, everything=everything), output)
    if answered.failed:
        raise typer.Exit(ASSERTION_FAILED)
    if answered.impossible:
        raise typer.Exit(IMPOSSIBLE)
