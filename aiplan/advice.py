"""The warnings that a planner owes: what lies outside the evidence, what does not exist, what the law demands."""

from __future__ import annotations

import math
from dataclasses import dataclass

from aiplan import evidence, units
from aiplan.graph import GRAPH, NoValue
from aiplan.plan import Plan
from aiplan.quantities import scaling


@dataclass(frozen=True, slots=True)
class Threshold:
    """A regulatory threshold on training compute [FLOP], with its status on a date."""

    code: str
    flops: float
    text: str


THRESHOLDS = (
    Threshold(
        "threshold-eu-gpai",
        1e23,
        "EU AI Act, guidelines of 2025-07-18: above 1e23 FLOP a model that generates text, images or video counts as "
        "general-purpose AI; provider duties in force since 2025-08-02",
    ),
    Threshold(
        "threshold-eu-systemic-risk",
        1e25,
        "EU AI Act, Art. 51: above 1e25 FLOP systemic risk is presumed; the Commission must be told within two weeks; "
        "in force since 2025-08-02",
    ),
    Threshold(
        "threshold-ca-sb53",
        1e26,
        "California SB 53, signed 2025-09-29: a frontier model above 1e26 FLOP, fine-tuning included; further duties "
        "above $500M of yearly revenue",
    ),
    Threshold(
        "threshold-ny-raise",
        1e26,
        "New York RAISE Act, signed 2025-12-19, aligned with SB 53 by chapter amendments: check the text in force",
    ),
    Threshold(
        "threshold-us-eo14110",
        1e26,
        "US Executive Order 14110 asked for a report above 1e26 FLOP; it was revoked on 2025-01-20 and no longer holds",
    ),
)

YEAR = 31557600.0  # s
DATA_MOVEMENT_WALL = 2e28  # FLOP in about three months, Erdil and Schneider-Joseph 2024 (Epoch AI)
FEWEST_TOKENS = 250.0  # per accelerator and step; Llama 3 405B trained with 977
LATENCY_WALL = 2e31  # FLOP, same source


def warnings(plan: Plan) -> list[tuple[str, str]]:
    """Code and text of each warning that a plan earns."""
    out: list[tuple[str, str]] = []
    for rule in (_evidence, _text, _walls, _reliability, _sites, _regulation, _prices, _pins):
        out += rule(plan)
    return out


def _evidence(plan: Plan) -> list[tuple[str, str]]:
    out = []
    if plan.expanded.rumour:
        out.append(("rumour", f"{plan.expanded.rumour} is described from rumours, not from its makers"))
    of = "params" if plan.expanded.law.form in scaling.OF_ALL_PARAMS else "effective_params"
    size, tokens = plan.value(of), plan.value("tokens")
    decided = any(
        node.formula and node.formula.rival == plan.expanded.law.form
        for node in (plan.nodes.get(n) for n in ("tokens", "params", "training_flops", "loss"))
        if node and node.value is not None
    )
    if decided and size and tokens:
        reason = scaling.in_range(plan.expanded.law, size, tokens)
        if reason:
            out.append(("beyond-fit-range", reason))
    near = evidence.of_plan(plan)
    if near and near[0].distance > evidence.FAR:
        out.append(("far-from-evidence", f"{evidence.note(near)} The interval of its step time is twice as wide"))
    reached = plan.value("mfu")
    if reached is not None and reached > 1:
        out.append(("beyond-peak", f"this plan computes {reached:.1f} times as fast as the peak of its accelerators"))
    for name in ("reference_mfu", "sustained_share"):
        node = plan.nodes.get(name)
        if "mfu" not in plan.question.given and node and (node.origin == "default" or "no run of" in node.source):
            out.append(("mfu-unmeasured", f"{node.source}; the interval of days and cost is wide for that reason"))
    return out


def _text(plan: Plan) -> list[tuple[str, str]]:
    tokens, stock, epochs = plan.value("tokens"), plan.value("text_stock"), plan.value("epochs")
    if not tokens or not stock or tokens <= stock:
        return []
    strength = ""
    if epochs and epochs > 40:
        strength = "; beyond 40 repetitions no measurement says what happens"
    elif epochs and epochs > 16:
        strength = "; beyond 16 repetitions most of the gain is gone"
    elif epochs and epochs > 4:
        strength = "; beyond 4 repetitions each one teaches less"
    have = units.show(tokens, "token", "tokens")
    return [
        (
            "scarce-text",
            f"{have} are {tokens / stock:.1f} times the public human text there is, "
            f"{units.show(stock, 'token')} (90% interval 100T to 1000T){strength}",
        )
    ]


def _walls(plan: Plan) -> list[tuple[str, str]]:
    flops, out = plan.value("training_flops"), []
    if flops and flops > LATENCY_WALL:
        out.append(
            ("latency-wall", f"{flops:.2g} FLOP is beyond the latency wall of about 2e31 FLOP for a three-month run")
        )
    elif flops and flops > DATA_MOVEMENT_WALL:
        out.append(
            (
                "data-movement-wall",
                f"{flops:.2g} FLOP is beyond about 2e28 FLOP, where moving data between accelerators begins to cost "
                "a three-month run its utilisation",
            )
        )
    fed = (plan.value("batch_tokens") or 0) / (plan.value("accelerators") or 1)
    if 0 < fed < FEWEST_TOKENS and plan.value("accelerators") > 1 and not plan.question.given.get("mfu"):
        out.append(
            (
                "mfu-extrapolated",
                f"a batch of {units.show(plan.value('batch_tokens'), 'token')} tokens leaves {fed:.2g} for each "
                "accelerator and step; the fewest in a large published run are about 1,000, so the utilisation here is "
                "extrapolated",
            )
        )
    sequences = (plan.value("batch_tokens") or 0) / (plan.value("seq_len") or 1)
    dp, micro = plan.value("dp"), plan.value("micro_batch")
    if sequences and dp and micro and dp > 1 and dp * micro > sequences * 1.001:
        out.append(
            (
                "batch-too-small",
                f"a batch of {sequences:,.0f} sequences cannot feed {dp:,.0f} replicas: some accelerators would idle",
            )
        )
    return out


def _reliability(plan: Plan) -> list[tuple[str, str]]:
    mtbf, restart = plan.value("mtbf"), plan.value("restart_time")
    if not mtbf or not restart or mtbf > 2 * restart:
        return []
    between = units.show(mtbf, "s")
    if plan.expanded.chosen["recovery"] == "global":
        text = f"a failure comes every {between}, a restart takes {units.show(restart, 's')}: use --recovery elastic"
    else:
        text = (
            f"a failure comes every {between}: restarting the whole job from a checkpoint is impossible, so this plan "
            "rests on elastic recovery and hot spares"
        )
    return [("restart-impossible", text)]


def _sites(plan: Plan) -> list[tuple[str, str]]:
    sites, power = plan.value("sites"), plan.value("facility_power")
    if not sites or sites <= 1 or not power:
        return []
    each = units.show(plan.value("site_capacity"), "W")
    average = plan.value("average_power") or 0.0
    grid = []
    share = average * YEAR / (GRAPH["us_generation"].default or math.inf)
    if share > 0.01:
        grid = [
            ("grid-share", f"{units.show(average, 'W')} on average is {share:.0%} of all electricity made in the US")
        ]
    timed = "" if plan.value("site_link_bandwidth") else " and, without --site-link-bandwidth, not time"
    return [
        (
            "sites-needed",
            f"{units.show(power, 'W')} needs {sites:,.0f} sites of {each} each, joined by a network that this plan "
            f"does not price{timed}",
        ),
        *grid,
    ]


def _regulation(plan: Plan) -> list[tuple[str, str]]:
    flops = plan.value("training_flops")
    return [(t.code, t.text) for t in THRESHOLDS if flops and flops >= t.flops]


def _prices(plan: Plan) -> list[tuple[str, str]]:
    """Prices that the asked way of paying needs and nobody has told."""
    out = []
    paid = "rental_price" if plan.expanded.chosen["cost_method"] == "rented" else "accelerator_price"
    for name in (paid, "electricity_price"):
        node = plan.nodes.get(name)
        if node and node.value is None:
            out.append(("price-unknown", f"{node.why_null or name}; set it with --set {name}=..."))
    return out


def _pins(plan: Plan) -> list[tuple[str, str]]:
    """Pins that change nothing, and givens that contradict one another."""
    checks = [("check-pinned", "fits is given, so memory is not checked")] if "fits" in plan.question.given else []
    unused = [("pin-unused", f"{name} is given but changes nothing that was asked") for name in plan.unused]
    return (
        checks
        + unused
        + [
            ("over-determined", f"{name} is given as {said}, but {why} {found}")
            for name, said, why, found in _clashes(plan)
        ]
    )


def _clashes(plan: Plan) -> list[tuple[str, str, str, str]]:
    """Givens that the other givens contradict by over a tenth: name, value, reason, value found."""
    each, tokens, size = (plan.value(n) for n in ("flops_per_token", "tokens", "shape_params"))
    found: dict[str, tuple[float | None, str]] = {
        "training_flops": (each * tokens if each and tokens else None, "this model on these tokens takes"),
        "params": (size, "the shape used has"),
    }
    law = plan.expanded.law
    if law.has_loss and plan.value("effective_params") and tokens:
        try:
            loss = scaling.from_law(
                law.form, "loss", law.coefficients, effective_params=plan.value("effective_params"), tokens=tokens
            )
            found["loss"] = (loss, f"for this size on these tokens {law.name} says")
        except NoValue:
            pass
    for name in plan.question.given:
        if name not in found and name != "fits" and (own := _by_its_formula(plan, name)) is not None:
            found[name] = own
    out = []
    for name, value in plan.question.given.items():
        other, why = found.get(name, (None, ""))
        least = 0.01 if name == "loss" else 0.1
        if value and other and abs(value / other - 1) > least:
            unit = plan.nodes[name].unit
            out.append((name, units.show(value, unit, name), why, units.show(other, unit, name)))
    return out


def _by_its_formula(plan: Plan, name: str) -> tuple[float, str] | None:
    """What a pinned quantity would be by its definition, or by any formula whose inputs are all given too."""
    for formula in GRAPH[name].formulas:
        nodes = [plan.nodes.get(n) for n in formula.inputs]
        known = [node for node in nodes if node is not None and node.value is not None and node.origin != "default"]
        defined = formula.source.startswith("definition") or formula.source == "by definition"
        defined = defined or all(node.origin == "given" for node in known)
        usable = not formula.search and (formula.rival is None or formula.rival in plan.rivals)
        if not usable or not defined or len(known) < len(nodes) or name in _below(plan, formula.inputs):
            continue
        try:
            value = formula.function(*(node.value for node in known))
        except (NoValue, ArithmeticError, ValueError, TypeError):
            continue
        said = ", ".join(f"{node.name} {units.show(node.value, node.unit, node.name)}" for node in known)
        return value, f"from {said} it is"
    return None


def _below(plan: Plan, names: tuple[str, ...]) -> set[str]:
    """The quantities that these were computed from, and these themselves."""
    out: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in out:
            out.add(name)
            left += plan.nodes[name].inputs if name in plan.nodes else ()
    return out
