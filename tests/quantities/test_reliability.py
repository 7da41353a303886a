"""Failures, checkpoints, goodput and spares: vectors, laws, and the two ways to recover in the graph."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiplan.graph import GRAPH, GraphError
from aiplan.quantities import layout, reliability

DATA = Path(__file__).parents[1] / "data" / "vectors-reliability.yaml"
VECTORS = {v["id"]: v for v in yaml.safe_load(DATA.read_text())}
ANCHOR = layout  # imported so that the graph holds tp, pp and cp
DAY, HOUR, MINUTE = 86400.0, 3600.0, 60.0


def mttf_rsc1(gpus: float) -> dict[str, float]:
    return {"hours": reliability.mtbf(6.5e-3 / 8.0 / DAY, gpus) / HOUR}


def llama3_rate(n: float, days: float, gpus: float) -> dict[str, float]:
    rate = n / days / gpus
    assert rate == reliability.LLAMA3_RATE
    assert GRAPH["failure_rate"].default == rate / DAY
    return {
        "per_gpu_day": rate,
        "mtbf_h_at_16384": reliability.mtbf(rate / DAY, gpus) / HOUR,
        "mtbf_gpu_years": reliability.mtbf(rate / DAY, 1.0) / DAY / 365.25,
        "mtbf_h_at_100k": reliability.mtbf(rate / DAY, 1e5) / HOUR,
        "mtbf_min_at_1p6M": reliability.mtbf(rate / DAY, 1.6e6) / MINUTE,
    }


def young_daly(M_s: float, delta_s: float) -> dict[str, float]:
    return {
        "young": reliability.young_interval(M_s, delta_s),
        "daly": reliability.checkpoint_interval(M_s, delta_s),
    }


def ettr(nodes: float, r_f: float, u0_min: float, dt_min: float, w_min: float) -> dict[str, float]:
    times = [minutes * MINUTE / DAY for minutes in (u0_min, dt_min, w_min)]
    return {"ettr": reliability.effective_time_ratio(nodes, r_f, *times)}


def goodput(gpus: float, rate_per_gpu_day: float, restart_s: float, ckpt_s: float) -> dict[str, float]:
    mtbf = reliability.mtbf(rate_per_gpu_day / DAY, gpus)
    return {
        "M_s": mtbf,
        "tau_opt": reliability.best_interval(mtbf, ckpt_s),
        "goodput": reliability.failure_goodput_global(mtbf, restart_s, ckpt_s),
    }


def p_fail(rate: float, n: float, t_days: float) -> dict[str, float]:
    return {"p": reliability.failure_probability(rate / DAY, n, t_days * DAY)}


def spares(rate: float, n: float, mttr_days: float, q: float) -> dict[str, float]:
    mean = reliability.expected_events(rate / DAY, n, mttr_days * DAY)
    assert q == 0.99
    return {"mean": mean, "spares": reliability.spares(rate / DAY, n, mttr_days * DAY)}


def elastic(rate_per_gpu_day: float, domain_gpus: float, mttr_min: float) -> dict[str, float]:
    rate, repair = rate_per_gpu_day / DAY, mttr_min * MINUTE
    return {
        "down_fraction": reliability.expected_events(rate, domain_gpus, repair),
        "goodput": reliability.failure_goodput_elastic(rate, domain_gpus, repair),
    }


def sdc(n: float, days: float) -> dict[str, float]:
    interval = reliability.sdc_interval(n)
    return {
        "rate": reliability.SDC_RATE,
        "events": reliability.expected_events(reliability.SDC_RATE / DAY, n, days * DAY),
        "mean_hours_between": interval / HOUR,
    }


@pytest.mark.parametrize("name", VECTORS)
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    actual = globals()[name.split(".")[1]](**vector["inputs"])
    assert actual == pytest.approx(vector["expected"], rel=vector["rel_tol"])


# -- laws ------------------------------------------------------------------------------------------------------

LIVES = st.floats(1.0, 1e9)
PAUSES = st.floats(1e-2, 1e4)


@given(mtbf=LIVES, pause=PAUSES, restart=st.floats(0.0, 1e4), factor=st.floats(0.2, 5.0))
def test_no_interval_beats_the_best(mtbf: float, pause: float, restart: float, factor: float) -> None:
    best = reliability.failure_goodput_global(mtbf, restart, pause)
    other = factor * reliability.best_interval(mtbf, pause)
    assert reliability.restart_goodput(other, mtbf, restart, pause) <= best * (1 + 1e-6) + 1e-300


@given(mtbf=st.floats(1e2, 1e7), pause=st.floats(1.0, 100.0))
def test_the_closed_form_is_the_exact_expression_at_its_maximum(mtbf: float, pause: float) -> None:
    at_best = reliability.restart_goodput(reliability.best_interval(mtbf, pause), mtbf, 60.0, pause)
    assert reliability.failure_goodput_global(mtbf, 60.0, pause) == pytest.approx(at_best, rel=1e-6)


@given(mtbf=st.floats(1e2, 1e9), share=st.floats(1e-7, 0.1))
def test_daly_comes_close_to_the_best_interval_and_young_when_pauses_are_short(mtbf: float, share: float) -> None:
    pause = share * mtbf
    daly = reliability.checkpoint_interval(mtbf, pause)
    assert daly == pytest.approx(reliability.best_interval(mtbf, pause), rel=0.01)
    assert daly < reliability.young_interval(mtbf, pause)


def test_checkpoint_interval_of_a_hopeless_job_is_the_time_between_failures() -> None:
    assert reliability.checkpoint_interval(10.0, 30.0) == 10.0


def test_first_order_ratio_agrees_with_the_exact_one_where_losses_are_small() -> None:
    mtbf, pause, restart = 100.0 * HOUR, 30.0, 600.0
    interval = reliability.checkpoint_interval(mtbf, pause)
    exact = reliability.restart_goodput(interval, mtbf, restart, pause)
    rough = reliability.effective_time_ratio(1.0, DAY / mtbf, restart / DAY, interval / DAY, pause / DAY)
    assert rough == pytest.approx(exact, abs=1e-3)


@given(LIVES, PAUSES)
def test_global_recovery_never_beats_perfection_and_hates_failures(mtbf: float, pause: float) -> None:
    now, better = (reliability.failure_goodput_global(m, 600.0, pause) for m in (mtbf, 2.0 * mtbf))
    assert 0.0 <= now <= better <= 1.0


def test_global_recovery_without_pauses_loses_only_the_restart() -> None:
    assert reliability.failure_goodput_global(1e4, 100.0, 0.0) == pytest.approx(math.exp(-0.01), abs=2e-6)


@given(st.floats(0.0, 2e4))
def test_poisson_quantile_is_the_smallest_count_that_covers(mean: float) -> None:
    count = reliability.poisson_quantile(mean)
    if mean < 500.0:
        below = (
            sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(int(count))) if mean else 0.0
        )
        at = math.exp(count * math.log(mean) - mean - math.lgamma(count + 1)) if mean else 1.0
        assert below < 0.99 + 1e-9
        assert below + at >= 0.99 - 1e-9
    assert mean - 1.0 <= count <= mean + 2.5 * math.sqrt(mean) + 3.0


def test_poisson_quantile_switches_to_the_approximation_without_a_jump() -> None:
    for mean in (300.0, 3_000.0, 9_999.0):
        rough = reliability.poisson_quantile(mean, exact_below=0.0)
        assert abs(rough - reliability.poisson_quantile(mean)) <= 1.0


def test_spread_of_the_failure_rate_is_the_deciles_of_its_90_percent_interval() -> None:
    spread = GRAPH["failure_rate"].spread
    assert spread is not None
    low, high = (rate * DAY for rate in spread)
    assert math.sqrt(low * high) == pytest.approx(math.sqrt(1e-4 * 1.5e-3))
    assert math.log(high / low) / math.log(15.0) == pytest.approx(1.2815515655 / 1.6448536270)
    assert low < reliability.LLAMA3_RATE < high


# -- in the graph ----------------------------------------------------------------------------------------------

SHAPE = {"tp": 8.0, "pp": 16.0, "cp": 1.0}


def test_one_way_to_recover_must_be_chosen() -> None:
    with pytest.raises(GraphError, match="one of elastic, global"):
        GRAPH.resolve(["goodput"], {**SHAPE, "accelerators": 16384.0})


def test_recovery_in_parts_keeps_a_vast_fleet_at_work_where_a_global_restart_stops_it() -> None:
    given = {**SHAPE, "accelerators": 1.6e6}
    whole = GRAPH.resolve(["goodput", "mtbf"], given, {"global"})
    parts = GRAPH.resolve(["goodput", "failure_domain"], given, {"elastic"})
    assert whole["failure_goodput"].value == pytest.approx(0.0022725, rel=1e-3)
    assert whole["goodput"].value > 0.0
    assert parts["failure_domain"].value == 128.0
    assert parts["goodput"].value == pytest.approx(0.95, abs=1e-3)


def test_a_replica_is_no_larger_than_the_job() -> None:
    nodes = GRAPH.resolve(["failure_domain"], {**SHAPE, "accelerators": 8.0})
    assert nodes["failure_domain"].value == 8.0
