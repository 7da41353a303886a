"""`aiplan hardware`: the accelerators that we know."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from aiplan.cli.options import CatalogDirs, Format, Json, emit, format_of

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, no_args_is_help=True)

Precision = Annotated[str | None, typer.Option("--precision", help="Number format; else the best for training.")]


@app.callback()
def hardware() -> None:
    """List, show, compare and check accelerators."""


@app.command("list")
def list_(catalog: CatalogDirs = [], json: Json = False) -> None:
    """List the accelerators with their main figures."""
    from aiplan import units
    from aiplan.catalog import best_precision, open_catalog, peak_of

    found, _ = open_catalog(catalog)
    chips = [found.find("accelerator", i) for i in found.ids("accelerator")]
    if json:
        emit(_json([chip.model_dump(mode="json") for chip in chips]), None)
        return
    from aiplan.output.plain import columns

    rows = []
    for chip in chips:
        precision = best_precision(chip)
        rows.append(
            (
                chip.id,
                str(chip.released or "unknown"),
                f"{units.show(peak_of(chip, precision, 'none'), 'FLOP/s')} {precision}",
                units.show(chip.memory.capacity, "B"),
                units.show(chip.tdp, "W"),
            )
        )
    print(columns(("id", "released", "dense peak", "memory", "TDP"), rows, right=(2, 3, 4)))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Id or alias, e.g. h100.")],
    precision: Precision = None,
    catalog: CatalogDirs = [],
    format: Format = "table",
    json: Json = False,
) -> None:
    """Show one accelerator: its figures as the planner uses them, with their sources."""
    from aiplan.output import render

    emit(render([_facts(name, precision, catalog)], format_of(format, json), everything=True), None)


@app.command()
def compare(
    names: Annotated[list[str], typer.Argument(help="Ids or aliases, e.g. h100 gb200.")],
    precision: Precision = None,
    catalog: CatalogDirs = [],
    format: Format = "table",
    json: Json = False,
) -> None:
    """Put accelerators side by side."""
    form = format_of(format, json)
    results = [_facts(name, precision, catalog) for name in names]
    if form != "table":
        from aiplan.output import render

        emit(render(results, form, many=True), None)
        return
    from aiplan.output.plain import columns
    from aiplan.output.sections import value_text

    rows = [
        (q, *(value_text(q, r.quantities[q]) if q in r.quantities else "" for r in results))
        for q in results[0].quantities
    ]
    heading = [f"{r.choices['accelerator']} {r.choices['precision']}" for r in results]
    print(columns(("", *heading), rows, right=range(1, len(results) + 1)))


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="YAML files; all of ours else.")
    ] = None,
    catalog: CatalogDirs = [],
) -> None:
    """Check accelerator files: what is wrong, what is doubtful, with the source of the doubt.

    A new chip: copy a file of hardware/accelerators/, edit it, check it. Doubts exit 1, a broken file exits 2.
    """
    check_files(files, catalog, "accelerator")


def check_files(files: list[Path] | None, catalog: list[Path], kind: str) -> None:
    """Check files, or all of one kind, and print their doubts."""
    from aiplan.catalog import check_file, open_catalog
    from aiplan.errors import ASSERTION_FAILED
    from aiplan.output import clean

    found, _ = open_catalog(catalog)
    paths = files or [found.path(kind, i) for i in found.ids(kind)]
    doubts = 0
    for path in paths:
        lines = check_file(path)
        doubts += len(lines)
        if lines or files:
            print(f"{path}: {f'{len(lines)} doubts' if lines else 'ok'}")
        print("".join(f"  {clean(line)}\n" for line in lines), end="")
    if not files:
        print(f"{len(paths)} files, {doubts} doubts")
    if doubts and files:
        raise typer.Exit(ASSERTION_FAILED)


def _facts(name: str, precision: str | None, catalog: list[Path]) -> Any:
    from aiplan.answer import answer
    from aiplan.catalog import expand_accelerator, open_catalog
    from aiplan.plan import facts
    from aiplan.specs.question import read_question

    found, defaults = open_catalog(catalog)
    question = read_question({"accelerator": name} | ({"precision": precision} if precision else {}), ask="facts")
    chip = found.find("accelerator", name)
    asks = [*expand_accelerator(chip, precision or _best(chip)), "peak_flops_per_usd", "peak_flops_per_watt"]
    result = answer(facts(question, found, asks, defaults), ask="facts", asks=asks, name=chip.name)
    result.headline = f"{chip.id}: {chip.name}, {chip.vendor}, released {chip.released or 'unknown'}."
    keep = ("accelerator", "precision", "sparsity")
    result.choices = {k: v for k, v in result.choices.items() if k in keep}
    result.quantities = {q: result.quantities[q] for q in dict.fromkeys(asks)}
    result.assumptions = [a for a in result.assumptions if a.quantity in keep or a.quantity in asks]
    result.drivers = []
    return result


def _best(chip: Any) -> str:
    from aiplan.catalog import best_precision

    return best_precision(chip)


def _json(value: Any) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
