"""Accelerators ranked by what a dollar or a watt buys; what is unknown comes last with the reason, never as zero."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from aiplan.errors import UserError, nearest
from aiplan.specs.accelerator import Accelerator, main_precision, no_peak, purchase_price

SCHEMA = "aiplan.ranking/1"

# Measure -> unit and sentence.
MEASURES = {
    "peak_flops_per_usd": ("FLOP/s/USD", "Dense peak of one accelerator per purchase price."),
    "peak_flops_per_watt": ("FLOP/J", "Dense peak of one accelerator per rated power of the accelerator alone."),
    "memory_per_usd": ("B/USD", "Memory of one accelerator per purchase price."),
    "bandwidth_per_usd": ("B/s/USD", "Memory bandwidth of one accelerator per purchase price."),
}


@dataclass(frozen=True, slots=True)
class Ranked:
    """One accelerator's place, with the price that it rests on."""

    rank: int
    id: str
    name: str
    status: str
    value: float
    precision: str | None
    price_usd: float | None
    price_kind: str | None
    price_covers: str | None
    price_as_of: str | None
    price_source: str | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """The ranked accelerators, and the rest with what is missing."""

    by: str
    unit: str
    precision: str | None
    ranked: tuple[Ranked, ...]
    unknown: tuple[tuple[str, str], ...]

    @property
    def sentence(self) -> str:
        """What is ranked."""
        return MEASURES[self.by][1]

    def to_json(self) -> dict[str, Any]:
        """The object that programs read."""
        return {
            "schema": SCHEMA,
            "by": self.by,
            "unit": self.unit,
            "precision": self.precision,
            "ranked": [asdict(row) for row in self.ranked],
            "unknown": [{"id": name, "why": why} for name, why in self.unknown],
        }


def rank(chips: Iterable[Accelerator], by: str, precision: str | None = None) -> Ranking:
    """Rank chips by a measure, the best first, at one precision or at each chip's main one; dense peaks only.

    The price is the latest purchase price, of the chip or of its share of a server or rack as `price_covers` says.
    Raises UserError for a measure that is not one.
    """
    if by not in MEASURES:
        raise UserError(f"--by {by!r} is not one of {', '.join(MEASURES)}{nearest(by, MEASURES, most=1)}")
    found: list[tuple[float, Accelerator, str | None]] = []
    unknown: list[tuple[str, str]] = []
    for chip in chips:
        missing, value, used = _measure(chip, by, precision)
        if value is None:
            unknown.append((chip.id, missing))
        else:
            found.append((value, chip, used))
    found.sort(key=lambda row: (-row[0], row[1].id))
    money = by.endswith("_usd")
    rows = []
    for i, (value, chip, used) in enumerate(found, 1):
        price = purchase_price(chip) if money else None
        source = chip.sources.get(price.source, price.source) if price else None
        rows.append(
            Ranked(
                rank=i,
                id=chip.id,
                name=chip.name,
                status=chip.status,
                value=value,
                precision=used,
                price_usd=price.value if price else None,
                price_kind=price.kind if price else None,
                price_covers=price.covers if price else None,
                price_as_of=price.as_of if price else None,
                price_source=source,
            )
        )
    return Ranking(by, MEASURES[by][0], precision, tuple(rows), tuple(unknown))


def _measure(chip: Accelerator, by: str, precision: str | None) -> tuple[str, float | None, str | None]:
    """What is missing, or the value; and the precision that it is of."""
    used: str | None = None
    if by.startswith("peak"):
        used = precision or main_precision(chip)
        top = {str(p): v for p, v in chip.peak.items()}.get(used) if used else None
        named = used is None or used in chip.unpublished or not chip.peak
        what = no_peak(chip, precision) if named else f"it has no {used}"
    elif by.startswith("memory"):
        top, what = chip.memory.capacity, "no memory capacity is known"
    else:
        top, what = chip.memory.bandwidth, "no memory bandwidth is known"
    if top is None:
        return what, None, used
    if by.endswith("_watt"):
        return ("", top / chip.tdp, used) if chip.tdp else ("no rated power is published", None, used)
    price = purchase_price(chip)
    if price is None or not price.value:
        return "no purchase price is known", None, used
    return "", top / price.value, used
