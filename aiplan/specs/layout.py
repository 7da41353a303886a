"""A layout as one text: `tp=8,pp=16,vp=8`, with the usual short names of its members."""

from __future__ import annotations

from typing import Any

from aiplan.errors import UserError, nearest

# Every spelling of a member, and the quantity that it sets.
NAMES = {
    "tp": "tp", "tensor": "tp",
    "pp": "pp", "pipeline": "pp",
    "cp": "cp", "context": "cp",
    "ep": "ep", "expert": "ep",
    "dp": "dp", "data": "dp",
    "vp": "virtual_stages", "vpp": "virtual_stages", "interleave": "virtual_stages",
    "virtual_stages": "virtual_stages",
    "zero": "zero_stage", "zero_stage": "zero_stage",
    "mb": "micro_batch", "mbs": "micro_batch", "micro_batch": "micro_batch",
    "rc": "recompute", "recompute": "recompute",
}  # fmt: skip
RECOMPUTE = {"none": "0", "selective": "1", "full": "2"}
EXAMPLE = "such as tp=8,pp=16,vp=8"


def read_layout(raw: Any, *, where: str = "") -> dict[str, float]:
    """The members of a layout by the names of their quantities.

    Raises UserError for what is no layout, an unknown member, one named twice, or a value that it cannot have.

    >>> read_layout("tp=8, pp=16, zero=1, recompute=selective")
    {'tp': 8.0, 'pp': 16.0, 'zero_stage': 1.0, 'recompute': 1.0}
    """
    from aiplan.specs.question import read_value

    at = f"{where}: " if where else ""
    if not isinstance(raw, str) or not raw.strip():
        raise UserError(f"{at}layout is members with their values, {EXAMPLE}, not {raw!r}")
    out: dict[str, float] = {}
    for part in raw.replace(",", " ").replace(" = ", "=").split():
        name, equals, value = part.partition("=")
        folded = name.strip().lower().replace("-", "_")
        if not equals or not value:
            raise UserError(f"{at}layout: {part!r} is not a member with its value, {EXAMPLE}")
        if folded not in NAMES:
            raise UserError(f"{at}layout: there is no member {name!r}{nearest(folded, NAMES)}; members: {_members()}")
        target = NAMES[folded]
        if target in out:
            raise UserError(f"{at}layout: {target} is set twice")
        if target == "recompute":
            value = RECOMPUTE.get(value.lower(), value)
        try:
            out[target] = read_value(target, value)
        except UserError as error:
            allowed = f"; or {', '.join(RECOMPUTE)}" if target == "recompute" else ""
            raise UserError(f"{at}layout: {error}{allowed}") from None
    return out


def _members() -> str:
    """The shortest spelling of each member."""
    first: dict[str, str] = {}
    for name, target in NAMES.items():
        first.setdefault(target, name)
    return ", ".join(first.values())
