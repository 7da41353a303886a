"""`aiplan hardware`: the accelerators that we know, and their servers, networks and sites."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aiplan.cli.options import CatalogDirs, Format, Json, Listed, emit, format_of
from aiplan.errors import UserError, nearest

if TYPE_CHECKING:
    from aiplan.catalog import Catalog
    from aiplan.specs.accelerator import Accelerator

app = typer.Typer(
    cls=Listed, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, no_args_is_help=True
)

KINDS = ("accelerator", "server", "network", "site")
AsFile = Annotated[bool, typer.Option("--file", help="Print the YAML file itself, to be copied and edited.")]
Precision = Annotated[str | None, typer.Option("--precision", help="Number format; else the best for training.")]


@app.callback()
def hardware() -> None:
    """List, show, compare, rank and check accelerators."""


@app.command("list")
def list_(
    vendor: Annotated[str | None, typer.Option("--vendor", help="Only of this maker, e.g. nvidia.")] = None,
    kind: Annotated[str, typer.Option("--kind", help=f"One of {', '.join(KINDS)}.")] = "accelerator",
    catalog: CatalogDirs = [],
    json: Json = False,
) -> None:
    """List the accelerators with their main figures; the price is the latest purchase price."""
    from aiplan.catalog import open_catalog

    if kind not in KINDS:
        raise UserError(f"--kind {kind!r} is not one of {', '.join(KINDS)}{nearest(kind, KINDS, most=1)}")
    found, _ = open_catalog(catalog)
    specs = of_vendor([found.find(kind, i) for i in found.ids(kind)], vendor)  # type: ignore[call-overload]
    if json:
        print(_json([spec.model_dump(mode="json") for spec in specs]))
        return
    from aiplan.output.plain import columns

    if kind == "accelerator":
        headings = ("id", "released", "dense peak", "memory", "bandwidth", "TDP", "price")
        print(columns(headings, [_line(spec) for spec in specs], right=(2, 3, 4, 5, 6)))
    else:
        print(columns(("id", "name"), [(spec.id, spec.name) for spec in specs]))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Id or alias, e.g. h100; or a YAML file.")],
    precision: Precision = None,
    catalog: CatalogDirs = [],
    format: Format = "table",
    json: Json = False,
    file: AsFile = False,
) -> None:
    """Show one accelerator: its figures as the planner uses them, its peaks, links, dated prices and sources."""
    from aiplan.catalog import open_catalog
    from aiplan.output import accelerator, render

    form = format_of(format, json)
    found, defaults = open_catalog(catalog)
    if file:
        print_file(found, "accelerator", name)
        return
    chip = found.find("accelerator", name)
    result = _facts(chip, name, precision, found, defaults)
    text = render([result], form, everything=True)
    if form in ("table", "md"):
        parts = accelerator.parts(chip, result.quantities)
        text += "\n" + (accelerator.as_table(parts) if form == "table" else accelerator.as_markdown(parts))
    emit(text, None)


@app.command()
def compare(
    names: Annotated[list[str], typer.Argument(help="Ids or aliases, e.g. h100 gb200.")],
    precision: Precision = None,
    catalog: CatalogDirs = [],
    format: Format = "table",
    json: Json = False,
) -> None:
    """Put accelerators side by side."""
    from aiplan.catalog import open_catalog

    form = format_of(format, json)
    found, defaults = open_catalog(catalog)
    results = [_facts(found.find("accelerator", name), name, precision, found, defaults) for name in names]
    if form != "table":
        from aiplan.output import render

        emit(render(results, form, many=True), None)
        return
    from aiplan.output.plain import columns
    from aiplan.output.sections import value_text

    rows = [
        (q, *(value_text(q, r.quantities[q]) if q in r.quantities else "" for r in results))
        for q in dict.fromkeys(q for r in results for q in r.quantities)
    ]
    heading = [f"{r.choices['accelerator']} {r.choices['precision']}" for r in results]
    print(columns(("", *heading), rows, right=range(1, len(results) + 1)))


@app.command()
def rank(
    by: Annotated[str, typer.Option("--by", help="peak_flops_per_usd, peak_flops_per_watt, memory_per_usd, ...")],
    precision: Annotated[str | None, typer.Option("--precision", help="Number format; else each its main one.")] = None,
    vendor: Annotated[str | None, typer.Option("--vendor", help="Only of this maker, e.g. nvidia.")] = None,
    catalog: CatalogDirs = [],
    format: Format = "table",
    json: Json = False,
) -> None:
    """Rank accelerators by what a dollar or a watt buys: dense peaks, dated prices, the unknown last with its reason.

    Measures: peak_flops_per_usd, peak_flops_per_watt, memory_per_usd, bandwidth_per_usd.
    """
    from aiplan.catalog import open_catalog
    from aiplan.output import ranking as output
    from aiplan.specs import ranking
    from aiplan.specs.question import read_choice

    form = format_of(format, json)
    if precision is not None:
        precision = read_choice("precision", precision)
    found, _ = open_catalog(catalog)
    chips = of_vendor([found.find("accelerator", i) for i in found.ids("accelerator")], vendor)
    emit(output.render(ranking.rank(chips, by.replace("-", "_"), precision), form), None)


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="YAML files; all of ours else.")
    ] = None,
    catalog: CatalogDirs = [],
) -> None:
    """Check hardware files: what is wrong, what is doubtful, with the source of the doubt.

    A new chip: copy a file of hardware/accelerators/, edit it, check it. Doubts exit 1, a broken file exits 2.
    """
    check_files(files, catalog, KINDS)


def check_files(files: list[Path] | None, catalog: list[Path], kinds: tuple[str, ...]) -> None:
    """Check files, or all of some kinds, and print their doubts."""
    from aiplan.catalog import check_file, open_catalog
    from aiplan.errors import ASSERTION_FAILED
    from aiplan.output import clean

    found, _ = open_catalog(catalog)
    paths = files or [found.path(kind, i) for kind in kinds for i in found.ids(kind)]
    doubts = 0
    for path in paths:
        lines = check_file(path, catalog=found)
        doubts += len(lines)
        if lines or files:
            print(f"{clean(str(path))}: {_many(len(lines), 'doubt') if lines else 'ok'}")
        print("".join(f"  {clean(line)}\n" for line in lines), end="")
    if not files:
        print(f"{_many(len(paths), 'file')}, {_many(doubts, 'doubt')}")
    if doubts and files:
        raise typer.Exit(ASSERTION_FAILED)


def print_file(found: Catalog, kind: str, name: str) -> None:
    """Print the file of an entry as it is."""
    from aiplan.yamlio import read_text

    print(read_text(found.file_of(kind, name)), end="")


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def of_vendor(specs: list[Any], vendor: str | None) -> list[Any]:
    """The entries of one maker; all where none is named."""
    if vendor is None:
        return specs
    vendors = sorted({v for spec in specs if (v := getattr(spec, "vendor", None))})
    if vendor.lower() not in vendors:
        raise UserError(f"--vendor {vendor!r} is not one of {', '.join(vendors)}{nearest(vendor, vendors, most=1)}")
    return [spec for spec in specs if getattr(spec, "vendor", None) == vendor.lower()]


def _line(chip: Accelerator) -> tuple[str, ...]:
    from aiplan import units
    from aiplan.specs.accelerator import main_precision, purchase_price

    precision = main_precision(chip)
    peak = {str(p): value for p, value in chip.peak.items()}.get(precision or "")
    price = purchase_price(chip)
    return (
        chip.id,
        str(chip.released or "unknown"),
        f"{units.show(peak, 'FLOP/s')} {precision}" if precision else "not published",
        units.show(chip.memory.capacity, "B"),
        units.show(chip.memory.bandwidth, "B/s"),
        units.show(chip.tdp, "W"),
        units.show(price.value, "USD") if price else "unknown",
    )


def _facts(chip: Accelerator, name: str, precision: str | None, found: Catalog, defaults: dict[str, Any]) -> Any:
    """The contract's object of one accelerator."""
    from aiplan.answer import answer
    from aiplan.plan import facts
    from aiplan.specs.accelerator import expand_accelerator, main_precision
    from aiplan.specs.question import read_choice, read_question

    used = read_choice("precision", precision) if precision else main_precision(chip)
    used = used or next(iter(chip.unpublished), "bf16")
    if used not in chip.peak and (used in chip.unpublished or not chip.peak):
        result = _without_peak(chip, used)
    else:
        question = read_question({"accelerator": name, "precision": used}, ask="facts")
        asks = [*expand_accelerator(chip, used), "peak_flops_per_usd", "peak_flops_per_watt"]
        result = answer(facts(question, found, asks, defaults), ask="facts", asks=asks, name=chip.name)
        result.quantities = {q: result.quantities[q] for q in dict.fromkeys(asks)}
        result.assumptions = [a for a in result.assumptions if a.quantity in asks]
        if precision is None:
            result.inputs.pop("precision", None)
    result.headline = f"{chip.id}: {chip.name}, {chip.vendor}, released {chip.released or 'unknown'}."
    result.choices = {"accelerator": chip.id, "precision": used, "sparsity": "none"}
    result.drivers = []
    return result


def _without_peak(chip: Accelerator, precision: str) -> Any:
    """The same where no dense peak is published: what follows from it is null and says why."""
    from aiplan import __version__
    from aiplan.graph import GRAPH
    from aiplan.specs.accelerator import expand_accelerator
    from aiplan.specs.result import Result, Value

    given = expand_accelerator(chip, precision, need_peak=False)
    quantities: dict[str, Value] = {}
    for name, g in given.items():
        low, high = g.spread or (None, None)
        quantities[name] = Value(g.value, GRAPH[name].unit, g.origin, p10=low, p90=high, why_null=g.why_null)
    why = given["peak_flops"].why_null
    for name in ("peak_flops_per_usd", "peak_flops_per_watt"):
        quantities[name] = Value(None, GRAPH[name].unit, "formula", why_null=why)
    return Result(
        ask="facts",
        name=chip.name,
        aiplan_version=__version__,
        headline="",
        quantities=quantities,
        choices={},
        binding=[],
        assumptions=[],
        warnings=[],
        sources=sorted({g.source for g in given.values() if g.source}),
        inputs={"accelerator": chip.id},
    )


def _json(value: Any) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
