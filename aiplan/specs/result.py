"""What a planning command answers: the object that other programs rely on (`aiplan.result/1`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aiplan.graph import Origin

SCHEMA: Final = "aiplan.result/1"
SCHEMA_MANY = "aiplan.results/1"
YES_OR_NO = frozenset(("fits", "fits_context"))
"""Quantities that are yes (1) or no (0); of draws, the share of yes."""


@dataclass(slots=True)
class Value:
    """One quantity of the answer."""

    value: float | None
    """Full-precision SI value; null where there is none."""
    unit: str
    """SI unit; empty for counts and ratios."""
    origin: Origin
    """Where the value is from."""
    p10: float | None = None
    """10th percentile, where an interval is known."""
    p50: float | None = None
    """Median, where an interval is known."""
    p90: float | None = None
    """90th percentile, where an interval is known."""
    why_null: str | None = None
    """The reason, where the value is null."""


@dataclass(slots=True)
class Assumption:
    """A default that was used."""

    quantity: str
    """Name of the quantity or choice."""
    value: float | str | None
    """What was assumed: SI, or a name."""
    unit: str
    """SI unit."""
    source: str
    """Why this value."""


@dataclass(slots=True)
class Warning_:
    """Something that the reader of the plan must know."""

    code: str
    """Short name, stable."""
    message: str
    """What it is, in words."""


@dataclass(slots=True)
class Check:
    """One condition of a scenario, and how it came out."""

    text: str
    """As it was written."""
    kind: Literal["assert", "warn"]
    """Whether it must or should hold."""
    passed: bool
    """Whether it holds."""
    message: str
    """The condition with the value found."""


@dataclass(slots=True)
class LawRow:
    """What one scaling law says to the same question."""

    law: str
    """Name of the law."""
    params: float | None
    """Parameters."""
    tokens: float | None
    """Training tokens."""
    training_flops: float | None
    """Training compute [FLOP]."""


@dataclass(slots=True)
class LayoutRow:
    """One layout of a plan's accelerators, or of another fleet's, and what it comes to."""

    accelerators: float
    """Accelerators of the fleet."""
    layout: dict[str, int]
    """tp, pp, cp, ep, dp, virtual_stages, zero_stage, micro_batch and recompute."""
    step_time: float | None
    """Time of one optimizer step [s]."""
    mfu: float | None
    """Model FLOPs as a share of the dense peak."""
    memory_per_accelerator: float | None
    """Memory on the fullest accelerator [B]."""
    fits: float | None
    """1 where it fits, 0 where not."""
    training_days: float | None
    """Days of the run [day]."""
    run_cost: float | None
    """Cost of the run [USD]."""
    facility_power: float | None
    """Peak power of the facility [W]."""
    bound_by: list[dict[str, Any]]
    """What the step spends its time on (`what`: compute, memory traffic, tp, ep, cp, pp or dp traffic, host, bubble)
    with its `share`, the largest first."""


@dataclass(slots=True)
class Result:
    """The answer to one plan."""

    ask: str
    """The planning command."""
    aiplan_version: str
    """Version of the program."""
    headline: str
    """The answer in one sentence."""
    quantities: dict[str, Value]
    """Every quantity of the answer, by name."""
    choices: dict[str, Any]
    """What was chosen by name, and the layout."""
    binding: list[str]
    """What fixes the answer or makes the plan impossible, and what would unbind it."""
    assumptions: list[Assumption]
    """Every default that was used."""
    warnings: list[Warning_]
    """What the reader must know."""
    sources: list[str]
    """Sources of the facts and formulas used."""
    inputs: dict[str, Any]
    """What was typed."""
    schema: Literal["aiplan.result/1"] = SCHEMA
    """Name and version of this form."""
    name: str | None = None
    """Title of the plan."""
    laws: list[LawRow] = field(default_factory=list)
    """The same question put to each scaling law, where the user left the data or the size to a law."""
    drivers: list[dict[str, Any]] = field(default_factory=list)
    """The uncertain inputs behind the interval of the run's cost (or days), the largest share first."""
    layouts: list[LayoutRow] = field(default_factory=list)
    """The best layouts of the accelerators, where they were asked for."""
    pareto: list[LayoutRow] = field(default_factory=list)
    """Fleets, each in its best layout, that no other beats in days, money and power, where they were asked for."""
    checks: list[Check] = field(default_factory=list)
    """Assertions and warnings of the scenario."""
    claim: dict[str, Any] | None = None
    """The published figure that the scenario reproduces."""
    ours: Result | None = None
    """Our own answer, beside the one under a claim's assumptions."""

    def to_json(self) -> dict[str, Any]:
        """The contract's object: every key of the contract present; empty additions left out."""
        optional = ("name", "laws", "drivers", "layouts", "pareto", "checks", "claim", "ours")
        out = {"schema": self.schema}
        out |= {key: _plain(getattr(self, key)) for key in self.__slots__ if key != "schema" and key not in optional}
        return out | {key: _plain(found) for key in optional if (found := getattr(self, key))}


def _plain(value: Any) -> Any:
    if isinstance(value, Result):
        return value.to_json()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    names = getattr(value, "__slots__", None)
    return {name: getattr(value, name) for name in names} if names else value
