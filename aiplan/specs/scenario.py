"""A what-if scenario as written: what is asked, what is set, what must hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Scalar = str | int | float

_SCALAR: dict[str, Any] = {"type": ["string", "number"]}
_LIST: dict[str, Any] = {"type": "array", "items": _SCALAR, "minItems": 1}


def _only(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_PAIR = {**_LIST, "minItems": 2, "maxItems": 2}
_UNCERTAIN = [
    {"type": "string", "description": "A 90% interval, e.g. 30% to 45%."},
    _only({"low": _SCALAR, "mid": _SCALAR, "high": _SCALAR}),
    *(_only({form: shape}) for form, shape in (("choice", _LIST), ("normal", _PAIR), ("uniform", _PAIR))),
]
# Read by whatif.inputs and whatif.grid, whose errors say more than a schema can; editors see these forms.
Uncertain = Annotated[Any, WithJsonSchema({"anyOf": _UNCERTAIN})]
Grid = Annotated[Any, WithJsonSchema({"anyOf": [{"type": "string", "description": "a..b by c, or a..b xN."}, _LIST]})]


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


class Part(_Model):
    """One of several named plans of a file: what differs from the parts above; maps merge deep, lists replace."""

    name: str | None = None
    """Title of the plan, where the key is not enough."""
    set: dict[str, Scalar | None] = Field(default_factory=dict)
    """Choices and pinned quantities; null removes one of the parts above."""
    limit: dict[str, Scalar | None] = Field(default_factory=dict)
    """Upper bounds; null removes one of the parts above."""
    vary: dict[str, Uncertain] = Field(default_factory=dict)
    """Uncertain inputs."""
    sweep: dict[str, Grid] = Field(default_factory=dict)
    """Grids."""
    skip: list[dict[str, Scalar]] = Field(default_factory=list)
    """Points of the grid that are left out."""
    assert_: list[str] = Field(default_factory=list, alias="assert")
    """What must hold; replaces the shared list."""
    warn: list[str] = Field(default_factory=list)
    """What should hold; replaces the shared list."""


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
    vary: dict[str, Uncertain] = Field(default_factory=dict)
    """Uncertain inputs: `30% to 45%` (a 90% interval), {low, mid, high}, {choice: []}, {normal: []}, {uniform: []}."""
    sweep: dict[str, Grid] = Field(default_factory=dict)
    """Grids, one plan a point: a list, `a..b by c`, or `a..b xN` (each N times the one before)."""
    skip: list[dict[str, Scalar]] = Field(default_factory=list)
    """Points of the grid that are left out: each entry matches the points that have all of its values."""
    assert_: list[str] = Field(default_factory=list, alias="assert")
    """What must hold: `quantity OP value`, `quantity ~ VALUE within P%`, or `fits`."""
    warn: list[str] = Field(default_factory=list)
    """What should hold: told, but no failure."""
    claim: Claim | None = None
    """The published figure that the file reproduces."""
    ours: Variant | None = None
    """Our own answer to the same question, shown beside it."""
    plans: dict[str, Part] = Field(default_factory=dict)
    """Several plans by name, each merged onto the parts above, which they share."""


def json_schema() -> dict[str, Any]:
    """JSON Schema of a scenario file, for editors."""
    from aiplan.specs.describe import json_schema as described

    return described(Scenario)
