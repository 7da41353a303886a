"""Power and energy: vectors, and the chain from chip to fence in the graph."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiplan.graph import GRAPH
from aiplan.quantities import carbon, power

DATA = Path(__file__).parents[1] / "data" / "vectors-power.yaml"
VECTORS = {v["id"]: v for v in yaml.safe_load(DATA.read_text())}
KWH, MWH = 3.6e6, 3.6e9


def run_energy(hours: float, kilowatts: float) -> float:
    """MWh of one accelerator at an average power over so many hours."""
    return power.energy(kilowatts * 1e3, hours / 24.0) / MWH


def epoch_h100(tdp_kw: float, chip_to_server: float, avg_frac: float, pue: float) -> dict[str, float]:
    server = power.server_power_per_accelerator(tdp_kw * 1e3, chip_to_server)
    facility = power.facility_power(power.it_power(1.0, server, 1.0), pue)
    return {
        "server_peak_kw": server / 1e3,
        "facility_peak_kw": facility / 1e3,
        "facility_avg_kw": power.average_power(facility, avg_frac) / 1e3,
    }


def llama3_energy(gpuh: float, kw: float) -> dict[str, float]:
    return {"MWh": run_energy(gpuh, kw)}


def llama3_tdp(gpuh: float, tdp_kw: float, tco2: float) -> dict[str, float]:
    energy = run_energy(gpuh, tdp_kw)
    return {"MWh_tdp": energy, "implied_kg_per_kwh": carbon.implied_intensity(tco2 * 1e3, energy * MWH) * KWH}


def gpt3(mwh: float, gpuh: float) -> dict[str, float]:
    return {"kw_per_gpu": power.power_per_accelerator(mwh * MWH, gpuh) / 1e3}


def bloom(mwh: float, gpuh: float) -> dict[str, float]:
    return {**gpt3(mwh, gpuh), "tco2_57g": carbon.carbon(mwh * MWH, 0.057 / KWH) / 1e3}


def colossus(mw: float, gpus: float) -> dict[str, float]:
    server = power.server_power_per_accelerator(700.0, 10.2e3 / 8.0 / 700.0)
    facility = power.facility_power(power.it_power(gpus, server, 1.0), 1.1)
    return {"kw_per_gpu": mw * 1e3 / gpus, "epoch_peak_pue1p1": facility / gpus / 1e3}


@pytest.mark.parametrize("name", [name for name in VECTORS if name.startswith("power.")])
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    actual = globals()[name.removeprefix("power.")](**vector["inputs"])
    assert actual == pytest.approx(vector["expected"], rel=vector["rel_tol"])


def test_hundred_thousand_h100s_come_near_the_power_of_colossus() -> None:
    """Published 150 MW for 100,000 H100s; our chain adds network and storage to the servers."""
    given = {"accelerators": 1e5, "accelerator_tdp": 700.0, "pue": 1.1, "server_power_per_accelerator": 1275.0}
    nodes = GRAPH.resolve(["facility_power"], given)
    assert nodes["facility_power"].value == pytest.approx(150e6, rel=0.10)
    assert nodes["it_overhead"].origin == "default"


def test_the_power_of_an_unknown_server_follows_from_the_chip() -> None:
    nodes = GRAPH.resolve(["it_power", "accelerator_power"], {"accelerators": 10.0, "accelerator_tdp": 1000.0})
    assert nodes["accelerator_power"].value == 10_000.0
    assert nodes["server_power_per_accelerator"].value == 1800.0
    assert nodes["it_power"].value == pytest.approx(10 * 1800.0 * 1.14)


def test_a_known_server_replaces_the_ratio() -> None:
    given = {"accelerators": 1.0, "server_power_per_accelerator": 1275.0, "it_overhead": 1.0}
    nodes = GRAPH.resolve(["it_power"], given)
    assert nodes["it_power"].value == 1275.0
    assert "accelerator_tdp" not in nodes


@pytest.mark.parametrize(("watts", "count"), [(0.9e9, 1.0), (1e9, 1.0), (1.0001e9, 2.0), (4.5e9, 5.0)])
def test_sites_are_whole(watts: float, count: float) -> None:
    assert power.sites(watts, 1e9) == count


@given(st.floats(1.0, 1e12), st.floats(1e-3, 1e4), st.floats(1e-3, 1e9))
def test_power_per_accelerator_undoes_energy(watts: float, days: float, count: float) -> None:
    energy = power.energy(watts * count, days)
    assert power.power_per_accelerator(energy, count * days * 24.0) == pytest.approx(watts)


@given(st.floats(1.0, 1e7), st.floats(1.0, 2000.0), st.floats(1.0, 2.0), st.floats(1.0, 2.0), st.floats(0.1, 1.0))
def test_each_step_of_the_chain_adds_power(n: float, tdp: float, ratio: float, pue: float, used: float) -> None:
    chips = power.accelerator_power(n, tdp)
    equipment = power.it_power(n, power.server_power_per_accelerator(tdp, ratio), 1.14)
    facility = power.facility_power(equipment, pue)
    assert chips < equipment <= facility
    assert power.average_power(facility, used) <= facility
