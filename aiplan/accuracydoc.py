"""docs/accuracy.md, made from the shipped measurements. `python -m aiplan.accuracydoc` writes it anew."""

from __future__ import annotations

from pathlib import Path

from aiplan import memory_fit
from aiplan.catalog import Catalog, data_root
from aiplan.measurements import marks
from aiplan.output.validation import (
    HEADINGS,
    Cut,
    cells,
    coverage,
    cuts,
    groups_of,
    headline,
    md_table,
    reasons,
    rows_of,
    total_rows,
)
from aiplan.residuals import quantile, summary
from aiplan.validate import PLANNED, Report, report, source_of

TITLES = {
    "training-throughput": "Time per token",
    "training-runs": "Chip-hours of whole runs",
    "training-memory": "Memory per chip",
}
# How each kind is cut here; `aiplan validate` shows all cuts.
CUTS = {
    "training-throughput": ("work", "table", "source", "chip", "precision", "scale", "layout", "software"),
    "training-runs": ("hours", "work", "chip", "scale"),
    "training-memory": ("work", "source", "chip", "scale"),
}
INTRO = """\
# How far off the predictions are

Written by `python -m aiplan.accuracydoc` from the tables in `measurements/`; `aiplan validate` prints the
same for them or for your own table (`--data FILE`).

Every row is predicted from what its source says of the model, the chips, the precision, the layout and the
batch, and only then compared. An error is predicted / measured - 1: of the time per token per chip, of
chip-hours, of bytes per chip. *Median*, *mean* and *p90* are of its size, *bias* is its median with sign
(above 0: predicted too slow, too long or too large). *Groups* are models on a chip; rows of one group repeat
each other, so few groups mean little evidence however many rows they have. *Flat rule* is the median error of
one number for all chips of a precision class, taken from the other groups: the MFU, for memory the share that
is filled. *In 80%* is how many measurements lie between our p10 and p90, which are learned from the errors of
the other groups.
"""
READING = """\
## How to read this

- Not held out: the speeds of chips in the catalogue and constants of formulas come in part from the same
  publications, so these errors are those of a model that has seen the rows. Only the intervals and the flat
  rule never use a row's own group.
- Vendor tables (Megatron-Bridge, TPU recipes) are best results of short tuned runs. A prediction that matches
  them is optimistic for an ordinary run.
- Time per token is of a working step. Failures, restarts, evaluation and ramp-up are in the chip-hours, not
  here.
- Single rows of a chip or a source say nothing of the next row; look at groups first.
- A prediction for a chip family without any row gets an interval twice as wide (in logarithms) as its
  regime's.
- Of expert models the measured times are with balanced routing; real routing is slower.
- Rows with a mark (below) are counted in *all*; the second line leaves them out.
"""


def text(catalog: Catalog | None = None) -> str:
    """The whole page."""
    catalog = catalog or Catalog()
    parts = [INTRO, READING]
    for kind in PLANNED:
        parts.append(section(report(kind, None, catalog)))
    parts.append(_marks())
    return "\n".join(parts)


def section(found: Report) -> str:
    """One kind: the sentence, the totals, the cuts, the worst groups, the refusals."""
    lines = [f"## {TITLES[found.kind]}", "", f"{headline(found)}", "", *md_table(HEADINGS, total_rows(found))]
    for cut in cuts(found):
        if cut[0] in CUTS[found.kind]:
            lines += ["", f"### By {cut[0]}", "", *md_table(HEADINGS, rows_of(found, cut))]
    if found.derived:
        by_source: Cut = ("source", lambda s: source_of(s.answer.row))
        rows = [cells(name, scored) for name, scored in groups_of(found.derived, by_source)]
        lines += ["", "### Rows that state only a rate of FLOPs or days, by source", "", *md_table(HEADINGS, rows)]
    if found.kind == "training-memory":
        lines += ["", "### By source, without its own rows", "", FITTED_MEMORY, "", *_without_the_source(found)]
    lines += ["", _intervals(found), ""]
    lines += [f"### The {WORST} groups that are furthest off", "", *md_table(HEADINGS, _worst(found))]
    if found.refused:
        lines += ["", f"### Refused: {len(found.refused)} of {found.rows} rows", ""]
        lines += [f"- {why} ({len(names)}: {_some(names)})" for why, names in reasons(found)]
    return "\n".join([*lines, ""])


WORST = 10
FITTED_MEMORY = """\
What is held is counted, not fitted. One number is: what the allocator of 2022 reserved, since the BLOOM rows
are from nvidia-smi. Here the reserve that Megatron-LM showed on B200 stands in for it. What else a stack does
differently was read in its source, but with its rows in view: a stack that nobody has read can be off by as
much as the copies of gradients and logits that it keeps."""


def _without_the_source(found: Report) -> list[str]:
    """The errors of each source with no constant from its own rows, and those of the fitted one held out by group."""
    totals = memory_fit.without_the_source(found)
    held = summary(memory_fit.held_out(memory_fit.outside(found)))
    if held:
        totals["bigscience-workshop/bigscience, its groups left out in turn"] = held
    rows = [
        (name, str(t.rows), str(t.groups), f"{t.median_abs_error:.1%}", f"{t.mean_abs_error:.1%}",
         f"{t.p90_abs_error:.1%}", f"{t.bias:+.1%}")
        for name, t in totals.items()
    ]  # fmt: skip
    return md_table(HEADINGS[:7], rows)


def _worst(found: Report) -> list[tuple[str, ...]]:
    groups = groups_of(found.scored, ("group", lambda s: s.residual.group.replace(" | ", " on ")))
    rows = [(quantile([abs(s.residual.value) for s in scored], 0.5), name, scored) for name, scored in groups]
    return [cells(name, scored) for _, name, scored in sorted(rows, key=lambda r: (-r[0], r[1]))[:WORST]]


def _intervals(found: Report) -> str:
    """How many measurements the intervals hold, and how wide they are."""
    share = coverage(found.scored)
    widths = [bounds[1] / bounds[0] for a in found.answers if (bounds := a.bounds)]
    if share is None or not widths:
        return "No interval could be learned."
    return (
        f"The intervals from p10 to p90 hold {share:.0%} of the measurements; p90 is {quantile(widths, 0.5):.2f} times "
        f"p10 in the median."
    )


def _some(names: list[str], *, most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _marks() -> str:
    by_reason: dict[str, list[str]] = {}
    for row, why in marks().items():
        by_reason.setdefault(why, []).append(row)
    lines = ["## Marked rows", ""]
    lines += [f"- {', '.join(rows)}: {why}." for why, rows in by_reason.items()]
    return "\n".join([*lines, ""])


def path() -> Path:
    """Where the page is kept."""
    return data_root() / "docs" / "accuracy.md"


if __name__ == "__main__":
    path().write_text(text(), "utf-8")
    print(path())
