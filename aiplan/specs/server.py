"""A server or rack: how many accelerators share how much power."""

from __future__ import annotations

from pydantic import Field

from aiplan.specs.base import Date, Entry, Id, Ratio, Watts


class Server(Entry):
    """One server, or one rack where the rack is what is bought."""

    vendor: str | None = None
    """Who makes it, in lower case."""
    accelerators: int = Field(ge=1)
    """Accelerators in it."""
    holds: dict[Id, int] = Field(default_factory=dict)
    """Of a rack or pod: the servers in it by id, with their number; their accelerators are all of its own."""
    max_power: Watts | None = None
    """Rated power of the whole with its accelerators, before network switches and cooling plant outside it."""
    network_share: Ratio | None = None
    """Share of the network in a cluster's cost, where it is not the usual one; 0 where the machine stands alone."""
    standalone: bool = False
    """Whether it stands on a desk: no data center, no cooling plant, no network around it."""
    as_of: Date | None = None
    """When its figures were read."""


def doubts(spec: Server) -> list[str]:
    """What looks wrong, or lacks its source."""
    out: list[str] = []
    if spec.max_power is None:
        out.append("max_power is unknown")
    elif not 20 <= spec.max_power / spec.accelerators <= 30e3:
        out.append(f"max_power is {spec.max_power / spec.accelerators:.4g} W for each accelerator")
    if not spec.sources:
        out.append("sources is empty: say where the numbers come from, with a date")
    return out
