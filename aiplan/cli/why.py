"""`aiplan why`: how a quantity of a plan was derived."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from aiplan.cli.options import (
    BARE,
    CONTEXT,
    CatalogDirs,
    Json,
    Limit,
    Output,
    Set,
    emit,
    files_and_more,
    planning,
    question_of,
    settings_of,
)

app = typer.Typer(**BARE)


@app.command(context_settings=CONTEXT)
@planning
def why(
    ctx: typer.Context,
    quantity: Annotated[str, typer.Argument(help="Name of a quantity, e.g. capex.")],
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="A scenario file; else what is typed.")] = None,
    *,
    set_: Set = [],
    limit: Limit = [],
    catalog: CatalogDirs = [],
    depth: Annotated[int | None, typer.Option("--depth", min=0, help="Levels to show; all where not given.")] = None,
    json: Json = False,
    output: Output = None,
    **flags: str | None,
) -> None:
    """Show how a quantity of a plan was derived: formulas, numbers, units, sources.

    Takes a scenario file, or the options of `aiplan train`: aiplan why capex --params 100T

    Of documents: aiplan why cost --set doc=lease.pdf --model gpt-4o, or --set document_words=63k
    """
    from aiplan.catalog import open_catalog
    from aiplan.plan import Plan, train
    from aiplan.whatif.typed import ask_of, one_question, overlay
    from aiplan.whatif.typed import quantity as quantity_of
    from aiplan.whatif.why import evidence_of, evidence_text, text, tree

    name = quantity_of(quantity)
    paths, more = files_and_more([*([file] if file else []), *ctx.args])
    settings = settings_of(flags, set_, more)
    found, defaults = open_catalog(catalog)
    near: list[Any] = []
    if paths or ask_of((name, *settings)) == "tokens":
        from aiplan.whatif.asked import first_names

        asked = one_question(paths, overlay(settings, limit, [], [], [], None, 0, 1), found, defaults, about=name)
        plan = asked.solve(first_names(asked.vary), [name])
    else:
        plan = train(question_of(flags, set_, limit, more), found, defaults, more=[name])
    branch = tree(plan, name)
    if isinstance(plan, Plan):
        near = evidence_of(plan, branch)
    if json:
        import json as writer

        rows = {"evidence": [each._asdict() for each in near]} if near else {}
        answer = {"schema": "aiplan.why/1", **branch, **rows}
        emit(writer.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False), output)
    else:
        emit(text(branch, most=depth) + evidence_text(near), output)
