"""Purchase prices: vectors, the essay's and published clusters, and unknown prices in the graph."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiplan.graph import GRAPH, Given
from aiplan.quantities import capex

DATA = Path(__file__).parents[1] / "data" / "vectors-cost.yaml"
VECTORS = {v["id"]: v for v in yaml.safe_load(DATA.read_text())}


def test_vector_of_interconnect() -> None:
    vector = VECTORS["cost.interconnect"]
    overhead = capex.cluster_capex(1.0, 1.0, vector["inputs"]["f"]) - 1.0
    assert overhead == pytest.approx(vector["expected"]["overhead"], rel=vector["rel_tol"])


def test_vector_of_acquisition() -> None:
    vector = VECTORS["cost.acq"]
    n, price, overhead = (vector["inputs"][key] for key in ("n", "price", "overhead"))
    total = capex.cluster_capex(capex.accelerator_capex(n, price), overhead, 0.19)
    assert total == pytest.approx(vector["expected"]["capex"], rel=vector["rel_tol"])


def test_the_essay_s_fleet_without_network_and_building() -> None:
    """1.6 million accelerators at 30,000 USD: 48 billion (Comprehensive Thoughts on AI, 2024)."""
    assert capex.accelerator_capex(1.6e6, 30_000.0) == pytest.approx(48e9)


def test_building_and_cluster_together() -> None:
    """Epoch's frontier datacenters: about 32 million USD a megawatt in all, a third of it construction."""
    given = {
        "accelerators": 1e5,
        "accelerator_price": 31_900.0,
        "server_price_overhead": 1.0,
        "network_share": 0.19,
        "facility_power": 160e6,
    }
    nodes = GRAPH.resolve(["capex"], given)
    assert nodes["building_capex"].value == pytest.approx(1.632e9)
    assert nodes["capex"].value == nodes["cluster_capex"].value + nodes["building_capex"].value
    assert 25.3 <= nodes["capex"].value / 160e6 <= 53.6
    assert nodes["building_cost_per_watt"].spread == (8.1, 21.7)


def test_an_unknown_price_leaves_the_capex_unknown_with_its_reason() -> None:
    given = {
        "accelerators": Given(8.0),
        "accelerator_price": Given(None, why_null="never sold"),
        "server_price_overhead": Given(1.0),
        "network_share": Given(0.0),
        "facility_power": Given(1e4),
        "peak_flops": Given(1e15),
        "accelerator_tdp": Given(500.0),
    }
    nodes = GRAPH.resolve(["capex", "peak_flops_per_usd", "peak_flops_per_watt"], given)
    assert nodes["capex"].value is None
    assert nodes["capex"].why_null == "never sold"
    assert nodes["peak_flops_per_usd"].value is None
    assert nodes["building_capex"].value == pytest.approx(1.02e5)
    assert nodes["peak_flops_per_watt"].value == 2e12


@given(st.floats(1.0, 1e12), st.floats(1.0, 2.0), st.floats(0.0, 0.9))
def test_the_network_has_its_share_of_the_cluster(price: float, overhead: float, share: float) -> None:
    cluster = capex.cluster_capex(price, overhead, share)
    assert cluster * (1.0 - share) == pytest.approx(price * overhead)
    assert cluster >= price
