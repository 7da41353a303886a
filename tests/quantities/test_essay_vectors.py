"""The 100-trillion-parameter run of Comprehensive Thoughts on AI (2024): days, accelerators and power."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from aiplan.quantities import power, step_time

DATA = Path(__file__).parents[1] / "data" / "vectors-essay.yaml"
VECTORS = {v["id"]: v for v in yaml.safe_load(DATA.read_text())}
GW = 1e9

# Rated power [W] of the usual server or rack over its accelerators.
SERVER_WATTS = {
    "H100": 10_200 / 8,
    "H200": 10_200 / 8,
    "B200": 14_300 / 8,
    "GB200NVL72": 132_000 / 72,
    "GB300": 140_000 / 72,
    "MI300X": 10_000 / 8,
}
HARDWARE = [v for n, v in VECTORS.items() if n.removeprefix("essay.").rpartition("_")[0] in SERVER_WATTS]
SMALLER = [v for n, v in VECTORS.items() if n.startswith("essay.alt.")]


def days(vector: dict[str, Any], work: float) -> float:
    """Days of the vector's fleet for some work [FLOP], without failures, as the planner's formulas give them."""
    given = vector["inputs"]
    time = step_time.step_time_of_mfu(given["mfu"], work / 1e6, given["n"], given["peak"])
    return step_time.training_days(step_time.steps(work, work / 1e6), time, 1.0)


def test_every_vector_is_tested() -> None:
    named = {v["id"] for v in HARDWARE + SMALLER} | {"essay.hbm", "essay.power"}
    assert named == set(VECTORS)


@pytest.mark.parametrize("vector", HARDWARE, ids=lambda v: v["id"])
def test_days_fleet_and_power_of_the_dense_run(vector: dict[str, Any]) -> None:
    given, expected, tolerance = vector["inputs"], vector["expected"], vector["rel_tol"]
    peak, mfu, work = given["peak"], given["mfu"], given["C"]
    chip = vector["id"].removeprefix("essay.").rpartition("_")[0]
    actual = {
        "days": days(vector, work),
        "gpus_90d": step_time.accelerators_needed(work, peak, mfu, 90.0),
        "gpus_365d": step_time.accelerators_needed(work, peak, mfu, 365.0),
        "server_GW": power.it_power(given["n"], SERVER_WATTS[chip], 1.0) / GW,
        "tokens_in_120d_dense100T": step_time.work_done(given["n"], peak, mfu, 120.0) / (6.0 * 1e14),
    }
    memory = {"hbm_PB"}  # of memory, not of time
    assert actual == pytest.approx({k: v for k, v in expected.items() if k not in memory}, rel=tolerance)


@pytest.mark.parametrize("vector", SMALLER, ids=lambda v: v["id"])
def test_days_of_the_runs_that_the_fleet_can_do(vector: dict[str, Any]) -> None:
    work = 6.0 * vector["inputs"]["N_active"] * vector["inputs"]["D"]
    actual = {"C": work, "days": days(vector, work)}
    assert actual == pytest.approx(vector["expected"], rel=vector["rel_tol"])


def test_power_of_the_racks() -> None:
    vector = VECTORS["essay.hbm"]
    watts = power.it_power(vector["expected"]["n"], SERVER_WATTS["GB200NVL72"], 1.0)
    assert watts / GW == pytest.approx(vector["expected"]["GW"], rel=vector["rel_tol"])


def test_power_from_chips_to_the_fence() -> None:
    vector = VECTORS["essay.power"]
    given, expected = vector["inputs"], vector["expected"]
    racks = power.it_power(given["n"], given["rack_kw"] * 1e3 / given["gpus_per_rack"], 1.0)
    facility = [power.facility_power(racks, pue) / GW for pue in given["pue"]]
    chips = power.accelerator_power(given["n"], given["tdp_kw"] * 1e3)
    assert chips / GW == pytest.approx(expected["gpu_GW"], rel=vector["rel_tol"])
    assert racks / GW == pytest.approx(expected["rack_GW"], rel=vector["rel_tol"])
    assert facility == pytest.approx(expected["facility_GW"], rel=vector["rel_tol"])


def test_the_fleet_cannot_train_the_dense_model_on_its_chinchilla_tokens_in_a_year() -> None:
    fastest = min(days(v, v["inputs"]["C"]) for v in HARDWARE)
    assert fastest > 6.0 * 365.0
