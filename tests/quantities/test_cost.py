"""Cost of a run, owned or rented, and of ownership: vectors, laws, and the graph."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiplan.graph import GRAPH, Given, GraphError
from aiplan.quantities import capex, cost, flops, power, scaling, step_time

DATA = Path(__file__).parents[1] / "data" / "vectors-cost.yaml"
VECTORS = {v["id"]: v for v in yaml.safe_load(DATA.read_text())}
ANCHORS = flops, scaling, step_time  # imported so that the graph holds what these formulas need
KWH, HOUR = 3.6e6, 3600.0


def k() -> dict[str, float]:
    return {"k": cost.amortization_rate()}


def llama3_like(
    price_per_chip_server: float, years_since_acq: float, gpuh: float, kw: float, usd_per_kwh: float
) -> dict[str, float]:
    days, count = 100.0, gpuh / 2400.0  # any run of so many accelerator-hours
    hardware = cost.amortized_cost(count * price_per_chip_server, years_since_acq, days)
    cluster = cost.amortized_cost(capex.cluster_capex(count * price_per_chip_server, 1.0, 0.19), years_since_acq, days)
    energy = cost.electricity_cost(power.energy(kw * 1e3, gpuh / 24.0), usd_per_kwh / KWH)
    total = cost.run_cost_owned(cluster, energy, 0.0, 0.0)
    return {
        "value": cost.hardware_value(price_per_chip_server, years_since_acq),
        "hardware": hardware,
        "interconnect": cluster - hardware,
        "energy": energy,
        "total": total,
        "per_gpuh": total / gpuh,
    }


def crf(w: float, n: float) -> dict[str, float]:
    return {"crf": cost.capital_recovery_factor(w, n)}


def tco_per_gpuh(
    it: float, w1: float, n1: float, dc_per_kw: float, kw: float, w2: float, n2: float, kw_avg: float,
    usd_kwh: float, opex_frac: float, util: float,
) -> dict[str, float]:  # fmt: skip
    hour = cost.ownership_cost_per_hour(
        it, kw * 1e3, kw_avg * 1e3, usd_kwh / KWH, building_cost_per_watt=dc_per_kw / 1e3, it_rate=w1, it_years=n1,
        building_rate=w2, building_years=n2, operation_share=opex_frac, utilization=util,
    )  # fmt: skip
    return {"annual": hour * 8760.0 * util, "per_gpuh": hour}


def dsv3(gpuh: float, rate: float) -> dict[str, float]:
    return {"usd": cost.rental_cost(gpuh, rate / HOUR)}


def per_flop(rate: float, peak: float, mfu: float) -> dict[str, float]:
    per_usd = cost.flops_per_usd_of_rent(rate / HOUR, peak, mfu)
    return {"usd_per_1e18": 1e18 / per_usd, "flop_per_usd": per_usd}


IN_CAPEX = {"cost.interconnect", "cost.acq"}


@pytest.mark.parametrize("name", [name for name in VECTORS if name not in IN_CAPEX])
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    actual = globals()[name.split(".")[-1]](**vector["inputs"])
    assert actual == pytest.approx(vector["expected"], rel=vector["rel_tol"])


# -- laws ------------------------------------------------------------------------------------------------------


@given(st.floats(1e-4, 0.5), st.floats(1.0, 40.0))
def test_annuities_pay_the_capital_back(rate: float, years: float) -> None:
    payment = cost.capital_recovery_factor(rate, years)
    assert payment * (1.0 - (1.0 + rate) ** -years) / rate == pytest.approx(1.0)
    assert payment > cost.capital_recovery_factor(0.0, years)


@given(st.floats(1.0, 1e12), st.floats(0.0, 5.0), st.floats(1e-3, 20.0))
def test_a_short_run_costs_what_the_hardware_loses(price: float, age: float, days: float) -> None:
    lost = cost.hardware_value(price, age) - cost.hardware_value(price, age + days / 365.25)
    assert cost.amortized_cost(price, age, days) == pytest.approx(lost, rel=0.01)


@given(st.floats(0.05, 1.0), st.floats(1.0, 2.0))
def test_idle_hardware_costs_more_per_used_hour(utilization: float, factor: float) -> None:
    def hour(share: float) -> float:
        return cost.ownership_cost_per_hour(4e4, 1400.0, 1050.0, 0.07 / KWH, utilization=share)

    assert hour(utilization / factor) == pytest.approx(hour(utilization) * factor)


# -- in the graph ----------------------------------------------------------------------------------------------

RUN = {
    "training_flops": 3.8e25,
    "unique_tokens": 15.6e12,
    "accelerators": 16384.0,
    "training_days": 78.4,
    "energy": 32.44e9 * HOUR,
    "accelerator_price": 44_490.0,
    "server_price_overhead": 1.0,
    "network_share": 0.19,
    "hardware_age_years": 1.0,
    "electricity_price": 0.0771 / KWH,
    "rental_price": 2.0 / HOUR,
}


def test_owned_and_rented_stand_side_by_side() -> None:
    owned = GRAPH.resolve(["run_cost", "flops_per_usd", "flops_per_watt"], RUN, {"owned"})
    rented = GRAPH.resolve(["run_cost"], RUN, {"rented"})
    assert owned["run_cost"].value == pytest.approx(47.6e6, rel=0.01)
    assert rented["run_cost"].value == pytest.approx(61.7e6, rel=0.01)
    assert owned["flops_per_usd"].value == pytest.approx(3.8e25 / owned["run_cost"].value)
    assert owned["flops_per_watt"].value == pytest.approx(3.8e25 / (32.44e9 * HOUR))
    assert "rental_cost" not in owned
    assert "electricity_cost" not in rented


def test_a_cost_method_must_be_chosen() -> None:
    with pytest.raises(GraphError, match="one of owned, rented"):
        GRAPH.resolve(["run_cost"], RUN)


def test_staff_and_data_are_added_to_both() -> None:
    more = {**RUN, "staff": 100.0, "staff_pay": 1e6 / 365.25 / 86400.0, "data_price": 1e-6}
    for method in ("owned", "rented"):
        plain = GRAPH.resolve(["run_cost"], RUN, {method})["run_cost"].value
        nodes = GRAPH.resolve(["run_cost"], more, {method})
        assert nodes["staff_cost"].value == pytest.approx(100e6 * 78.4 / 365.25)
        assert nodes["data_cost"].value == pytest.approx(15.6e6)
        assert nodes["run_cost"].value == pytest.approx(plain + 15.6e6 + 100e6 * 78.4 / 365.25)


def test_samples_are_bought_where_the_run_is_counted_in_them() -> None:
    given = {"samples": 1e9, "data_price": 1e-3, "unique_tokens": 7.0}
    assert GRAPH.resolve(["data_cost"], given)["data_cost"].value == pytest.approx(1e6)


def test_an_unknown_price_leaves_owning_unknown_and_renting_known() -> None:
    given = {name: Given(value) for name, value in RUN.items()}
    given["accelerator_price"] = Given(None, why_null="never sold")
    owned = GRAPH.resolve(["run_cost", "flops_per_usd"], given, {"owned"})
    assert owned["run_cost"].value is None
    assert owned["run_cost"].why_null == "never sold"
    assert owned["flops_per_usd"].value is None
    assert owned["electricity_cost"].value > 0.0
    assert GRAPH.resolve(["run_cost"], given, {"rented"})["run_cost"].value > 0.0
