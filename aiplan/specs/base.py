"""What all catalogue entries share: strict frozen models whose numbers are text with units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import core_schema

from aiplan.errors import UserError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError

_ID = r"[a-z0-9][a-z0-9.\-]*"
_DATE = r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?"


@dataclass(frozen=True, slots=True)
class Physical:
    """Marks a number that is written as text with a unit, such as `700 W`; its value is an SI float in `unit`.

    Money may be a bare number, as its key says `usd`.
    """

    unit: str
    examples: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        number = core_schema.float_schema(ge=0, allow_inf_nan=False)
        return core_schema.no_info_before_validator_function(self.parse, number)

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        bare = self.unit in ("", "USD")
        return {"type": ["number", "string"] if bare else "string", "examples": list(self.examples)}

    def parse(self, raw: Any) -> float:
        if isinstance(raw, bool) or not isinstance(raw, str | int | float):
            raise ValueError(f"write a number and a unit, such as {self.examples[0]}")
        if self.unit == "USD" and not isinstance(raw, str):
            return float(raw)
        from aiplan import units

        try:
            return units.parse(raw, self.unit)
        except UserError as error:
            raise ValueError(str(error)) from None


class NullableValues:
    """Marks a map whose values may be null in the file; what null means is for its model to say."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        out: dict[str, Any] = handler(schema)
        values = "patternProperties" if "patternProperties" in out else "additionalProperties"
        out[values] = {"anyOf": [out[values], {"type": "null"}]}
        return out


def _year(raw: Any) -> Any:
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else raw


Bytes = Annotated[float, Physical("B", ("80 GB", "96 GiB"))]
Bandwidth = Annotated[float, Physical("B/s", ("3.35 TB/s", "450 GB/s"))]
FlopRate = Annotated[float, Physical("FLOP/s", ("989.4 TFLOP/s", "2.5 PFLOP/s"))]
Watts = Annotated[float, Physical("W", ("700 W", "10.2 kW"))]
UsdPerJoule = Annotated[float, Physical("USD/J", ("$0.08/kWh",))]
KgPerJoule = Annotated[float, Physical("kg/J", ("370 g/kWh",))]
M3PerJoule = Annotated[float, Physical("m3/J", ("0.27 L/kWh",))]
Count = Annotated[float, Physical("", ("70.6B", "405853388800"))]
Ratio = Annotated[float, Physical("", ("0.41", "41%"))]
Usd = Annotated[float, Physical("USD", ("31900", "$30k"))]
# A year alone is a number to YAML.
Date = Annotated[
    str,
    BeforeValidator(_year),
    Field(pattern=rf"^{_DATE}$"),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["2025-03", "2025-03-01"]}),
]
Id = Annotated[str, Field(pattern=rf"^{_ID}$", max_length=80)]


class Part(BaseModel):
    """A part of an entry: nothing unknown in it, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(Part):
    """One entry of the catalogue."""

    id: Id
    """Its name in kebab-case, which is also its file's name."""
    aliases: tuple[str, ...] = ()
    """Other spellings; case and punctuation do not matter."""
    name: str
    """What people call it."""
    notes: str = ""
    """What a reader of the numbers must know."""
    sources: dict[str, str] = Field(default_factory=dict)
    """Where the numbers come from: a short key, and the source with its date."""
    recalled: tuple[str, ...] = ()
    """Fields that are known but were not read at a source."""
    doubtful: dict[str, str] = Field(default_factory=dict)
    """Fields that sources contradict or leave unclear, each with what is said against it and by whom."""

    def origin(self, *keys: str) -> str:
        """The source shown beside a value: the id, then the sources of the first of `keys` that is there, else all."""
        text = next((self.sources[k] for k in keys if k in self.sources), "") or "; ".join(self.sources.values())
        return f"{self.id}: {text}" if text else self.id


def first_problem(error: ValidationError) -> tuple[tuple[str | int, ...], str]:
    """Key path and one-line text of the first thing that is wrong with an entry."""
    first = error.errors(include_url=False, include_context=True)[0]
    # A location also names validators and the keys of a map as such; neither is in the file.
    keys = tuple(k for k in first["loc"] if not (isinstance(k, str) and ("(" in k or "[" in k)))
    kind, raw = first["type"], first.get("input")
    where = ".".join(str(k) for k in keys)
    if kind == "missing":
        return keys[:-1], f"{where} is missing"
    if kind == "extra_forbidden":
        return keys, f"there is no field {where!r}"
    message = str(first["msg"]).removeprefix("Value error, ")
    shown = repr(raw)
    return keys, f"{where}: {message}" + (f" (it is {shown})" if len(shown) <= 60 and shown not in message else "")
