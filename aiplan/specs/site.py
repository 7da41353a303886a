"""A site: what its electricity costs and emits, how well it is cooled, and how much power it has."""

from __future__ import annotations

from aiplan.graph import Given
from aiplan.specs.base import Date, Entry, KgPerJoule, M3PerJoule, Ratio, UsdPerJoule, Watts

# Field of the entry, name of the quantity, what is missing where it is null.
_QUANTITIES = (
    ("electricity_price", "electricity_price", "electricity price"),
    ("grid_carbon", "grid_carbon", "carbon intensity"),
    ("pue", "pue", "PUE"),
    ("wue", "wue", "water use of cooling"),
    ("grid_water", "grid_water", "water use of the grid"),
    ("capacity", "site_capacity", "capacity of one site"),
)


class Site(Entry):
    """One place to build or rent; `sources` has one key for each field."""

    electricity_price: UsdPerJoule | None = None
    """What a large user pays."""
    grid_carbon: KgPerJoule | None = None
    """CO2-equivalent of the grid, by location."""
    pue: Ratio | None = None
    """Facility power over IT power."""
    wue: M3PerJoule | None = None
    """Water that cooling takes on site, per IT energy."""
    grid_water: M3PerJoule | None = None
    """Water that making the electricity takes, per facility energy."""
    capacity: Watts | None = None
    """Largest facility power of one site there."""
    as_of: Date
    """When its figures were collected."""


def expand_site(spec: Site) -> dict[str, Given]:
    """The quantities that choosing a site gives, each with its source; unknown ones are null and say why."""
    out: dict[str, Given] = {}
    for field, quantity, what in _QUANTITIES:
        value = getattr(spec, field)
        why = None if value is not None else f"site {spec.id} has no {what} in the catalogue"
        out[quantity] = Given(value, "catalog", spec.origin(field) if value is not None else spec.id, why_null=why)
    return out


def doubts(spec: Site) -> list[str]:
    """What looks wrong, or lacks its source."""
    out = [f"{f} has no source of its own in sources" for f, _, _ in _QUANTITIES if _lacks_source(spec, f)]
    if spec.pue is not None and not 1 <= spec.pue <= 2.5:
        out.append(f"pue is {spec.pue:.3g}; between 1 and 2.5 is usual")
    price, carbon = spec.electricity_price, spec.grid_carbon
    if price is not None and not 0.01 <= price * 3.6e6 <= 0.6:
        out.append(f"electricity_price is {price * 3.6e6:.4g} USD/kWh: is the unit right?")
    if carbon is not None and not 0.001 <= carbon * 3.6e6 <= 1.2:
        out.append(f"grid_carbon is {carbon * 3.6e6:.4g} kg/kWh: is the unit right?")
    for name in ("wue", "grid_water"):
        water = getattr(spec, name)
        if water is not None and water * 3.6e9 > 20:
            out.append(f"{name} is {water * 3.6e9:.4g} L/kWh: is the unit right?")
    return out


def _lacks_source(spec: Site, field: str) -> bool:
    return getattr(spec, field) is not None and field not in spec.sources
