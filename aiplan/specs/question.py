"""What was asked: choices by name, pinned quantities, limits; text is turned into SI floats and checked here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiplan import units
from aiplan.errors import UserError, nearest
from aiplan.graph import GRAPH
from aiplan.quantities.memory import RECIPES
from aiplan.quantities.scaling import LAWS
from aiplan.quantities.schedule import SCHEDULES

# Upper bounds on outputs: setting one of these means limiting it.
LIMITS = ("training_days", "run_cost", "facility_power")

PRECISIONS = ("fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "fp6", "fp4", "int8")

# Formats whose blocks share a scale run at the rate of their width.
PRECISION_ALIASES = {"mxfp8": "fp8", "mxfp6": "fp6", "nvfp4": "fp4", "mxfp4": "fp4"}

# Choices that name one of a closed list; None where the catalogue holds the list.
Choices = Mapping[str, tuple[str, ...] | None]
CHOICES: Choices = {
    "accelerator": None,
    "model": None,
    "site": None,
    "precision": PRECISIONS,
    "sparsity": ("none", "2:4"),
    "recipe": tuple(RECIPES),
    "law": tuple(LAWS),
    "schedule": tuple(SCHEDULES),
    "offload": ("none", "optimizer"),
    "recovery": ("elastic", "global"),
    "cost_method": ("owned", "rented"),
    "calibration": None,
}


YES_NO = {"false": "no", "no": "no", "off": "no", "0": "no", "true": "yes", "yes": "yes", "on": "yes", "1": "yes"}

# What a plan divides by: zero of it is no plan.
POSITIVE = frozenset(
    "params active_params tokens training_flops loss accelerators samples flops_per_sample flops_per_token "
    "batch_tokens batch_samples mfu hfu goodput seq_len vocab peak_flops accelerator_memory layers d_model step_time "
    "tp pp cp ep dp".split()
)
# What there is no half of.
WHOLE = frozenset(
    "accelerators layers heads kv_heads vocab seq_len experts experts_per_token shared_experts tp pp cp ep dp "
    "virtual_stages zero_stage micro_batch recompute".split()
)


@dataclass(slots=True)
class Question:
    """A planning question: `given` and `limits` in SI, `choices` by name, `typed` as the user wrote them.

    `layout` are those of `given` that were given as one layout, which must be one that can be built.
    """

    ask: str = "train"
    given: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)
    typed: dict[str, Any] = field(default_factory=dict)
    layout: dict[str, float] = field(default_factory=dict)


def read_value(name: str, raw: Any, *, where: str = "") -> float:
    """A quantity's value [its own SI unit] from text, within the quantity's bounds.

    Raises UserError for an unknown quantity, a wrong unit, or a value outside the bounds.
    """
    at = f"{where}: " if where else ""
    if name not in GRAPH:
        raise UserError(f"{at}there is no quantity {name!r}{nearest(name, [*GRAPH.quantities, *CHOICES])}")
    quantity = GRAPH[name]
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise UserError(f"{at}{name} is one value such as {units.UNIT_EXAMPLES.get(quantity.unit, '1.5')}, not {raw!r}")
    try:
        value = units.parse(raw, quantity.unit, what=name)
    except UserError as error:
        raise UserError(f"{at}{error}") from None
    low, high = quantity.low, quantity.high
    if name in WHOLE and value != int(value):
        raise UserError(f"{at}{name} is {raw!r}, but must be a whole number")
    if value == 0 and name in POSITIVE:
        raise UserError(f"{at}{name} is {raw!r}, but must be above 0")
    if (low is not None and value < low) or (high is not None and value > high):
        most = f" and {units.show(high, quantity.unit, name)}" if high is not None else ""
        bound = f"between {low:g}{most}" if most else f"at least {low:g}"
        raise UserError(f"{at}{name} is {raw!r}, but must be {bound}")
    return value


def read_choice(name: str, raw: Any, *, where: str = "", choices: Choices = CHOICES) -> str:
    """A choice's name, checked against its closed list; catalogue names are looked up later."""
    at = f"{where}: " if where else ""
    allowed = choices[name]
    if allowed == ("no", "yes") and str(raw).strip().lower() in YES_NO:
        return YES_NO[str(raw).strip().lower()]
    if not isinstance(raw, str) or not raw.strip():
        raise UserError(f"{at}{name} is a name, not {raw!r}")
    text = raw.strip()
    if allowed is not None:
        folded = text.lower().replace("-", "_") if name != "sparsity" else text.lower()
        if name == "precision":
            folded = PRECISION_ALIASES.get(folded, folded)
        if folded not in allowed:
            raise UserError(f"{at}{name} {raw!r} is not one of {', '.join(allowed)}{nearest(folded, allowed, most=1)}")
        return folded
    return text


def read_question(
    settings: Mapping[str, Any], limits: Mapping[str, Any] | None = None, *, ask: str = "train", where: str = ""
) -> Question:
    """Read `set` and `limit` maps as typed, whichever of flags or a file they come from.

    >>> read_question({"params": "70B", "law": "rule_20"}).given
    {'params': 70000000000.0}
    """
    question = Question(ask=ask)
    for name, raw in settings.items():
        question.typed[name] = raw
        if name in CHOICES:
            question.choices[name] = read_choice(name, raw, where=where)
        elif name in LIMITS:
            question.limits[name] = _positive(name, raw, where)
        elif name == "layout":
            _take_layout(question, raw, settings, where)
        else:
            question.given[name] = read_value(name, raw, where=where)
    for name, raw in (limits or {}).items():
        if name in CHOICES:
            at = f"{where}: " if where else ""
            raise UserError(f"{at}{name} is a choice, not a quantity with an upper bound")
        question.typed[f"limit.{name}"] = raw
        question.limits[name] = _positive(name, raw, where)
    return question


def _take_layout(question: Question, raw: Any, settings: Mapping[str, Any], where: str) -> None:
    """Pin the members of a layout. Raises UserError where one of them is set apart to another value."""
    from aiplan.specs.layout import read_layout

    for name, value in read_layout(raw, where=where).items():
        if name in settings and read_value(name, settings[name], where=where) != value:
            at = f"{where}: " if where else ""
            raise UserError(f"{at}layout: {name} is {value:g}, but {name} is set to {settings[name]} too")
        question.given[name] = question.layout[name] = value


def _positive(name: str, raw: Any, where: str) -> float:
    value = read_value(name, raw, where=where)
    if not value > 0:
        raise UserError(f"{f'{where}: ' if where else ''}the limit of {name} is {raw!r}, but must be above 0")
    return value


def read_pairs(pairs: Iterable[str], option: str = "--set") -> dict[str, str]:
    """NAME=VALUE pairs of a repeated option as a map.

    >>> read_pairs(["mfu=0.4"])
    {'mfu': '0.4'}
    """
    out: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name or not value.strip():
            raise UserError(f"{option} {pair!r} is not NAME=VALUE, e.g. {option} mfu=0.45")
        out[name] = value.strip()
    return out
