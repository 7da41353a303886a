"""Writes the documentation anew from the program: `python -m aiplan.docgen`, in a checkout.

`docs/nomenclature.md` and `docs/commands.md` are written whole. In the other pages a ```console block is run and its
output replaced, what stands between `<!-- begin NAME ... -->` and `<!-- end -->` is written anew, and so is a number
between `<!-- = ... -->` and `<!-- / -->`. Two comments steer the block after them: `<!-- keep: ... -->` trims an
output, and `<!-- file: PATH -->` saves a block as a file before the commands below it run.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import typer
from typer.models import ArgumentInfo, OptionInfo

import aiplan.quantities
import aiplan.tokens.formulas  # noqa: F401  (the quantities of documents)
from aiplan import units
from aiplan.docpages import ROOT, TABLES, StaleError, refreshed
from aiplan.graph import GRAPH, Formula, Quantity

DOCS = ROOT / "docs"
WRITTEN_ELSEWHERE = ("essay.md", "accuracy.md", "laws.md", "add.md")  # each has a generator or a test of its own
HEADER = "<!-- Written by `python -m aiplan.docgen`; edit the program, not this page. -->\n\n"

# Modules of quantities in the order of a plan, with the headings of their pages.
MODULES = {
    "scaling": "Scaling laws",
    "data": "Data",
    "batch": "Batch size",
    "precision": "Precision",
    "architecture": "Shape of the model",
    "flops": "Compute",
    "memory": "Memory",
    "layout": "Layout",
    "step_time": "Time of a step",
    "accelerator": "Facts of an accelerator",
    "network": "Network",
    "reliability": "Failures",
    "power": "Power",
    "carbon": "Carbon and water",
    "capex": "Purchase",
    "cost": "Cost of a run",
    "trends": "Trends",
    "facts": "Facts that claims are held against",
}
PARTS = {
    "scaling_tokens": "scaling",
    "scaling_params": "scaling",
    "scaling_laws": "scaling",
    "scaling_experts": "scaling",
    "scaling_sparse": "scaling",
    "shape_rules": "architecture",
    "activations": "memory",
    "frontier": "data",
}


# -- tables and numbers of pages written by hand -------------------------------------------------------------------


def formulas(*names: str) -> str:
    """A list of quantities with how each is computed."""
    out = []
    for name in names:
        quantity = GRAPH[name]
        ways: list[Formula | None] = [f for f in quantity.formulas if equation_of(f)]
        for formula in ways or [None]:
            how = f"`{equation_of(formula)}`" if formula else _supplied(quantity)
            source = f" ({formula.source})" if formula and formula.source else ""
            rival = f", {formula.rival}" if formula and formula.rival and len(ways) > 1 else ""
            out.append(f"- [`{name}`](nomenclature.md#{name.lower()}){rival}: {how}{source}")
    return "\n".join(out)


def _supplied(quantity: Quantity) -> str:
    if quantity.has_default:
        return f"{_default(quantity)}. {quantity.source}"
    return "from " + ", ".join(suppliers().get(quantity.name, ["you"]))


# -- the nomenclature ----------------------------------------------------------------------------------------------


@functools.cache
def suppliers() -> dict[str, list[str]]:
    """Which choice supplies each quantity of the catalogue."""
    from aiplan.catalog import Catalog, expand_accelerator, expand_model, expand_site
    from aiplan.quantities.memory import RECIPES
    from aiplan.quantities.scaling import LAWS

    catalog = Catalog()
    chips = [catalog.find("accelerator", i) for i in catalog.ids("accelerator")]
    out: dict[str, list[str]] = {}
    for who, names in (
        ("the accelerator", {n for c in chips if c.peak for n in expand_accelerator(c, next(iter(c.peak)))}),
        ("the site", {n for i in catalog.ids("site") for n in expand_site(catalog.find("site", i))}),
        ("the model", {n for i in catalog.ids("model") for n in expand_model(catalog.find("model", i))}),
        ("the law", {n for law in LAWS.values() for n in law.coefficients}),
        ("the recipe", {n for n in GRAPH.quantities if any(hasattr(r, n) for r in RECIPES.values())}),
    ):
        for name in sorted(names):
            out.setdefault(name, []).append(who)
    return out


def module_of(quantity: Quantity) -> str:
    """The module of MODULES that declares a quantity."""
    if quantity.formulas:
        found = quantity.formulas[-1].function.__module__.rpartition(".")[2]
    else:
        found = next((m for m, text in _module_texts().items() if re.search(rf'\(\s*"{quantity.name}"', text)), "data")
    return PARTS.get(found, found)


@functools.cache
def _module_texts() -> dict[str, str]:
    folder = Path(__file__).parent / "quantities"
    return {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.py"))}


def nomenclature() -> str:
    """The page of all quantities."""
    by_module: dict[str, list[Quantity]] = {}
    for quantity in GRAPH:
        by_module.setdefault(module_of(quantity), []).append(quantity)
    order = [*MODULES, *sorted(set(by_module) - set(MODULES))]
    lines = [
        f"{HEADER}# Nomenclature",
        "",
        f"All {len(GRAPH.quantities)} quantities: unit, meaning, and every way to compute each. Units are SI; a name "
        "that ends in `_days`, `_hours` or `_years` is in that unit. Any of them may be set (`--set NAME=VALUE`, or "
        "`--name VALUE`), asked about (`aiplan why NAME ...`) and asserted. Where a quantity has several formulas, "
        "the first that the known quantities allow is used; those with the name of a *rival* apply only where that "
        "rival is chosen: a scaling law's form, `shaped` or `no_shape` (a model with or without a known shape), or a "
        "value of "
        "`recovery` or `cost_method`.",
        "",
        " · ".join(f"[{name}](#{name.lower()})" for name in sorted(GRAPH.quantities, key=str.lower)),
    ]
    for module in order:
        if by_module.get(module):
            lines += ["", f"## {MODULES.get(module, module.replace('_', ' ').capitalize())}"]
            for quantity in by_module[module]:
                lines += ["", *_entry(quantity)]
    return "\n".join(lines) + "\n"


def _entry(quantity: Quantity) -> Iterator[str]:
    yield f"### {quantity.name}"
    yield ""
    yield f"{_escaped(quantity.sentence)} Unit: {f'`{quantity.unit}`' if quantity.unit else 'none'}.{_bounds(quantity)}"
    yield ""
    given = suppliers().get(quantity.name)
    if given:
        yield f"- supplied by {' or '.join(given)}"
    for formula in quantity.formulas:
        yield f"- {_way(quantity, formula)}"
    if quantity.has_default:
        yield f"- {_default(quantity)}. Source: {_escaped(quantity.source)}"
    if not given and not quantity.formulas and not quantity.has_default:
        yield "- supplied by you"


def _way(quantity: Quantity, formula: Formula) -> str:
    if formula.search:
        how = "searched for" + (f": {_escaped(formula.sentence)}" if formula.sentence else "")
    else:
        how = f"`{equation_of(formula)}`" if equation_of(formula) else f"no value: {_escaped(formula.sentence)}"
    rival = f"rival `{formula.rival}`: " if formula.rival else ""
    inputs = ", ".join(f"[{name}](#{name.lower()})" for name in formula.inputs)
    if formula.search and quantity.name != formula.gives[0]:
        return f"{rival}searched for together with [{formula.gives[0]}](#{formula.gives[0].lower()})"
    numbers = ", ".join(f"{name} = {value:g}" for name, value in _coefficients(formula))
    return (
        f"{rival}{how}"
        + (f", with {numbers}" if numbers else "")
        + (f"; from {inputs}" if inputs else "")
        + (f". Source: {_escaped(formula.source)}" if formula.source else "")
    )


def equation_of(formula: Formula) -> str:
    """The equation of a formula; empty where it only says that there is no value."""
    return "" if formula.equation.startswith("Raises") else formula.equation


def _coefficients(formula: Formula) -> list[tuple[str, float]]:
    parameters = inspect.signature(formula.function).parameters.values()
    return [
        (p.name, float(p.default))
        for p in parameters
        if p.kind is inspect.Parameter.KEYWORD_ONLY and isinstance(p.default, int | float) and p.name != "pinned"
    ]


def _default(quantity: Quantity) -> str:
    assert quantity.default is not None
    shown = units.show(quantity.default, quantity.unit, quantity.name)
    if quantity.spread is None:
        return f"default {shown}"
    low, high = (units.show(end, quantity.unit, quantity.name) for end in quantity.spread)
    return f"default {shown} (p10 {low}, p90 {high})"


def _bounds(quantity: Quantity) -> str:
    return f" Between {quantity.low:g} and {quantity.high:g}." if quantity.high is not None else ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


# -- the commands --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Taken:
    """An argument or option of a command, as its signature declares it."""

    spelling: str
    help: str
    default: str
    is_argument: bool


@functools.cache
def command_paths() -> dict[tuple[str, ...], Callable[..., Any]]:
    """Every command and subcommand of the program: its words, and the function behind it."""
    from aiplan.cli.app import COMMANDS

    out: dict[tuple[str, ...], Callable[..., Any]] = {}
    for name in COMMANDS:
        app: typer.Typer = importlib.import_module(f"aiplan.cli.{name}").app
        group = app.registered_callback
        if group is not None and group.callback is not None:
            out[(name,)] = group.callback
        for command in app.registered_commands:
            function = command.callback
            assert function is not None
            word = command.name or function.__name__.replace("_", "-")
            out[(name, word) if group is not None else (name,)] = function
    return out


def taken(function: Callable[..., Any]) -> list[Taken]:
    """The arguments and options of a command; read from its signature, which no version of typer changes."""
    out = []
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        annotated = get_args(parameter.annotation)
        info = next((a for a in annotated if isinstance(a, OptionInfo | ArgumentInfo)), None)
        if info is None:
            continue
        is_argument = isinstance(info, ArgumentInfo)
        value = info.metavar or ("N" if "int" in str(annotated[0]) else "VALUE")
        if is_argument:
            spelling = f"`{info.metavar or parameter.name.upper()}`"
        else:
            words = [w for w in (info.default, *(info.param_decls or ())) if isinstance(w, str) and w.startswith("-")]
            names = sorted(words or [f"--{parameter.name.replace('_', '-')}"], key=len)
            spelling = ", ".join(f"`{n}`" for n in names)
            spelling = spelling if annotated[0] is bool else f"{spelling[:-1]} {value}`"
        usual = parameter.default
        shown = str(usual) if isinstance(usual, str | int) and not isinstance(usual, bool) else ""
        out.append(Taken(spelling, info.help or "", shown, is_argument))
    return out


def commands() -> str:
    """The page of all commands: what the help of each says."""
    from aiplan.cli.app import COMMANDS
    from aiplan.cli.options import FLAGS

    shared = tuple(f"`--{flag.flag} " for flag in FLAGS)
    lines = [f"{HEADER}# Commands", "", "What `--help` says, command by command.", ""]
    lines += [f"- [`aiplan {name}`](#aiplan-{name}): {sentence}" for name, sentence in COMMANDS.items()]
    lines += [
        "",
        "`aiplan --version` prints the version; `aiplan --install-completion` completes commands in your shell.",
    ]
    lines += ["", "## Planning options", ""]
    lines += [
        "Every command that plans takes these. Any other quantity is an option too: `--mfu 40%`, `--pue 1.1`.",
        "",
    ]
    lines += _options([t for t in taken(command_paths()[("train",)]) if t.spelling.startswith(shared)])
    for path, function in command_paths().items():
        title = " ".join(("aiplan", *path))
        found = taken(function)
        own = [t for t in found if not t.spelling.startswith(shared)]
        lines += ["", f"{'###' if len(path) > 1 else '##'} {title}", ""]
        if found:
            words = [t.spelling.strip("`") for t in own if t.is_argument]
            lines += ["```text", " ".join([title, *words, "[OPTIONS]"]), "```", ""]
        lines += [inspect.cleandoc(function.__doc__ or "")]
        if len(own) < len(found):
            lines += ["", "Takes the [planning options](#planning-options) and:"]
        if own:
            lines += ["", *_options(own)]
    return "\n".join(lines) + "\n"


def _options(rows: list[Taken]) -> list[str]:
    out = ["| option | meaning |", "| --- | --- |"]
    for row in rows:
        out.append(f"| {row.spelling} | {_escaped(row.help)}{f' Default: `{row.default}`.' if row.default else ''} |")
    return out


# -- all pages -----------------------------------------------------------------------------------------------------


def pages() -> dict[Path, Callable[[], str]]:
    """Every page that is written or refreshed here, with what makes its text."""
    out: dict[Path, Callable[[], str]] = {
        DOCS / "nomenclature.md": nomenclature,
        DOCS / "commands.md": commands,
    }
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))):
        if path not in out and path.name not in WRITTEN_ELSEWHERE:
            out[path] = functools.partial(
                lambda p: refreshed(p.read_text("utf-8"), TABLES | {"formulas": formulas}), path
            )
    return out


def main(names: list[str]) -> int:
    """Write the pages of these names, or all, anew; 1 when one cannot be written."""
    stale = 0
    for path, make in pages().items():
        if names and path.name not in names:
            continue
        try:
            text = make()
        except StaleError as error:
            stale = 1
            print(f"cannot write {path.relative_to(ROOT)}: {error}")
            continue
        changed = not path.exists() or path.read_text("utf-8") != text
        path.write_text(text, "utf-8")
        print(f"{'written' if changed else 'as it was'}  {path.relative_to(ROOT)}")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
