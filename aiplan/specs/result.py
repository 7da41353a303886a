"""What a planning command answers: the object that other programs rely on (`aiplan.result/1`)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = "aiplan.result/1"
SCHEMA_MANY = "aiplan.results/1"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Value(_Model):
    """One quantity of the answer."""

    value: float | None
    """Full-precision SI value; null where there is none."""
    unit: str
    """SI unit; empty for counts and ratios."""
    origin: str
    """given, limit, default, catalog, formula, search or measured."""
    p10: float | None = None
    """10th percentile, where an interval is known."""
    p50: float | None = None
    """Median, where an interval is known."""
    p90: float | None = None
    """90th percentile, where an interval is known."""
    why_null: str | None = None
    """The reason, where the value is null."""


class Assumption(_Model):
    """A default that was used."""

    quantity: str
    value: float | str | None
    unit: str
    source: str


class Warning_(_Model):
    """Something that the reader of the plan must know."""

    code: str
    message: str


class Check(_Model):
    """One assertion or warning condition of a scenario, and how it came out."""

    text: str
    kind: Literal["assert", "warn"]
    passed: bool
    message: str


class LawRow(_Model):
    """What one scaling law says to the same question."""

    law: str
    params: float | None
    tokens: float | None
    training_flops: float | None


class Result(_Model):
    """The answer to one plan."""

    schema_: str = Field(default=SCHEMA, alias="schema")
    ask: str
    name: str | None = None
    aiplan_version: str
    headline: str
    """The answer in one sentence."""
    quantities: dict[str, Value]
    choices: dict[str, Any]
    binding: list[str]
    """What fixes the answer or makes the plan impossible, and what would unbind it."""
    assumptions: list[Assumption]
    warnings: list[Warning_]
    laws: list[LawRow] = Field(default_factory=list)
    """The same question put to each scaling law, where the user left the data or the size to a law."""
    drivers: list[dict[str, Any]] = Field(default_factory=list)
    """The uncertain inputs behind the interval of the run's cost (or days), the largest share first."""
    checks: list[Check] = Field(default_factory=list)
    claim: dict[str, Any] | None = None
    ours: Result | None = None
    """Our own answer, beside the one under a claim's assumptions."""
    sources: list[str]
    inputs: dict[str, Any]

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, populate_by_name=True)

    def to_json(self) -> dict[str, Any]:
        """The contract's object: every key of the contract present; empty additions left out."""
        out = self.model_dump(by_alias=True, exclude={"ours"})
        for key in ("name", "laws", "drivers", "checks", "claim"):
            if not out[key]:
                del out[key]
        if self.ours is not None:
            out["ours"] = self.ours.to_json()
        return out
