"""A network as simple facts: what one link carries one way, and what it joins."""

from __future__ import annotations

from typing import Literal

from aiplan.specs.base import Bandwidth, Date, Entry


class Network(Entry):
    """One kind of link between accelerators."""

    role: Literal["scale-up", "scale-out"]
    """Within a server, rack or pod; or between them."""
    bandwidth: Bandwidth | None = None
    """One way, of one accelerator or of one port."""
    per: Literal["accelerator", "port"] = "port"
    """What the bandwidth is of."""
    domain: int | None = None
    """Most accelerators that it joins, where it is limited."""
    as_of: Date | None = None
    """When its figures were read."""


def doubts(spec: Network) -> list[str]:
    """What looks wrong, or lacks its source."""
    out: list[str] = []
    if spec.bandwidth is None:
        out.append("bandwidth is unknown")
    if not spec.sources:
        out.append("sources is empty: say where the numbers come from, with a date")
    return out
