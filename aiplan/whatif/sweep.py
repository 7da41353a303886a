"""What a sweep is of, and how its points stand to one another: the front that nothing beats, and the best of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiplan.errors import UserError, nearest
from aiplan.graph import GRAPH
from aiplan.plan import TRAIN
from aiplan.whatif.arrays import numpy
from aiplan.whatif.scenario import Over, overlaid

if TYPE_CHECKING:
    from aiplan.specs.scenario import Scenario
    from aiplan.whatif.blocks import Block
    from aiplan.whatif.grid import Grid

SHOWN = ("accelerators", "training_days", "facility_power", "capex", "run_cost", "fits")
OF_DOCUMENTS = tuple(
    "documents document_words document_tokens answer_tokens input_cost output_cost cost context_share fits_context "
    "reading_time answer_time price_per_input_token price_per_output_token".split()
)
OF_TOKENS = ("document_tokens", "cost", "context_share", "reading_time")
MORE_IS_BETTER = frozenset(
    "params active_params tokens training_flops mfu hfu goodput tokens_per_second flops_per_usd flops_per_watt "
    "peak_flops_per_usd peak_flops_per_watt experiments_per_week cluster_flops fits mtbf".split()
)


@dataclass(frozen=True, slots=True)
class Row:
    """One point of a grid: where it is, its values, and what became of the plan."""

    number: int
    point: dict[str, str]
    values: dict[str, float | None]
    plan: str


def rows(block: Block, grid: Grid, first: int) -> Iterator[Row]:
    """The rows of a block, whose first has this number."""
    for i, index in enumerate(block.indices):
        values = {name: _known(column[i]) for name, column in block.columns.items()}
        point = {name: step.text for name, step in grid.at(index).items()}
        yield Row(first + i, point, values, block.plan[i])


def _known(value: Any) -> float | None:
    return None if value is None or value != value else float(value)


def scenario_of(path: Path | None, over: Over) -> tuple[Path, str, Scenario]:
    """The one plan that is swept, a file's or what was typed, with the command line laid over it."""
    from aiplan.whatif.typed import one_plan

    path, key, found = one_plan(path, over)
    laid = overlaid(found, over)
    if not laid.sweep:
        raise UserError(f"{path}: nothing is swept: give --sweep NAME=VALUES, or a 'sweep:' in the file")
    return path, key, laid


def shown_of(ask: str) -> tuple[str, ...]:
    """Quantities of a table where none is named."""
    return OF_TOKENS if ask == "tokens" else SHOWN


def names_of(text: str | None, option: str) -> list[str]:
    """Names of quantities, with commas between them; none where the option was not typed."""
    if text is None:
        return []
    names = [part.strip().replace("-", "_") for part in text.split(",") if part.strip()]
    for name in names:
        if name not in GRAPH:
            import aiplan.tokens.formulas  # noqa: F401  (it may be a quantity of documents)
        if name not in GRAPH:
            raise UserError(f"{option}: there is no quantity {name!r}{nearest(name, GRAPH.quantities)}")
        if name not in TRAIN and name not in OF_DOCUMENTS:
            raise UserError(f"{option}: {name} is not among the answers of a plan; e.g. {', '.join(SHOWN)}")
    if not names:
        raise UserError(f"{option} names no quantity")
    return names


def scores(columns: dict[str, Sequence[Any]], plan: Sequence[str], names: Sequence[str]) -> Any:
    """A row a point, a column a quantity, lower is better; nan where the value is unknown or the plan is no choice.

    No choice is one that breaks a limit or an assertion, or that does not fit. A quantity that one wants more of, such
    as params or mfu, is better when it is higher; all others when lower.
    """
    np = numpy()
    out = np.empty((len(plan), len(names)))
    for i, name in enumerate(names):
        values = np.asarray(columns[name], dtype=float)
        out[:, i] = -values if name in MORE_IS_BETTER else values
    out[np.asarray([word != "ok" for word in plan], dtype=bool)] = np.nan
    return out


def front(found: Any) -> list[bool]:
    """Which points no other beats in one quantity without being worse in another.

    >>> front(scores({"run_cost": [1.0, 2.0, 3.0], "training_days": [3.0, 4.0, 1.0]}, ["ok"] * 3, SHOWN[4:0:-3]))
    [True, False, True]
    """
    np = numpy()
    usable = np.flatnonzero(~np.isnan(found).any(axis=1))
    left = usable[np.lexsort(found[usable].T[::-1])]  # in this order nothing later beats what comes before
    out = np.zeros(len(found), dtype=bool)
    while left.size:
        best = found[left[0]]
        others = found[left]
        equal = (others == best).all(axis=1)
        out[left[equal]] = True
        left = left[~((others >= best).all(axis=1))]
    return [bool(kept) for kept in out]


def best(found: Any, names: Sequence[str]) -> dict[str, int]:
    """The number of the best point by each quantity, the first of equals."""
    np = numpy()
    known = ~np.isnan(found)
    return {name: int(np.nanargmin(found[:, i])) + 1 for i, name in enumerate(names) if known[:, i].any()}
