"""What whole runs took beside what their working steps should take: the efficiency of a campaign.

A step is predicted for tuned software on the best layout. Published runs needed more hours: their software was less
tuned, their layout not the best, stretches were repeated. Three constants say how much: the efficiency of runs before
and since 2024, on the layout that our search finds, and how much less is lost where the layout is a run's own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aiplan.calibration import SINCE, era_of
from aiplan.residuals import weighted_quantile

if TYPE_CHECKING:
    from aiplan.catalog import Catalog
    from aiplan.measurements import Row

GRADES = ("A", "B")  # hours that were published or follow from what was; the rest are estimates of others
LAYOUT = frozenset("tp pp vp cp ep dp fsdp_or_zero zero_or_fsdp recompute micro_batch_seqs grad_accum".split())
KNOWN_LAYOUT = "known_layout"
LOW, HIGH = 0.1, 0.9
WORTH = 3.0  # runs of one's own that weigh as much as all published ones: our judgement


@dataclass(frozen=True, slots=True)
class Campaign:
    """One published run: who trained it, in which era, and predicted over published hours.

    `efficiency` is of the layout that our search finds, `own_layout` of the run's own where it is known.
    """

    id: str
    org: str
    era: str
    efficiency: float
    own_layout: float | None = None


def campaigns(rows: Iterable[Row], catalog: Catalog) -> list[Campaign]:
    """The runs whose hours can be predicted and were published, predicted as if no hour were lost."""
    from aiplan.validate import Predictor

    predictor = Predictor("training-runs", catalog)
    out = []
    for row in rows:
        if row.mark or row.about.get("validation_grade", "A") not in GRADES:
            continue
        free = {name: text for name, text in row.inputs.items() if name not in LAYOUT}
        efficiency = _ratio(predictor, replace(row, inputs=free))
        if efficiency is None:
            continue
        own = _ratio(predictor, row) if row.inputs.keys() & {"tp", "pp"} else None
        out.append(Campaign(row.id, _org(row), era_of(row.inputs.get("date", "")), efficiency, own))
    return out


def _ratio(predictor: object, row: Row) -> float | None:
    """Predicted over published hours of a run; None where either is not known."""
    from aiplan.measured_chips import Refused
    from aiplan.validate import Predictor, measured

    assert isinstance(predictor, Predictor)
    try:
        answer = predictor.answer(row, campaign_efficiency=1.0)
    except Refused:
        return None
    found = measured("training-runs", answer)
    return answer.cost / found[0] if found and found[0] > 0 else None


def _org(row: Row) -> str:
    """Who trained a run: runs of one team repeat each other."""
    name = re.match(r"[^\d\s-]*", row.inputs.get("model", ""))
    return row.about.get("org") or (name.group(0).lower() if name else "")


def typical(runs: Sequence[Campaign], share: float = 0.5) -> float:
    """A quantile of the efficiency of some runs, each team weighing one.

    >>> runs = [Campaign("a", "x", SINCE, 0.5), Campaign("b", "x", SINCE, 0.5), Campaign("c", "y", SINCE, 0.8)]
    >>> round(typical(runs), 3)
    0.6
    """
    teams = [run.org for run in runs]
    return weighted_quantile([(run.efficiency, 1.0 / teams.count(run.org)) for run in runs], share)


def gain(runs: Sequence[Campaign]) -> float:
    """How much less is lost on a run's own layout than on the best: the median over runs that state theirs."""
    ratios = [(run.own_layout / run.efficiency, 1.0) for run in runs if run.own_layout]
    return weighted_quantile(ratios, 0.5) if ratios else 1.0


def fit(runs: Sequence[Campaign], step: tuple[float, float]) -> dict[str, dict[str, float]]:
    """The constants, their spread over runs, and the median error on teams that were left out.

    `step` is the (p10, p90) of the predicted over the measured time of a step, which a plan draws beside these: the
    spread that is recorded is what it leaves of the whole, in logarithms.
    """
    out: dict[str, dict[str, float]] = {}
    for era in sorted({run.era for run in runs}):
        own = [run for run in runs if run.era == era]
        if len({run.org for run in own}) < 3:
            continue
        centre = typical(own)
        low, high = (math.log(typical(own, share) / centre) for share in (LOW, HIGH))
        others = {run.org: [o for o in own if o.org != run.org] for run in own}
        errors = sorted(abs(run.efficiency / typical(others[run.org]) - 1.0) for run in own)
        out[era] = {
            "value": centre,
            "p10": centre * math.exp(-_without(low, math.log(step[0]))),
            "p90": centre * math.exp(_without(high, math.log(step[1]))),
            "rows": float(len(own)),
            "groups": float(len(others)),
            "held_out_median": errors[len(errors) // 2],
        }
    stated = [run for run in runs if run.own_layout]
    if stated:
        out[KNOWN_LAYOUT] = {"value": gain(stated), "rows": float(len(stated))}
    return out


def refine(runs: Sequence[Campaign], shipped: Mapping[str, tuple[float, float, float]]) -> dict[str, dict[str, float]]:
    """The shipped efficiency of today's runs refined by runs of one's own: each counts once, the shipped `WORTH` times.

    >>> round(refine([Campaign("a", "us", SINCE, 0.9)] * 3, {SINCE: (0.4, 0.2, 0.8)})[SINCE]["value"], 6)
    0.6
    """
    value, low, high = shipped[SINCE]
    own = [math.log(run.efficiency) for run in runs]
    centre = math.exp((WORTH * math.log(value) + math.fsum(own)) / (WORTH + len(own)))
    return {
        SINCE: {"value": centre, "p10": low * centre / value, "p90": high * centre / value, "rows": float(len(own))}
    }


def _without(spread: float, other: float) -> float:
    """A spread in logarithms less another's, as independent spreads add: in squares."""
    return math.sqrt(max(spread**2 - other**2, 0.0))


def module_lines(fitted: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The constants as lines of a Python module: name -> (median, p10, p90)."""
    lines = ["# Predicted over published hours of whole runs: median, 10th and 90th percentile."]
    lines += ["CAMPAIGNS: dict[str, tuple[float, float, float]] = {"]
    for name, row in fitted.items():
        value = row["value"]
        lines.append(f'    "{name}": ({value!r}, {row.get("p10", value)!r}, {row.get("p90", value)!r}),')
    return [*lines, "}"]
