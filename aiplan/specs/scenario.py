"""A what-if scenario as written: what is asked, what is set, what must hold."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Scalar = str | int | float


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Claim(_Model):
    """A published figure that the scenario reproduces, and what we think of it."""

    id: str
    """Short name of the claim."""
    says: str
    """The claim in its own words and numbers."""
    verdict: Literal["holds", "loose", "wrong"]
    """Whether the figure holds, holds only under a loose reading, or is wrong."""
    because: str
    """Why."""


class Variant(_Model):
    """The same question under other assumptions."""

    ask: Literal["train", "facts", "tokens"] | None = None
    """What is asked, where it differs."""
    set: dict[str, Scalar] = Field(default_factory=dict)
    """Choices and pinned quantities."""
    limit: dict[str, Scalar] = Field(default_factory=dict)
    """Upper bounds."""
    assert_: list[str] = Field(default_factory=list, alias="assert")
    """What must hold of this answer, so that a text which quotes it cannot go stale."""


class Scenario(_Model):
    """A plan as a file."""

    aiplan: Literal[1]
    """Version of the language."""
    name: str | None = None
    """Title of the plan."""
    base: str | None = None
    """A parent file: maps merge deep, lists and scalars replace, null removes."""
    ask: Literal["train", "facts", "tokens"] = "train"
    """Which planning command answers; `facts` asks only for the quantities that the assertions name."""
    set: dict[str, Scalar] = Field(default_factory=dict)
    """Choices and pinned quantities, with units."""
    limit: dict[str, Scalar] = Field(default_factory=dict)
    """Upper bounds on outputs; a bound solves for accelerators, then params."""
    assert_: list[str] = Field(default_factory=list, alias="assert")
    """What must hold: `quantity OP value`, `quantity ~ VALUE within P%`, or `fits`."""
    warn: list[str] = Field(default_factory=list)
    """What should hold: told, but no failure."""
    claim: Claim | None = None
    """The published figure that the file reproduces."""
    ours: Variant | None = None
    """Our own answer to the same question, shown beside it."""


def json_schema() -> dict[str, Any]:
    """JSON Schema of a scenario file, for editors."""
    from aiplan.specs.describe import json_schema as described

    return described(Scenario)
