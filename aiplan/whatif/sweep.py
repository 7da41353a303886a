"""A grid of plans answered one by one, each solved as a plan of its own; fronts and bests over the rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiplan.errors import UserError, nearest
from aiplan.graph import GRAPH
from aiplan.plan import TRAIN
from aiplan.whatif.scenario import Answered, Over, answer_one, grid_points, overlaid, read_all

if TYPE_CHECKING:
    from aiplan.catalog import Catalog
    from aiplan.specs.scenario import Scenario

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
    """One point of a grid: where it is, the values there, and whether the plan can be."""

    number: int
    point: dict[str, str]
    answered: Answered

    def value(self, name: str) -> float | None:
        """A quantity's value, of a plan with draws its median."""
        found = self.answered.result.quantities.get(name)
        if found is None:
            return None
        return found.p50 if found.p50 is not None and self.answered.draws is not None else found.value

    @property
    def status(self) -> str:
        """What became of the plan."""
        if self.answered.impossible:
            return "impossible"
        return "failed" if self.answered.failed else "ok"


def size(scenario: Scenario, path: Path, over: Over, key: str = "") -> list[Any]:
    """The points of the grid. Raises UserError where nothing is swept."""
    laid = overlaid(scenario, over)
    if not laid.sweep:
        raise UserError(f"{path}: nothing is swept: give --sweep NAME=VALUES, or a 'sweep:' in the file")
    return grid_points(path, key, laid, over.most_points)


def rows(
    scenario: Scenario,
    points: Sequence[Any],
    path: Path,
    catalog: Catalog,
    defaults: dict[str, Any] | None,
    over: Over,
    key: str = "",
) -> Iterator[Row]:
    """One row a point, as each is solved; a point that contradicts itself is an error that names it."""
    from aiplan.whatif import grid

    laid = overlaid(scenario, over)
    for number, point in enumerate(points, 1):
        try:
            answered = answer_one(path, key, laid, grid.title(point), catalog, defaults, over, point)
        except UserError as error:
            raise UserError(f"{error} (at {grid.title(point)})") from None
        yield Row(number, answered.point, answered)


def scenarios(path: Path | None, over: Over) -> tuple[Path, str, Scenario]:
    """The one plan that is swept: a file's, or what was typed."""
    from aiplan.whatif.typed import TYPED, scenario_of

    if path is None:
        return TYPED, "", scenario_of(Over(set=over.set, limit=over.limit))
    found = read_all(path)
    if len(found) != 1:
        raise UserError(f"{path} holds {len(found)} plans; a sweep is of one")
    key, scenario = next(iter(found.items()))
    return path, key, scenario


def shown_of(ask: str) -> list[str]:
    """Quantities of a table where none is named."""
    return list(OF_TOKENS if ask == "tokens" else SHOWN)


def names_of(text: str, option: str) -> list[str]:
    """Names of quantities, with commas between them."""
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


def front(found: Sequence[Row], names: Sequence[str]) -> list[bool]:
    """Which rows no other possible row beats in one of these quantities without being worse in another.

    A quantity that one wants more of, such as params or mfu, is better when it is higher; all others when lower.
    """
    scores = [_score(row, names) for row in found]
    usable = [i for i, score in enumerate(scores) if score is not None]
    out = [False] * len(found)
    kept: list[tuple[float, ...]] = []
    for i in sorted(usable, key=lambda i: scores[i] or ()):  # in this order nothing later beats what is kept
        score = scores[i] or ()
        if not any(all(a <= b for a, b in zip(other, score, strict=True)) and other != score for other in kept):
            kept.append(score)
            out[i] = True
    return out


def best(found: Sequence[Row], names: Sequence[str]) -> dict[str, int]:
    """The number of the best possible row by each quantity."""
    out = {}
    for name in names:
        scored = [(score, row.number) for row in found if (score := _score(row, [name])) is not None]
        if scored:
            out[name] = min(scored)[1]
    return out


def _score(row: Row, names: Iterable[str]) -> tuple[float, ...] | None:
    """Lower is better; None where the plan cannot be or a value is unknown."""
    if row.answered.impossible:
        return None
    values = [(row.value(name), name in MORE_IS_BETTER) for name in names]
    if any(value is None for value, _ in values):
        return None
    return tuple(-(value or 0.0) if more else (value or 0.0) for value, more in values)
