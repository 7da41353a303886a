"""Carbon and water: the vector, published runs, and the graph."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiplan.graph import GRAPH, Given
from aiplan.quantities import carbon

DATA = Path(__file__).parents[1] / "data" / "vectors-power.yaml"
VECTORS = {v["id"]: v for v in yaml.safe_load(DATA.read_text())}
KWH = 3.6e6
LITRE = 1e-3  # m3


def test_vector_of_water() -> None:
    vector = VECTORS["water"]
    kwh, pue, wue, ewif = (vector["inputs"][key] for key in ("kwh_it", "pue", "wue", "ewif"))
    volume = carbon.water(kwh * pue * KWH, pue, wue * LITRE / KWH, ewif * LITRE / KWH)
    assert volume / LITRE == pytest.approx(vector["expected"]["liters"], rel=vector["rel_tol"])


def test_bloom_s_published_carbon() -> None:
    """433 MWh at 57 g/kWh: 24.7 t (Luccioni et al. 2022)."""
    assert carbon.carbon(433e3 * KWH, 0.057 / KWH) == pytest.approx(24.7e3, rel=0.01)


def test_a_server_of_eight_shares_its_embodied_carbon() -> None:
    default = GRAPH["embodied_carbon_per_accelerator"].default
    assert default is not None
    assert 8.0 * default == pytest.approx(8 * 273 + 5700)


@given(st.floats(1.0, 1e7), st.floats(1e-3, 1e4))
def test_a_run_of_a_whole_lifetime_embodies_all(count: float, years: float) -> None:
    whole = carbon.embodied_carbon(count, 985.5, years * 365.25, years)
    assert whole == pytest.approx(count * 985.5)
    assert carbon.embodied_carbon(count, 985.5, years * 365.25 / 2.0, years) == pytest.approx(whole / 2.0)


@given(st.floats(1.0, 1e18), st.floats(0.0, 1e-6))
def test_intensity_undoes_carbon(energy: float, intensity: float) -> None:
    assert carbon.implied_intensity(carbon.carbon(energy, intensity), energy) == pytest.approx(intensity)


def test_in_the_graph_an_unknown_grid_leaves_water_and_carbon_unknown_but_not_the_embodied() -> None:
    given = {
        "energy": Given(3.6e9),
        "pue": Given(1.2),
        "wue": Given(0.5e-3 / KWH),
        "grid_carbon": Given(None, why_null="no intensity known for this site"),
        "grid_water": Given(None),
        "accelerators": Given(8.0),
        "training_days": Given(365.25),
    }
    nodes = GRAPH.resolve(["carbon", "water", "embodied_carbon"], given)
    assert nodes["carbon"].value is None
    assert nodes["carbon"].why_null == "no intensity known for this site"
    assert nodes["water"].value is None
    assert nodes["embodied_carbon"].value == pytest.approx(8 * 985.5 / 5.0)
