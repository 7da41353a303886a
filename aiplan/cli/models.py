"""`aiplan models`: the model architectures that we know."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aiplan.cli.hardware import check_files
from aiplan.cli.options import CatalogDirs, Format, Json, emit, format_of

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, no_args_is_help=True)


@app.callback()
def models() -> None:
    """List, show and check model architectures."""


@app.command("list")
def list_(catalog: CatalogDirs = [], json: Json = False) -> None:
    """List the models with their sizes; a rumoured one is marked."""
    from aiplan import units
    from aiplan.catalog import open_catalog

    found, _ = open_catalog(catalog)
    specs = [found.find("model", i) for i in found.ids("model")]
    if json:
        import json as writer

        emit(writer.dumps([s.model_dump(mode="json") for s in specs], indent=2, ensure_ascii=False), None)
        return
    from aiplan.output.plain import columns

    rows = [
        (
            spec.id,
            str(spec.released or "unknown"),
            units.show(spec.params, "param"),
            units.show(spec.active_params, "param") if spec.active_params else "all",
            "rumour" if spec.rumour else "",
        )
        for spec in specs
    ]
    print(columns(("id", "released", "params", "active", ""), rows, right=(2, 3)))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Id or alias, e.g. llama-3.1-405b.")],
    catalog: CatalogDirs = [],
    format: Format = "table",
    json: Json = False,
) -> None:
    """Show one model: its shape, exact parameter counts, FLOPs per token and memory."""
    from aiplan.answer import answer
    from aiplan.catalog import expand_model, open_catalog
    from aiplan.output import render
    from aiplan.plan import facts
    from aiplan.specs.question import read_question

    form = format_of(format, json)
    found, defaults = open_catalog(catalog)
    spec = found.find("model", name)
    computed = "shape_params shape_active_params flops_per_token weights_memory kv_cache_per_token".split()
    asks = list(dict.fromkeys([*expand_model(spec), "active_params", *computed]))
    result = answer(facts(read_question({"model": name}, ask="facts"), found, asks, defaults), ask="facts", asks=asks)
    result.name = spec.name
    published = units_of(spec.params) if spec.params else "unknown"
    result.headline = f"{spec.id}: {published} parameters{', by rumour' if spec.rumour else ''}."
    result.choices = {k: v for k, v in result.choices.items() if k in ("model", "recipe")}
    result.quantities = {q: result.quantities[q] for q in asks}
    result.assumptions = [a for a in result.assumptions if a.quantity in asks]
    result.drivers = []
    emit(render([result], form, everything=True), None)


def units_of(params: float) -> str:
    """A parameter count for people."""
    from aiplan import units

    return units.show(params, "param")


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="YAML files; all of ours else.")
    ] = None,
    catalog: CatalogDirs = [],
) -> None:
    """Check model files: the computed parameter count against the published one, missing sources."""
    check_files(files, catalog, "model")
