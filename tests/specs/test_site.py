"""What choosing a site means for a plan."""

from __future__ import annotations

import pytest

from aiplan.catalog import Catalog
from aiplan.specs.site import Site, doubts, expand_site

CATALOG = Catalog()


def test_us_in_si() -> None:
    out = expand_site(CATALOG.find("site", "us"))
    assert out["electricity_price"].value == pytest.approx(0.0826 / 3.6e6)
    assert out["grid_carbon"].value == pytest.approx(0.3695 / 3.6e6)
    assert out["pue"].value == 1.25
    assert out["wue"].value == pytest.approx(0.27e-3 / 3.6e6)
    assert out["grid_water"].value == pytest.approx(3.1321e-3 / 3.6e6)
    assert out["site_capacity"].value == pytest.approx(1.379e9)


@pytest.mark.parametrize("name", CATALOG.ids("site"))
def test_every_value_has_a_source_or_a_reason(name: str) -> None:
    for given in expand_site(CATALOG.find("site", name)).values():
        assert given.source
        assert (given.value is None) == bool(given.why_null)


def test_unknown_is_null_and_named() -> None:
    given = expand_site(CATALOG.find("site", "norway"))["electricity_price"]
    assert given.value is None
    assert given.why_null == "site norway has no electricity price in the catalogue"


@pytest.mark.parametrize(
    ("fields", "doubt"),
    [
        ({"pue": 0.9}, "pue is 0.9"),
        ({"electricity_price": "$80/kWh"}, "is the unit right"),
        ({"grid_carbon": "370 kg/kWh"}, "is the unit right"),
        ({"wue": "300 L/kWh"}, "is the unit right"),
        ({"capacity": "1 GW"}, "capacity has no source"),
    ],
)
def test_doubts(fields: dict[str, object], doubt: str) -> None:
    raw = {"id": "x", "name": "X", "as_of": "2025", "pue": 1.2, "sources": {"pue": "s"}}
    assert doubts(Site.model_validate(raw)) == []
    assert any(doubt in line for line in doubts(Site.model_validate(raw | fields)))
