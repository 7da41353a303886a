"""The one fitted number of memory, and how the predictions do without it: each source predicted by the others alone.

What an old allocator reserves over what it gives out is fitted where a source measured it from outside (nvidia-smi);
all else that memory is predicted from was read. `python -m aiplan.memory_fit` prints both.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence

from aiplan.catalog import Catalog
from aiplan.measured_memory import RESERVED
from aiplan.residuals import Residual, Summary, summary
from aiplan.validate import Report, Scored, report, source_of


def reserve(scored: Iterable[Scored]) -> float:
    """The share reserved over what is allocated that puts the median group right.

    median over groups of the median of (measured - overhead) / (state + activations) - 1
    """
    shares: dict[str, list[float]] = defaultdict(list)
    for s in scored:
        overhead = s.answer.values["memory_overhead"]
        shares[s.residual.group].append((s.measured_cost - overhead) / _allocated(s) - 1.0)
    return statistics.median(statistics.median(values) for values in shares.values())


def held_out(scored: Sequence[Scored]) -> list[Residual]:
    """Residuals of rows that were measured from outside, each group with the reserve that the others give."""
    out = []
    for group in dict.fromkeys(s.residual.group for s in scored):
        share = reserve(s for s in scored if s.residual.group != group)
        out += [_residual(s, share) for s in scored if s.residual.group == group]
    return out


def without_the_source(found: Report) -> dict[str, Summary]:
    """The errors of each source with constants that owe nothing to its rows.

    Only one source's allocator is fitted to its rows; in its place stands what another source measured.
    """
    out: dict[str, list[Residual]] = defaultdict(list)
    for s in found.scored:
        fitted = s.answer.case.measure.overhead
        out[source_of(s.answer.row)].append(_residual(s, RESERVED) if fitted else s.residual)
    return {source: total for source, residuals in out.items() if (total := summary(residuals))}


def outside(found: Report) -> list[Scored]:
    """The rows whose memory the driver showed."""
    return [s for s in found.scored if s.answer.case.measure.overhead]


def _allocated(s: Scored) -> float:
    return float(s.answer.values["memory_per_accelerator"] - s.answer.values["memory_overhead"])


def _residual(s: Scored, share: float) -> Residual:
    predicted = _allocated(s) * (1.0 + share) + s.answer.values["memory_overhead"]
    return s.residual._replace(value=math.log(predicted / s.measured_cost))


def main() -> None:
    """Print the fitted reserve, its held-out error and the errors of each source without its own rows."""
    found = report("training-memory", None, Catalog())
    rows = outside(found)
    total = summary(held_out(rows))
    print(f"reserve of the allocator of 2022: {reserve(rows):.3f}")
    if total:
        print(f"held out by group: {total.median_abs_error:.1%} in the median of {total.rows} rows")
    for source, errors in without_the_source(found).items():
        print(f"{source} without its own rows: {errors.median_abs_error:.1%} ({errors.bias:+.1%}), {errors.rows} rows")


if __name__ == "__main__":
    main()
