"""From a solved plan to the answer: quantities with intervals, assumptions, warnings, sources, one sentence."""

from __future__ import annotations

from typing import Any

from aiplan import __version__, advice, units
from aiplan.plan import TRAIN, Plan
from aiplan.specs.question import Question
from aiplan.specs.result import Assumption, LawRow, LayoutRow, Result, Value, Warning_
from aiplan.whatif.uncertainty import Uncertainty, intervals


def answer(
    plan: Plan,
    *,
    ask: str = "train",
    asks: list[str] | None = None,
    name: str | None = None,
    layouts: list[LayoutRow] | None = None,
    pareto: list[LayoutRow] | None = None,
    bare: bool = False,
) -> Result:
    """The result of a plan: the contract's object, with everything that the reader needs to judge it.

    A `bare` one is without intervals, which take longer than the plan itself.
    """
    shown = asks if asks is not None else TRAIN
    sure = Uncertainty({}, "run_cost", []) if bare else intervals(plan)
    quantities: dict[str, Value] = {}
    for quantity in [*shown, *(n for n in plan.nodes if n not in shown)]:
        if quantity in plan.nodes:
            node = plan.nodes[quantity]
            p10, p90 = sure.bounds.get(quantity, (None, None))
            quantities[quantity] = Value(
                value=node.value,
                unit=node.unit,
                origin=node.origin,
                p10=p10,
                p50=node.value if p10 is not None else None,
                p90=p90,
                why_null=node.why_null,
            )
        else:
            from aiplan.graph import GRAPH

            reason = plan.unresolved.get(quantity, "it was not asked")
            quantities[quantity] = Value(value=None, unit=GRAPH[quantity].unit, origin="formula", why_null=reason)
    return Result(
        ask=ask,
        name=name,
        aiplan_version=__version__,
        headline=headline(plan) if ask == "train" else facts_line(plan, shown),
        quantities=quantities,
        choices=_choices(plan, _used(plan) if ask == "facts" else None),
        binding=plan.binding,
        assumptions=_assumptions(plan),
        warnings=[Warning_(code=code, message=text) for code, text in advice.warnings(plan)],
        layouts=layouts or [],
        pareto=pareto or [],
        laws=_laws(plan) if ask == "train" else [],
        drivers=[{"of": sure.of, **driver} for driver in sure.drivers],
        sources=sorted({node.source for node in plan.nodes.values() if node.source and node.origin != "search"}),
        inputs=dict(plan.question.typed),
    )


def unplanned(question: Question, names: list[str], name: str | None, why: str) -> Result:
    """The answer where a given layout cannot be built: every quantity without a value."""
    from aiplan.graph import GRAPH

    shown = dict.fromkeys([*TRAIN, *names])
    return Result(
        ask=question.ask,
        name=name,
        aiplan_version=__version__,
        headline=f"Impossible as asked: {why}.",
        quantities={n: Value(None, GRAPH[n].unit, "formula", why_null=why) for n in shown},
        choices={},
        binding=[f"layout: {why.removeprefix('layout').lstrip(': ')}"],
        assumptions=[],
        warnings=[],
        sources=[],
        inputs=dict(question.typed),
    )


def facts_line(plan: Plan, asks: list[str]) -> str:
    """The facts asked, in one line."""
    known = [n for n in asks if n in plan.nodes]
    return ", ".join(f"{n} {units.show(plan.value(n), plan.nodes[n].unit, n)}" for n in known[:6]) + "."


def headline(plan: Plan) -> str:
    """The answer in one sentence."""

    def text(quantity: str) -> str | None:
        value = plan.value(quantity)
        return None if value is None else units.show(value, plan.nodes[quantity].unit, quantity)

    chip = plan.expanded.chosen["accelerator"]
    count, days = text("accelerators"), text("training_days")
    if not count or not days:
        why = plan.nodes["training_days"].why_null if "training_days" in plan.nodes else None
        return f"This plan has no duration: {why or 'it lacks an input'}."
    size, tokens = text("params"), text("tokens")
    article, work = ("a", "this") if plan.impossible else ("A", "This")
    what = plan.expanded.chosen.get("model") or (f"{article} model of {size} parameters" if size else f"{work} work")
    on = f" on {tokens} tokens" if tokens else ""
    start = "Impossible as asked: " if plan.impossible else ""
    out = f"{start}{what}{on} takes {count} {chip} for {days}"
    extras = [t for t in (text("facility_power"), text("run_cost") and f"{text('run_cost')} a run") if t]
    if text("capex"):
        extras.append(f"{text('capex')} to build")
    late = [n for n, bound in plan.assumed_limits.items() if (plan.value(n) or 0) > bound * (1 + 1e-6)]
    beyond = (
        f" No fleet trains it within the {units.show(plan.assumed_limits[late[0]], 'day')} that we assume."
        if late
        else ""
    )
    return f"{out}{': ' if extras else ''}{', '.join(extras)}.{beyond}"


def _used(plan: Plan) -> set[str]:
    """The choices that the plan's values rest on."""
    return plan.expanded.used(plan.nodes, (n.formula.rival for n in plan.nodes.values() if n.formula))


def _choices(plan: Plan, only: set[str] | None) -> dict[str, Any]:
    out: dict[str, Any] = {c: v for c, v in plan.expanded.chosen.items() if only is None or c in only}
    layout = {}
    for quantity in ("tp", "pp", "cp", "ep", "dp", "virtual_stages", "zero_stage", "micro_batch", "recompute"):
        value = plan.value(quantity)
        if value is not None:
            layout[quantity] = int(value)
    if layout:
        out["layout"] = layout
    return out


def _assumptions(plan: Plan) -> list[Assumption]:
    used = _used(plan)
    out = [
        Assumption(quantity=n, value=plan.expanded.chosen[n], unit="", source=reason)
        for n, reason in plan.expanded.assumed.items()
        if n in used
    ]
    out += [
        Assumption(
            quantity=n,
            value=v,
            unit="day",
            source="default limit, since neither a deadline nor accelerators were given",
        )
        for n, v in plan.assumed_limits.items()
    ]
    if plan.value("mfu") is not None and "flops_per_sample" not in plan.question.given:
        out.append(_mfu_convention(plan))
    for node in plan.nodes.values():
        if node.origin == "default":
            out.append(Assumption(quantity=node.name, value=node.value, unit=node.unit, source=node.source))
    return out


def _mfu_convention(plan: Plan) -> Assumption:
    """What the utilisation counts, and of which peak."""
    chosen, peak = plan.expanded.chosen, plan.value("peak_flops")
    kind = "sparse" if chosen["sparsity"] != "none" else "dense"
    of = f"of the {kind} {chosen['precision']} peak, {units.show(peak, 'FLOP/s')}"
    source = (
        "convention: model FLOPs of the forward and backward pass, causal attention counted half, nothing recomputed; "
        "hfu counts what is recomputed too (Chowdhery et al. 2022, Korthikanti et al. 2022)"
    )
    return Assumption(quantity="mfu", value=of, unit="", source=source)


def _laws(plan: Plan) -> list[LawRow]:
    """Every law's answer, where the user left tokens or size to a law."""
    from aiplan.quantities.scaling import LAWS, spread_across_laws

    given = plan.question.given
    if {"tokens", "loss", "flops_per_sample"} & set(given) or ("training_flops" in given and "params" in plan.given):
        return []
    size = plan.value("effective_params")
    flops = given.get("training_flops")
    if size is None and flops is None:
        return []
    share = (plan.value("active_params") or 1.0) / (plan.value("params") or 1.0)
    rows = spread_across_laws(
        params=None if flops else plan.value("params"), training_flops=flops, active_share=share, everything=True
    )
    used = plan.expanded.law.name
    shown = [row for row in rows if row[0] == used or not (LAWS[row[0]].doubtful or LAWS[row[0]].variant)]
    return [LawRow(law=law, params=n, tokens=d, training_flops=c) for law, n, d, c in shown]
