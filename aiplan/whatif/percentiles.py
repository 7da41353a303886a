"""Draws made into the answer: p10, p50 and p90 of every quantity, `fits` as a share, and what the spread is made of."""

from __future__ import annotations

import csv
from collections.abc import Container
from pathlib import Path
from typing import Any

from aiplan.answer import answer
from aiplan.errors import UserError
from aiplan.output.structured import safe_cell
from aiplan.plan import TRAIN, Plan
from aiplan.specs.result import YES_OR_NO, Result, Warning_
from aiplan.whatif.arrays import numpy
from aiplan.whatif.draws import DEFAULT_DRAWS, MOST_DRAWS, MOST_SEARCHED, SEARCHED_DRAWS, Draws
from aiplan.whatif.inputs import Input

LEAST_DRAWS = 10


def checked_count(count: int | None, *, search: bool = False) -> int:
    """The number of draws, within what is sensible; fewer where each searches a layout."""
    if count is None:
        return SEARCHED_DRAWS if search else DEFAULT_DRAWS
    most = MOST_SEARCHED if search else MOST_DRAWS
    if not LEAST_DRAWS <= count <= most:
        why = ", since each searches a layout" if search else ""
        raise UserError(f"--draws {count} is not between {LEAST_DRAWS} and {most:,}{why}")
    return count


def drawn(
    plan: Plan,
    draws: Draws,
    vary: list[Input],
    *,
    ask: str = "train",
    asks: list[str] | None = None,
    name: str | None = None,
) -> Result:
    """The answer at the central values with the percentiles of the draws in place of first-order intervals."""
    result = answer(plan, ask=ask, asks=asks, name=name, bare=True)
    spread_over(result, draws, vary, "run_cost" if "run_cost" in draws.values else "training_days", told=TRAIN)
    return result


def spread_over(result: Result, draws: Draws, vary: list[Input], of: str, *, told: Container[str]) -> None:
    """Put the percentiles of the draws into an answer, and what makes `of` uncertain.

    Of the quantities in `told` it is said where draws have no value.
    """
    for quantity, value in result.quantities.items():
        value.p10 = value.p50 = value.p90 = None
        if quantity not in draws.values:
            continue
        if quantity in YES_OR_NO:
            known = draws.values[quantity]
            value.value = float(numpy().nan_to_num(known).mean())
            continue
        value.p10, value.p50, value.p90 = (draws.quantile(quantity, share) for share in (0.1, 0.5, 0.9))
        if value.value is None and value.p50 is not None:
            value.value, value.why_null = value.p50, None
    result.inputs |= {f"vary.{i.name}": i.typed for i in vary} | {"draws": draws.count, "seed": draws.seed}
    if draws.search:
        result.inputs["search_each_draw"] = True
    result.drivers = drivers(draws, of)
    result.warnings += _warnings(result, draws, vary, told)


def drivers(draws: Draws, of: str) -> list[dict[str, Any]]:
    """Each input's share of the spread of `of`: its squared correlation with the logarithm of the outcome."""
    np = numpy()
    if of not in draws.values:
        return []
    outcome = draws.values[of]
    known = ~np.isnan(outcome) & (outcome > 0)
    if known.sum() < LEAST_DRAWS:
        return []
    log = np.log(outcome[known])
    shares = {n: sum(_squared_correlation(s[known], log) for s in scores) for n, scores in draws.scores.items()}
    total = sum(shares.values())
    noise = 10.0 / draws.count
    ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    return [
        {"of": of, "input": name, "share": share / total}
        for name, share in ranked
        if total > 0 and share > noise and share / total >= 0.005
    ]


def _squared_correlation(a: Any, b: Any) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float((a @ a) * (b @ b))
    return float(a @ b) ** 2 / scale if scale > 0 else 0.0


def _warnings(result: Result, draws: Draws, vary: list[Input], told: Container[str]) -> list[Warning_]:
    out = []
    unused = [i.name for i in vary if i.name not in draws.inputs]
    out += [Warning_("vary-unused", f"{name} varies but changes nothing that was asked") for name in unused]
    lacking: dict[tuple[int, str], list[str]] = {}
    for name in draws.values:
        if (count := draws.lacking(name)) and name in result.quantities and name in told:
            lacking.setdefault((count, draws.reasons.get(name, "the run does not end there")), []).append(name)
    for (count, reason), names in lacking.items():
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        out.append(
            Warning_(
                "draws-without-value",
                f"{count / draws.count:.1%} of {draws.count:,} draws have no {shown} ({reason[:200]}); they count as "
                "beyond all others in the percentiles",
            )
        )
    return out


def write_samples(path: Path, draws: Draws, shown: list[str] | None = None) -> None:
    """The draws as CSV, or as Parquet where the name ends so: a row a draw.

    The uncertain inputs come first, then every quantity of the answer that moves.
    """
    inputs = [n for n in draws.inputs if n in draws.values or draws.inputs[n].kind == "names"]
    asked = [n for n in (TRAIN if shown is None else shown) if n in draws.values and n not in inputs]
    columns: dict[str, Any] = {"draw": range(1, draws.count + 1)}
    for name in inputs:
        source = draws.inputs[name]
        named = source.kind == "names"
        columns[name] = [source.names[i] for i in _picks(draws, source)] if named else draws.values[name]
    columns |= {name: draws.values[name] for name in asked}
    try:
        if path.suffix == ".parquet":
            _write_parquet(path, columns)
            return
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(zip(*map(_texts, columns.values()), strict=True))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None


def _write_parquet(path: Path, columns: dict[str, Any]) -> None:
    from importlib import import_module

    from aiplan.output.blocks import pyarrow

    arrow = pyarrow()
    table = arrow.table({name: arrow.array(values, from_pandas=True) for name, values in columns.items()})
    import_module("pyarrow.parquet").write_table(table, path)


def _picks(draws: Draws, source: Input) -> list[int]:
    from aiplan.whatif.arrays import hypercube

    return [int(i) for i in source.at(hypercube(draws.seed, source.name, draws.count))]


def _texts(values: Any) -> list[Any]:
    return (
        ["" if v != v else v for v in values.tolist()] if hasattr(values, "tolist") else [safe_cell(v) for v in values]
    )
