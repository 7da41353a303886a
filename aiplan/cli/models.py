"""`aiplan models`: the model architectures that we know."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aiplan.cli.hardware import AsFile, check_files, of_vendor, print_file
from aiplan.cli.options import CatalogDirs, Format, Json, Listed, emit, format_of

if TYPE_CHECKING:
    from aiplan.specs.model import Model

app = typer.Typer(
    cls=Listed, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, no_args_is_help=True
)


@app.callback()
def models() -> None:
    """List, show and check model architectures."""


@app.command("list")
def list_(
    vendor: Annotated[str | None, typer.Option("--vendor", help="Only of this maker, e.g. meta.")] = None,
    catalog: CatalogDirs = [],
    json: Json = False,
) -> None:
    """List the models with their sizes; a rumoured one is marked."""
    from aiplan import units
    from aiplan.catalog import open_catalog

    found, _ = open_catalog(catalog)
    specs = of_vendor([found.find("model", i) for i in found.ids("model")], vendor)
    if json:
        import json as writer

        emit(writer.dumps([s.model_dump(mode="json") for s in specs], indent=2, ensure_ascii=False), None)
        return
    from aiplan.output.plain import columns
    from aiplan.specs.model import count

    rows = [
        (
            spec.id,
            str(spec.released or "unknown"),
            units.show(spec.params or (count(spec)[0] if spec.shape else None), "param"),
            units.show(spec.active_params, "param") if spec.active_params else "all",
            "rumour" if spec.rumour else "",
        )
        for spec in specs
    ]
    print(columns(("id", "released", "params", "active", ""), rows, right=(2, 3)))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Id or alias, e.g. llama-3.1-405b; or a config.json or YAML file.")],
    catalog: CatalogDirs = [],
    format: Format = "table",
    json: Json = False,
    file: AsFile = False,
) -> None:
    """Show one model: its shape, exact parameter counts, FLOPs per token and memory."""
    from aiplan.answer import answer
    from aiplan.catalog import expand_model, open_catalog
    from aiplan.output import render
    from aiplan.plan import facts
    from aiplan.specs.question import read_question

    form = format_of(format, json)
    found, defaults = open_catalog(catalog)
    if file:
        print_file(found, "model", name)
        return
    spec = found.find("model", name)
    computed = "shape_params shape_active_params flops_per_token weights_memory kv_cache_per_token".split()
    asks = list(dict.fromkeys([*expand_model(spec), "active_params", *computed]))
    result = answer(facts(read_question({"model": name}, ask="facts"), found, asks, defaults), ask="facts", asks=asks)
    result.name = spec.name
    result.headline = _headline(spec)
    result.choices = {k: v for k, v in result.choices.items() if k in ("model", "recipe")}
    result.quantities = {q: result.quantities[q] for q in asks}
    result.assumptions = [a for a in result.assumptions if a.quantity in asks]
    result.drivers = []
    emit(render([result], form, everything=True), None)


def _headline(spec: Model) -> str:
    """Parameters as published, and as the shape counts them exactly."""
    from aiplan import units
    from aiplan.specs.model import count

    total, active = count(spec) if spec.shape else (None, None)
    size = spec.params or total
    out = f"{spec.id}: {units.show(size, 'param') if size else 'unknown'} parameters"
    if spec.rumour:
        return f"{out}, by rumour."
    if total is None:
        return f"{out}; its shape is unknown."
    return f"{out}; the shape counts {total:,.0f}" + (f", {active:,.0f} of them active." if spec.experts else ".")


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="YAML files; all of ours else.")
    ] = None,
    catalog: CatalogDirs = [],
) -> None:
    """Check model files: the computed parameter count against the published one, missing sources."""
    check_files(files, catalog, ("model",))
