"""`aiplan why`: how a quantity of a plan was derived."""

from __future__ import annotations

import sys
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

    Takes the options of `aiplan train`: aiplan why capex --params 100T

    Of documents: aiplan why cost --set doc=lease.pdf --model gpt-4o, or --set document_words=63k
    """
    from aiplan.errors import UserError
    from aiplan.graph import GRAPH, GraphError
    from aiplan.whatif.why import evidence_of, evidence_text, text, tree

    name = quantity.replace("-", "_")
    documents = False
    if name not in GRAPH or "aiplan.tokens.formulas" in sys.modules:
        from aiplan.tokens.formulas import NAMES

        documents = name in NAMES
    try:
        GRAPH[name]
    except GraphError as error:
        raise UserError(str(error)) from None
    near: list[Any] = []
    if documents:
        from aiplan.tokens.scenario import derivation

        branch = tree(derivation(settings_of(flags, set_, ctx.args), name), name)
    else:
        from aiplan.catalog import open_catalog
        from aiplan.plan import train

        question = question_of(flags, set_, limit, ctx.args)
        found, defaults = open_catalog(catalog)
        plan = train(question, found, defaults, more=[name])
        branch = tree(plan, name)
        near = evidence_of(plan, branch)
    if json:
        import json as writer

        rows = {"evidence": [each._asdict() for each in near]} if near else {}
        answer = {"schema": "aiplan.why/1", **branch, **rows}
        emit(writer.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False), output)
    else:
        emit(text(branch, most=depth) + evidence_text(near), output)
