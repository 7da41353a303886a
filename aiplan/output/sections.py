"""Which quantities a person is shown, in which order, under which heading."""

from __future__ import annotations

from aiplan import units
from aiplan.specs.result import YES_OR_NO, Result, Value

SECTIONS: dict[str, str] = {
    "Model and data": "params active_params tokens tokens_per_param data_bytes epochs loss training_flops",
    "Hardware": "accelerators memory_per_accelerator usable_memory fits hbm_total checkpoint_bytes",
    "Time": "batch_tokens step_time mfu hfu mtbf goodput campaign_efficiency training_days accelerator_hours",
    "Power and planet": "it_power facility_power average_power energy sites carbon water",
    "Money": "cluster_capex building_capex capex amortized_cost rental_cost electricity_cost staff_cost data_cost "
    "run_cost flops_per_usd",
    "Documents": "document_words tokens_per_word document_tokens answer_tokens price_per_input_token "
    "price_per_output_token input_cost output_cost cost context_window context_share fits_context reading_speed "
    "reading_time answer_time",
}


def sections(result: Result, *, everything: bool = False) -> list[tuple[str, list[tuple[str, Value]]]]:
    """Headings with the quantities under them; with `everything`, the rest under a last heading."""
    out: list[tuple[str, list[tuple[str, Value]]]] = []
    seen: set[str] = set()
    for heading, names in SECTIONS.items():
        rows = [(n, result.quantities[n]) for n in names.split() if n in result.quantities]
        seen.update(n for n, _ in rows)
        rows = [(n, v) for n, v in rows if v.value is not None or everything or _worth_a_null(n)]
        if rows:
            out.append((heading, rows))
    if everything or result.ask == "facts":
        told = {*result.inputs, *(check.text.split()[0].partition(".")[0] for check in result.checks)}
        rest = [(n, v) for n, v in result.quantities.items() if n not in seen and (everything or n in told)]
        if rest:
            out.append(("Everything else" if out else "Facts", rest))
    return out


def _worth_a_null(name: str) -> bool:
    """Answers whose absence a reader must see."""
    return name in ("loss", "fits", "training_days", "capex", "run_cost", "facility_power")


def value_text(name: str, value: Value) -> str:
    """A value for people; yes or no where it is that."""
    if value.value is None:
        return "unknown"
    if name in YES_OR_NO:
        return {1.0: "yes", 0.0: "no"}.get(value.value, f"in {value.value:.1%} of draws")
    return units.show(value.value, value.unit, name)


def range_text(name: str, value: Value) -> str:
    """The 80% interval for people, or nothing; a unit that both ends share is said once."""
    if value.p10 is None or value.p90 is None:
        return ""
    low, high = (units.show(end, value.unit, name) for end in (value.p10, value.p90))
    number, _, unit = low.partition(" ")
    return f"{number} to {high}" if unit and high.endswith(f" {unit}") else f"{low} to {high}"


def draws_text(result: Result) -> str | None:
    """How the percentiles were drawn, where they were."""
    count = result.inputs.get("draws")
    if not count:
        return None
    varied = [f"{n.removeprefix('vary.')} {v}" for n, v in result.inputs.items() if n.startswith("vary.")]
    of = f"{', '.join(varied)}, and of" if varied else "of"
    searched = ", the layout searched at each" if result.inputs.get("search_each_draw") else ""
    return f"{count:,} draws{searched}, seed {result.inputs['seed']}, {of} every default and fact that has an interval"


def label_text(name: str, value: Value) -> str:
    """The name, with the origin of a value that no formula and no measurement made."""
    return name if value.origin in ("formula", "measured") else f"{name} ({value.origin})"


def grouped(result: Result) -> list[str]:
    """Assumptions for people: those that rest on one source are said together."""
    by_source: dict[str, list[str]] = {}
    for a in result.assumptions:
        shown = a.value if isinstance(a.value, str) else units.show(a.value, a.unit, a.quantity)
        by_source.setdefault(a.source, []).append(f"{a.quantity} {shown}")
    return [f"{', '.join(names)}: {source}" for source, names in by_source.items()]


def reasons(result: Result) -> list[tuple[str, str]]:
    """Shown nulls with their reasons; one reason is given once, with all the quantities that it leaves empty."""
    by_reason: dict[str, list[str]] = {}
    for names in SECTIONS.values():
        for name in names.split():
            value = result.quantities.get(name)
            if value is not None and value.value is None and value.why_null:
                by_reason.setdefault(value.why_null, []).append(name)
    return [(", ".join(names), reason) for reason, names in by_reason.items()]
