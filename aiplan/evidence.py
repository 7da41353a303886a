"""The measured rows nearest to a plan, and how far they are: what its predicted step time rests on.

`python -m aiplan.evidence` writes measurements/evidence.json anew from the tables, one entry for each configuration,
so that a plan need not read the tables.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from aiplan.plan import Plan

CLOSE, FAR = 0.7, 2.0
STRETCH = 2.0  # of the interval in logarithms, far from all rows: what a family of chips left out whole shows


class Evidence(NamedTuple):
    """A measured row near to a case: how far it is, and what was measured."""

    id: str
    distance: float
    says: str


def evidence(
    shape: Mapping[str, float], chip: str, family: str | None, precision: str, accelerators: float, *, most: int = 5
) -> list[Evidence]:
    """The measured configurations nearest to a case, nearest first.

    The distance adds ln of the ratios of active parameters (once) and of accelerators (a third), 0.7 for another
    chip (0.35 within its family), 0.5 for another precision class, 1 where only one of the two has experts;
    below about 0.7 the row is close evidence, above 2 it says little. `shape` has `params`, and where there are
    experts `active_params`; `chip` is an id of the catalogue.
    """
    active = shape.get("active_params") or shape["params"]
    routed = active < 0.97 * shape["params"]
    found = []
    for row in _index():
        distance = abs(math.log(row["active"] / active)) + abs(math.log(row["chips"] / accelerators)) / 3
        distance += 0.0 if row["chip"] == chip else 0.35 if family and row["family"] == family else 0.7
        distance += 0.5 * (row["width"] != width(precision)) + (row["experts"] != routed)
        found.append(Evidence(row["id"], distance, row["says"]))
    return sorted(found, key=lambda e: (e.distance, e.id))[:most]


def note(found: list[Evidence]) -> str:
    """What the nearest rows say of a prediction, in a sentence."""
    if not found or found[0].distance > FAR:
        nearest_row = f": the nearest is {found[0].says} ({found[0].id})" if found else ""
        return f"No measurement is near this case{nearest_row}."
    closeness = "close" if found[0].distance < CLOSE else "some way off"
    return f"The nearest measurement is {closeness}: {found[0].says} ({found[0].id})."


def of_plan(plan: Plan) -> list[Evidence]:
    """The rows nearest to a plan whose step time is predicted; none where its speed is given or its size unknown."""
    node = plan.nodes.get("step_time")
    params, active, count = (plan.value(name) for name in ("params", "active_params", "accelerators"))
    if node is None or node.formula is None or node.formula.name != "step_time_of_layout" or not params or not count:
        return []
    chosen = plan.expanded.chosen
    shape = {"params": params, "active_params": active or params}
    return evidence(shape, chosen["accelerator"], plan.expanded.family, chosen["precision"], count)


def widen(plan: Plan) -> None:
    """Stretch the interval of a step time that is far from all measured rows."""
    node, found = plan.nodes.get("prediction_factor"), of_plan(plan)
    if node and node.spread and found and found[0].distance > FAR:
        low, high = node.spread[0] ** STRETCH, node.spread[1] ** STRETCH
        node.spread = low, high
        if "prediction_factor" in plan.given:
            plan.given["prediction_factor"] = replace(plan.given["prediction_factor"], spread=node.spread)


def width(precision: str) -> str:
    """The class of a number format that rows are alike in.

    >>> width("fp16"), width("fp8")
    ('16-bit', 'fp8')
    """
    return precision if precision in ("fp8", "fp4") else "16-bit"


# -- the index -----------------------------------------------------------------------------------------------------


@cache
def _index() -> list[dict[str, Any]]:
    return list(json.loads(path().read_text("utf-8")))


def path() -> Path:
    """Where the index is kept."""
    from aiplan.catalog import data_root

    return data_root() / "measurements" / "evidence.json"


def made() -> str:
    """The index made from the tables: repeats of one configuration are one piece of evidence."""
    from aiplan.catalog import Catalog
    from aiplan.measured_chips import Refused, chip_of, precision_of
    from aiplan.measurements import number_of, shipped

    catalog = Catalog()
    out: dict[str, dict[str, Any]] = {}
    for row in shipped("training-throughput"):
        total, rate = number_of(row.inputs.get("params_total", "")), row.outcomes.get("tokens_per_s_per_chip")
        count = number_of(row.inputs.get("n_chips", ""))
        if not total or not rate or not count or "lora" in row.inputs.get("task", ""):
            continue
        try:
            chip = chip_of(row.inputs, catalog)
            precision, _ = precision_of(row.inputs, chip)
        except Refused:
            continue
        active = number_of(row.inputs.get("params_active", "")) or total
        of = f"{row.inputs.get('model')} on {count:,.0f} {chip.id} at {precision}"
        entry = {
            "id": row.id,
            "active": active,
            "experts": active < 0.97 * total,
            "chips": count,
            "chip": chip.id,
            "family": chip.family,
            "width": width(precision),
            "says": f"{of}: {rate:,.0f} tokens/s a chip",
        }
        out.setdefault(of, entry)
    return "[\n" + ",\n".join(json.dumps(entry) for entry in out.values()) + "\n]\n"


if __name__ == "__main__":
    path().write_text(made(), "utf-8")
    print(path())
