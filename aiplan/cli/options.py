"""Options shared by the planning commands: one table, so that flags, `--set` and scenario keys are one language."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from aiplan.errors import UserError, nearest
from aiplan.specs.question import CHOICES, Question, read_pairs, read_question

BARE: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False, "add_completion": False}
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}


class Flag(NamedTuple):
    """A flag and the name that it sets."""

    flag: str
    sets: str
    help: str


FLAGS = (
    Flag("params", "params", "Size of the model, e.g. 100T."),
    Flag("tokens", "tokens", "Training tokens, e.g. 15T; else the scaling law decides."),
    Flag("flops", "training_flops", "Training compute, e.g. 5e25."),
    Flag("loss", "loss", "Loss to reach [nats per token]."),
    Flag("model", "model", "A published architecture, e.g. llama-3.1-405b."),
    Flag("accelerator", "accelerator", "Kind of accelerator, e.g. h100, gb200, tpu-v7."),
    Flag("accelerators", "accelerators", "Number of accelerators, e.g. 16384."),
    Flag("deadline", "training_days", "Upper bound on the duration, e.g. 90d."),
    Flag("budget", "run_cost", "Upper bound on the cost of the run, e.g. $1B."),
    Flag("power", "facility_power", "Upper bound on the power of the facility, e.g. 1GW."),
    Flag("precision", "precision", "Number format of the matrix work, e.g. bf16, fp8."),
    Flag("sparsity", "sparsity", "none or 2:4."),
    Flag("layout", "layout", "How the accelerators are divided, e.g. tp=8,pp=16,vp=8; else the fastest that fits."),
    Flag("schedule", "schedule", "How the pipeline runs: interleaved, 1f1b, zero_bubble, zero_bubble_v or dualpipe."),
    Flag("offload", "offload", "What is kept in the host's memory: none or optimizer."),
    Flag("recipe", "recipe", "Optimizer recipe: bytes kept per parameter."),
    Flag("law", "law", "Scaling law, e.g. besiroglu_2024, rule_20."),
    Flag("site", "site", "Site: price and carbon of electricity, PUE."),
    Flag("recovery", "recovery", "What a failure stops: elastic (its replica) or global (all)."),
    Flag("cost-method", "cost_method", "owned or rented."),
)

FORMATS = ("table", "json", "jsonl", "csv", "md", "yaml")
ELSEWHERE = {"sweep": "aiplan sweep answers grids"}

Set = Annotated[
    list[str], typer.Option("--set", metavar="NAME=VALUE", help="Pin any quantity or choice; may be repeated.")
]
Limit = Annotated[
    list[str], typer.Option("--limit", metavar="NAME=VALUE", help="Upper bound on any quantity; may be repeated.")
]
CatalogDirs = Annotated[
    list[Path], typer.Option("--catalog", metavar="DIR", help="Your own YAML entries, over ours; may be repeated.")
]
Format = Annotated[str, typer.Option("--format", "-f", help=f"One of {', '.join(FORMATS)}.")]
Json = Annotated[bool, typer.Option("--json", help="Same as --format json.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the result to FILE.")]
All = Annotated[bool, typer.Option("--all", help="Show every quantity in the table.")]

Vary = Annotated[
    list[str],
    typer.Option("--vary", metavar="NAME=RANGE", help="Uncertain input, e.g. 'mfu=30% to 45%'; may be repeated."),
]
Sweep = Annotated[
    list[str],
    typer.Option("--sweep", metavar="NAME=VALUES", help="Grid: a,b,c or 'a..b by c' or 'a..b xN'; may be repeated."),
]
Assert = Annotated[
    list[str],
    typer.Option("--assert", metavar="CONDITION", help="What must hold, e.g. 'capex <= $6B'; may be repeated."),
]
Draws = Annotated[
    int | None, typer.Option("--draws", help="Number of draws; 10,000 where something varies.", show_default=False)
]
SearchEachDraw = Annotated[
    bool,
    typer.Option("--search-each-draw", help="Search the layout anew at each draw, which is slow; else it is held."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the draws.")]
SaveDraws = Annotated[
    Path | None, typer.Option("--save-draws", metavar="FILE", help="Write the draws to FILE as CSV or .parquet.")
]
Save = Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Write the question to FILE as a scenario.")]
MaxPoints = Annotated[int, typer.Option("--max-points", min=1, help="Most points of a sweep.")]
CompareTo = Annotated[
    str | None,
    typer.Option("--compare-to", metavar="WHAT", help="Baseline: a scenario, a saved JSON result, or a git revision."),
]


def files_and_more(words: list[str]) -> tuple[list[Path], list[str]]:
    """Files, and options of quantities that were typed after them: `plan.yaml --mfu 40%`.

    >>> files_and_more(["a.yaml", "--mfu", "40%", "b.yaml"])
    ([PosixPath('a.yaml'), PosixPath('b.yaml')], ['--mfu', '40%'])
    """
    files: list[Path] = []
    more: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            files.append(Path(word))
            continue
        more.append(word)
        if "=" not in word and rest:
            more.append(rest.pop(0))
    return files, more


class Listed(TyperGroup):
    """A group of commands that tells the first sentence of each whole."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, (c.help or "").partition("\n")[0]) for name, c in found if c])


def planning(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the planning flags: it receives them as keyword arguments, None where not typed."""
    signature = inspect.signature(function, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    flags = [
        inspect.Parameter(
            f.flag.replace("-", "_"),
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, typer.Option(f"--{f.flag}", help=f.help, show_default=False)],
        )
        for f in FLAGS
    ]
    split = next((i for i, p in enumerate(own) if p.kind is inspect.Parameter.KEYWORD_ONLY), len(own))
    parameters = [*own[:split], *flags, *own[split:]]
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {p.name: p.annotation for p in parameters}
    return function


def settings_of(flags: dict[str, str | None], pairs: list[str], extra: list[str]) -> dict[str, str]:
    """What flags, `--set` pairs and `--any-quantity VALUE` set, by name; flags win over `--set`."""
    out = read_pairs(pairs)
    out |= _extras(extra)
    for flag in FLAGS:
        value = flags.get(flag.flag.replace("-", "_"))
        if value is not None:
            out[flag.sets] = value
    return out


def _extras(extra: list[str]) -> dict[str, str]:
    from aiplan.graph import GRAPH

    known = [f"--{f.flag}" for f in FLAGS] + [
        "--set",
        "--limit",
        "--catalog",
        "--format",
        "--json",
        "--output",
        "--all",
    ]
    out: dict[str, str] = {}
    rest = list(extra)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise UserError(f"{word!r} is not an option; a value with a space needs quotes, e.g. --power '1 GW'")
        name, equals, value = word[2:].partition("=")
        name = name.replace("-", "_")
        if name in ELSEWHERE:
            raise UserError(f"there is no option --{name} here: {ELSEWHERE[name]}")
        if name not in GRAPH and name not in CHOICES:
            import aiplan.tokens.formulas  # noqa: F401  (it may be a quantity of documents)
        if name not in GRAPH and name not in CHOICES:
            names = [*known, *(f"--{n.replace('_', '-')}" for n in GRAPH.quantities)]
            raise UserError(f"there is no option {word.partition('=')[0]}{nearest(word.partition('=')[0], names)}")
        if not equals:
            if not rest:
                raise UserError(f"{word} needs a value")
            value = rest.pop(0)
        out[name] = value
    return out


def question_of(flags: dict[str, str | None], pairs: list[str], limits: list[str], extra: list[str]) -> Question:
    """The question that a command line asks; messages name the flag that was typed."""
    settings = settings_of(flags, pairs, extra)
    try:
        return read_question(settings, read_pairs(limits, "--limit"))
    except UserError as error:
        text = str(error)
        for flag in FLAGS:
            if text.startswith(flag.sets) and flags.get(flag.flag.replace("-", "_")) is not None:
                text = f"--{flag.flag}{text[len(flag.sets) :]}"
                break
        raise UserError(text) from None


def format_of(name: str, json: bool) -> str:
    """The output format, checked."""
    if json:
        return "json"
    if name not in FORMATS:
        raise UserError(f"--format {name!r} is not one of {', '.join(FORMATS)}{nearest(name, FORMATS, most=1)}")
    return name


def emit(text: str, output: Path | None) -> None:
    """Write the result to a file, or to standard output."""
    if output is None:
        try:
            print(text, flush=True)
        except BrokenPipeError:  # nobody reads any more, which is no failure
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror}") from None


__all__ = ["CONTEXT", "FLAGS", "emit", "format_of", "planning", "question_of", "read_pairs", "settings_of"]
