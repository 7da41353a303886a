"""Predictions held against measurements, row by row, through the same graph that plans.

A row's inputs become a case (its chip, precision, shape and layout pinned), the graph answers it, and only then is
the answer compared with what was measured. `report` puts errors, intervals, refusals and a flat rule side by side.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiplan.quantities  # noqa: F401  (fills the graph)
from aiplan.calibration import campaign, era_of
from aiplan.catalog import Catalog
from aiplan.choices import GLOBAL_RECOVERY_LIMIT, expand
from aiplan.errors import UserError
from aiplan.graph import GRAPH, GraphError, Order
from aiplan.measured_chips import Refused
from aiplan.measured_shapes import Case, case_of
from aiplan.measurements import GIB, KINDS, Row, number_of, read_with_kind, shipped
from aiplan.quantities.flops import full_tuning_flops, lora_tuning_flops, megatron_flops_per_step
from aiplan.residuals import FlatRule, Regime, Residual, ResidualQuantiles, flat_rule, residual_quantiles
from aiplan.specs.question import Question

PLANNED = ("training-throughput", "training-runs", "training-memory")
UNITS = {"training-throughput": "token/s per chip", "training-runs": "chip-hour", "training-memory": "B per chip"}

# Adapters of rank 16 on all attention matrices, as a share of the parameters (Llama 2 70B in MLPerf: 0.06%).
ADAPTER_SHARE = 6e-4
# A family of chips without any row: leaving a family out makes errors about twice as large.
UNSEEN = 2.0
ASKS = {
    "training-throughput": ("step_time", "batch_tokens"),
    "training-runs": ("accelerator_hours",),
    "training-memory": ("memory_per_accelerator",),
}
BESIDE = (
    "batch_tokens flops_per_token hardware_flops_per_token attention_flops_per_token matmul_params unembedding_params "
    "training_flops peak_flops accelerator_memory memory_overhead"
).split()


@dataclass(slots=True)
class Answer:
    """What the graph says of a row: the predicted cost (time per token per chip, hours or bytes) and its context.

    `bounds` is the interval of the cost that 80% of rows of its regime fall into.
    """

    kind: str
    row: Row
    case: Case
    cost: float
    values: dict[str, Any]
    bounds: tuple[float, float] | None = None

    @property
    def value(self) -> float:
        """The prediction in the kind's own unit."""
        return self.as_value(self.cost)

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """(p10, p90) in the kind's own unit."""
        if self.bounds is None:
            return None, None
        low, high = sorted(self.as_value(bound) for bound in self.bounds)
        return low, high

    def as_value(self, cost: float) -> float:
        """A cost in the kind's own unit: throughput is what a time per token is the inverse of."""
        return 1 / cost if self.kind == "training-throughput" else cost


@dataclass(slots=True)
class Scored:
    """An answer beside what was measured.

    `derived` where the measurement is a rate of FLOPs, not of tokens; `inside` whether it lies in the interval;
    `flat` is the residual of a flat rule.
    """

    answer: Answer
    residual: Residual
    measured_cost: float
    derived: bool
    inside: bool | None = None
    flat: Residual | None = None

    @property
    def measured_value(self) -> float:
        """The measurement in the kind's own unit."""
        return self.answer.as_value(self.measured_cost)


@dataclass(slots=True)
class Report:
    """Everything that `aiplan validate` says of one table."""

    kind: str
    rows: int
    answers: list[Answer] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)
    derived: list[Scored] = field(default_factory=list)
    quantiles: ResidualQuantiles | None = None


class Predictor:
    """Answers rows of one kind through the graph; orders and expansions are kept, since most rows share them."""

    def __init__(self, kind: str, catalog: Catalog) -> None:
        self.kind, self.catalog = kind, catalog
        self._expanded: dict[tuple[str, str, str], tuple[dict[str, float | None], dict[str, str], frozenset[str]]] = {}
        self._orders: dict[tuple[frozenset[str], frozenset[str]], Order] = {}

    def answer(self, row: Row, *, campaign_efficiency: float | None = None) -> Answer:
        """The predicted cost of a row; of a whole run with the efficiency that is given, else with the usual one.

        Raises Refused where it cannot be had, with the reason.
        """
        case = case_of(row.inputs, self.catalog)
        if self.kind == "training-runs":
            _whole_run(row, case)
            usual = campaign(era_of(row.inputs.get("date", "")), layout_given="layout" not in case.assumed).value
            case.given["campaign_efficiency"] = campaign_efficiency or usual or 1.0
        elif self.kind == "training-memory":
            case.given |= case.held
        values, why = self._resolve(case)
        asked = ASKS[self.kind][0]
        cost = values.get(asked)
        if cost is None or not math.isfinite(cost) or cost <= 0:
            raise Refused(why.get(asked) or f"{asked} came out as {cost}")
        if self.kind == "training-throughput":
            cost = cost * case.accelerators / values["batch_tokens"]
            if case.adapters:
                cost *= adapter_share(values)
        elif self.kind == "training-memory":
            cost = case.measure.of(cost, values["memory_overhead"])
        return Answer(self.kind, row, case, cost, values)

    def _resolve(self, case: Case) -> tuple[dict[str, Any], dict[str, str]]:
        base, nulls, rivals = self._choices(case)
        given = {**base, **case.given}
        if case.adapters:
            given |= {"bytes_per_gradient": 0.0, "bytes_per_optimizer_state": 0.0}
        chosen = rivals | {"shaped"} | ({"invented"} if case.invented else set())
        key = (frozenset(given), frozenset(chosen))
        if key not in self._orders:
            try:
                self._orders[key] = GRAPH.order(ASKS[self.kind], given, chosen, optional=BESIDE)
            except GraphError as error:
                raise Refused(str(error)) from None
        return self._orders[key].evaluate(given, {n: w for n, w in nulls.items() if given.get(n) is None})

    def _choices(self, case: Case) -> tuple[dict[str, float | None], dict[str, str], frozenset[str]]:
        recovery = "global" if case.accelerators < GLOBAL_RECOVERY_LIMIT else "elastic"
        key = (case.chip, case.precision, recovery)
        if key not in self._expanded:
            picked = {"accelerator": case.chip, "precision": case.precision, "recovery": recovery}
            try:
                expanded = expand(Question(choices=picked), self.catalog)
            except UserError as error:
                raise Refused(str(error)) from None
            values = {name: g.value for name, g in expanded.given.items()}
            nulls = {n: g.why_null or f"{n} is unknown" for n, g in expanded.given.items() if g.value is None}
            self._expanded[key] = (values, nulls, frozenset(expanded.rivals))
        return self._expanded[key]


def adapter_share(values: Mapping[str, Any]) -> float:
    """Work of tuning adapters of a frozen model over that of training it whole.

    The matrices need no gradients of their weights, attention's scores need all of theirs.
    """
    weights = values["matmul_params"] + values["unembedding_params"]
    attention = 3 * (values.get("attention_flops_per_token") or 0.0)
    tuned = lora_tuning_flops(weights, 1.0, ADAPTER_SHARE * weights) + attention
    return float(tuned / (full_tuning_flops(weights, 1.0) + attention))


def _whole_run(row: Row, case: Case) -> None:
    """Tokens of a run, or where they are not stated its published FLOPs."""
    flops = number_of(row.inputs.get("flops_published", ""))
    if "tokens" in case.given:
        return
    if not flops:
        raise Refused("training_tokens is blank, and so is flops_published")
    case.given["training_flops"] = flops
    case.assumed["tokens"] = "blank: the published FLOPs of the run stand in"


# -- what was measured ---------------------------------------------------------------------------------------------


def measured(kind: str, answer: Answer) -> tuple[float, bool] | None:
    """The measured cost of a row, and whether it was derived from a rate of FLOPs; None where there is none."""
    out = answer.row.outcomes
    if kind == "training-memory":
        memory = out.get("memory_gib_per_chip")
        return (memory * GIB, False) if memory else None
    if kind == "training-runs":
        hours, days = out.get("chip_hours"), out.get("wall_days")
        if hours:
            return hours, False
        return (days * 24 * answer.case.accelerators, True) if days else None
    rate, step = out.get("tokens_per_s_per_chip"), out.get("step_time_s")
    if rate:
        return 1 / rate, False
    batch = answer.case.given.get("batch_tokens")
    if step and batch:
        return step * answer.case.accelerators / batch, False
    flops = _flops_rate(answer)
    return (1 / flops, True) if flops else None


def _flops_rate(answer: Answer) -> float | None:
    """Tokens per second per chip behind a published rate of FLOPs, by the convention of its source."""
    out, given = answer.row.outcomes, answer.case.given
    known = (answer.values.get(n) for n in ("peak_flops", "flops_per_token", "hardware_flops_per_token"))
    peak, model, executed = (float(value) if value else 0.0 for value in known)
    framework = answer.row.inputs.get("framework", "").lower()
    megatron = ("megatron" in framework or "deepspeed" in framework) and not answer.case.routed
    if out.get("model_tflops_per_s_per_chip"):
        rate, work = out["model_tflops_per_s_per_chip"] * 1e12, model
    elif out.get("hfu_pct") and megatron and {"layers", "d_model", "vocab"} <= given.keys():
        step = megatron_flops_per_step(1.0, given["seq_len"], given["layers"], given["d_model"], given["vocab"])
        rate, work = out["hfu_pct"] / 100 * peak, step / given["seq_len"]
    elif out.get("mfu_pct") and not (out.get("hfu_pct") and megatron):
        rate, work = out["mfu_pct"] / 100 * peak, model
    else:
        rate, work = out.get("hfu_pct", 0.0) / 100 * peak, executed
    return rate / work if rate > 0 and work > 0 else None


# -- the report ----------------------------------------------------------------------------------------------------


def group_of(answer: Answer) -> str:
    """The model on the chip: rows of one group repeat each other."""
    return f"{answer.case.model} | {answer.case.chip}"


def regimes_of(kind: str, answer: Answer, catalog: Catalog) -> tuple[Regime, ...]:
    """From the narrowest regime whose errors are alike to the widest."""
    case = answer.case
    work = "adapters" if case.adapters else "experts" if case.routed else "dense"
    family = _family(answer, catalog)
    width = width_of(case)
    layout = "layout searched" if "layout" in case.assumed else "layout given"
    active = case.given.get("active_params", case.given["params"])
    size = "below 3B active" if active < 3e9 else "3B to 30B active" if active < 30e9 else "above 30B active"
    return (
        (kind, work, layout, case.stack, width, family, size),
        (kind, work, layout, case.stack, width, family),
        (kind, work, layout, case.stack, width),
        (kind, work, layout, case.stack),
        (kind, work, layout),
        (kind, work),
        (kind,),
    )


def _family(answer: Answer, catalog: Catalog) -> str:
    spec = catalog.find("accelerator", answer.case.chip)
    return spec.family or spec.id


def width_of(case: Case) -> str:
    """The precision class that errors are shown by."""
    if case.precision in ("fp8", "fp4", "int8"):
        return case.precision
    return "32-bit" if "32" in case.precision else "16-bit"


def source_of(row: Row) -> str:
    """A short name of where a row was published.

    >>> source_of(Row("x", "t", {}, {}, {"source": "github:mosaicml/llm-foundry@8c8dd48:README.md"}))
    'mosaicml/llm-foundry'
    """
    if "mlperf" in row.inputs.get("date", "").lower():
        return "MLPerf logs"
    source = row.about.get("source") or row.about.get("sources", "").partition(";")[0]
    known = re.search(r"github:([^@:\s]+)|(arXiv:\d+\.\d+)|https?://([^/\s]+)", source)
    if known:
        return next(part for part in known.groups() if part)
    return source.partition(" (")[0][:40] or row.inputs.get("framework", "") or "unstated"


def _flat_whole(kind: str, answer: Answer) -> float | None:
    """What a flat rule divides: the memory, or the seconds (or hours) that the work takes at the peak."""
    names = {
        "training-memory": ("accelerator_memory", None, 1.0),
        "training-runs": ("training_flops", "peak_flops", 3600.0),
        "training-throughput": ("flops_per_token", "peak_flops", 1.0),
    }
    name, over, scale = names[kind]
    whole, rate = answer.values.get(name), answer.values.get(over) if over else 1.0
    return float(whole) / float(rate) / scale if whole and rate else None


def answers_of(kind: str, rows: Iterable[Row], catalog: Catalog) -> tuple[list[Answer], list[tuple[str, str]]]:
    """The answers of all rows that can be predicted, and (id, why) of the others."""
    predictor = Predictor(kind, catalog)
    answers, refused = [], []
    for row in rows:
        try:
            answers.append(predictor.answer(row))
        except Refused as no:
            refused.append((row.id, str(no)))
        except (ArithmeticError, ValueError, IndexError) as error:
            refused.append((row.id, f"its numbers are beyond what can be computed ({error})"))
    return answers, refused


def _log_ratio(predicted: float, measured: float) -> float:
    """ln(predicted / measured), within +-50, which no measurement is off by but a slip of the pen may be."""
    return min(max(math.log(predicted) - math.log(measured), -50.0), 50.0)


def scored_of(kind: str, answers: Iterable[Answer], catalog: Catalog) -> list[Scored]:
    """The answers that a measurement stands beside."""
    out = []
    for answer in answers:
        found = measured(kind, answer)
        if found and found[0] > 0:
            residual = Residual(group_of(answer), regimes_of(kind, answer, catalog), _log_ratio(answer.cost, found[0]))
            out.append(Scored(answer, residual, *found))
    return out


def report(kind: str | None = None, data: Path | None = None, catalog: Catalog | None = None) -> Report:
    """Predict every row of a table (the shipped ones where none is given) and score those with an outcome.

    Raises UserError for an unknown kind or a file that is no table of measurements.
    """
    from aiplan.errors import nearest

    catalog = catalog or Catalog()
    if kind is not None and kind not in KINDS:
        raise UserError(f"--kind {kind!r} is not one of {', '.join(KINDS)}{nearest(kind, KINDS, most=1)}")
    if data is not None:
        kind, rows = read_with_kind(data, kind)
    else:
        kind = kind or "training-throughput"
        if kind not in PLANNED:
            raise UserError(f"--kind {kind} has no shipped table and is not planned yet; give --data FILE")
        rows = shipped(kind)
    if kind not in PLANNED:
        return Report(kind, len(rows), refused=[(row.id, f"{kind} is not planned yet") for row in rows])
    answers, refused = answers_of(kind, rows, catalog)
    scored = scored_of(kind, answers, catalog)
    known = scored if data is None else scored_of(kind, answers_of(kind, shipped(kind), catalog)[0], catalog)
    out = Report(kind, len(rows), answers, refused)
    out.quantiles = _judge(kind, answers, scored, [s for s in known if not s.derived], catalog)
    for s in scored:
        (out.derived if s.derived else out.scored).append(s)
    return out


def _judge(
    kind: str, answers: list[Answer], scored: list[Scored], known: list[Scored], catalog: Catalog
) -> ResidualQuantiles:
    """Give each answer its interval and each scored row its flat rule, learned from the other groups of `known`."""
    quantiles = residual_quantiles(s.residual for s in known)
    seen: dict[str, set[str]] = {}
    for s in known:
        seen.setdefault(_family(s.answer, catalog), set()).add(s.residual.group)
    for answer in answers:
        group, regimes = group_of(answer), regimes_of(kind, answer, catalog)
        strange = not seen.get(_family(answer, catalog), set()) - {group}
        answer.bounds = _bounds(answer, quantiles.at(regimes, group), UNSEEN if strange else 1.0)
    rule = flat_rule(_flat_known(kind, known))
    for s in scored:
        s.flat = _flat_residual(kind, s, rule)
        if s.answer.bounds:
            s.inside = s.answer.bounds[0] <= s.measured_cost <= s.answer.bounds[1]
    return quantiles


def _bounds(answer: Answer, found: tuple[float, float] | None, stretch: float) -> tuple[float, float] | None:
    """The interval of the cost that 80% of held-out rows of its regime fall into; the prediction is always in it."""
    if found is None:
        return None
    low, high = answer.cost * math.exp(-stretch * found[1]), answer.cost * math.exp(-stretch * found[0])
    return min(low, answer.cost), max(high, answer.cost)


def _flat_known(kind: str, scored: Iterable[Scored]) -> list[tuple[str, str, float]]:
    """The cost of each row over the whole: for time it is 1 / MFU, for memory the share that is filled."""
    out = []
    for s in scored:
        whole = _flat_whole(kind, s.answer)
        if whole:
            out.append((s.residual.group, width_of(s.answer.case), s.measured_cost / whole))
    return out


def _flat_residual(kind: str, scored: Scored, rule: FlatRule) -> Residual | None:
    number, whole = rule.at(scored.residual.group, width_of(scored.answer.case)), _flat_whole(kind, scored.answer)
    if not number or not whole or number * whole <= 0:
        return None
    return scored.residual._replace(value=_log_ratio(number * whole, scored.measured_cost))
