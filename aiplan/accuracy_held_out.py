"""The part of docs/accuracy.md that is held out: fits without the rows, rows that no fit used, layouts in order."""

from __future__ import annotations

import statistics
from typing import Any

from aiplan import measurements, yamlio
from aiplan.catalog import Catalog, data_root
from aiplan.output.validation import HEADINGS, cells, md_table
from aiplan.ranked import Ranking, rankings
from aiplan.validate import Report, Scored, report

INTRO = """\
## Held out

The constants of the step time were fitted {count} times to parts of the rows and asked for the others: whole
groups (a model on a chip) in five folds, then a whole family of chips, then everything that ran on one software
stack. This is what to expect of a case that we have not seen. There are {constants} fitted constants here,
in `calibration/shipped.yaml` with what we believed before the fit, and one more for memory; the beliefs and
the terms of the model were chosen with some of these rows in view, so the rows further below that no fit used
are the cleaner test."""
CAMPAIGNS = """\
Three of the constants say what published runs delivered of the predicted speed of their steps; the error is
that of the hours of runs of a team that was left out."""
UNSEEN = """\
### Rows that no fit used

MLPerf's pre-training runs state no layout, so ours is found by search and their precision is assumed
(measurements/README.md). The steps of one H100 in plain PyTorch were measured by us after the calibration; eager
code moves its activations more often than the fused software that the model knows."""
ORDER = """\
### Layouts in order

Rows that differ in nothing but their layout, four or more of a kind. *Regret* is how much slower the layout that
we would pick is than the best that was measured; *Spearman* the correlation of the two orders."""


def text(found: Report, catalog: Catalog) -> str:
    """The whole part; `found` is the report of training throughput."""
    record: dict[str, Any] = yamlio.load(data_root() / "calibration" / "shipped.yaml")
    held, campaigns = record["held_out"], record["campaigns"]
    constants = len(record["coefficients"]) + len(campaigns)
    lines = [INTRO.format(count=25 + sum(len(held[f"left_out_{k}"]) for k in ("family", "framework")),
                          constants=constants), ""]  # fmt: skip
    rows = [_scores(name.replace("_", " "), s) for name, s in held["grouped_5_fold"].items()]
    for kind, what in (("family", "chips"), ("framework", "software")):
        rows += [
            _scores(f"without the {what} {name.replace('_', ' ')}", s) for name, s in held[f"left_out_{kind}"].items()
        ]
    lines += [*md_table(("", "rows", "median", "mean", "p90", "bias"), rows), "", CAMPAIGNS, ""]
    eras = [
        (name.replace("_", " "), f"{c['rows']:.0f}", f"{c['groups']:.0f}", f"{c['value']:.2f}",
         f"{c['p10']:.2f} to {c['p90']:.2f}", f"{c['held_out_median']:.1%}")
        for name, c in campaigns.items() if "p10" in c
    ]  # fmt: skip
    lines += md_table(("runs", "rows", "teams", "efficiency", "p10 to p90", "median error"), eras)
    lines += ["", UNSEEN, "", *md_table(HEADINGS, _unseen(found, catalog))]
    lines += ["", ORDER, "", *md_table(("", "sets", "rows", "median regret", "median Spearman"), _order(found)), ""]
    return "\n".join(lines)


def _scores(name: str, s: dict[str, float]) -> tuple[str, ...]:
    return (name, f"{s['rows']:.0f}", *(f"{s[k]:.1%}" for k in ("median", "mean", "p90")), f"{s['bias']:+.1%}")


def _unseen(found: Report, catalog: Catalog) -> list[tuple[str, ...]]:
    def pretraining(s: Scored) -> bool:
        inputs = s.answer.row.inputs
        return "mlperf" in inputs.get("date", "").lower() and not s.answer.row.mark and not s.answer.case.adapters

    own = report("training-throughput", measurements.folder() / "our-h100-steps.csv", catalog)
    compiled = [s for s in own.scored if "compile" in s.answer.row.inputs.get("framework", "").lower()]
    eager = [s for s in own.scored if s not in compiled]
    return [
        cells("MLPerf, pre-training", [s for s in found.scored if pretraining(s)]),
        cells("one H100, torch.compile", [s for s in compiled if not s.answer.case.routed]),
        cells("one H100, eager", [s for s in eager if not s.answer.case.routed]),
        cells("one H100, with experts", [s for s in own.scored if s.answer.case.routed]),
    ]


def _order(found: Report) -> list[tuple[str, ...]]:
    sets: dict[str, list[Ranking]] = {}
    for ranking in rankings([s for s in found.scored if not s.answer.row.mark]):
        sets.setdefault(ranking.of.rpartition(", ")[2], []).append(ranking)
    return [
        (table, str(len(each)), str(sum(r.layouts for r in each)), f"{statistics.median(r.regret for r in each):.1%}",
         f"{statistics.median(r.spearman for r in each):.2f}")
        for table, each in sorted(sets.items(), key=lambda item: -len(item[1]))
    ]  # fmt: skip
