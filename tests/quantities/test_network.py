"""Collectives, pipelines, bounds and sites: vectors and properties."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiplan.quantities import network, schedule

DATA = Path(__file__).parents[1] / "data" / "vectors-time.yaml"
VECTORS = {v["id"]: v for v in yaml.safe_load(DATA.read_text())}
ELSEWHERE = ("mccandlish", "zhang_cbs", "time.train_days", "time.mfu_from_gpuh", "time.dsv3_mfu", "time.steps")
DAY = 86400.0


def allreduce_ring(S: float, n: float, bw: float, lat: float) -> dict[str, float]:
    return {"t": network.allreduce_time(S, n, bw, latency=lat)}


def allgather(S: float, n: float, bw: float, lat: float) -> dict[str, float]:
    return {"t": network.allgather_time(S, n, bw, latency=lat)}


def alltoall(S: float, n: float, bw: float) -> dict[str, float]:
    return {"t": network.alltoall_time(S, n, bw)}


def hier_allreduce(S: float, g: float, m: float, bw1: float, bw2: float) -> dict[str, float]:
    return {"t": network.hierarchical_allreduce_time(S, g, m, bw1, bw2)}


def bubble(p: float, m: float, v: float) -> dict[str, float]:
    over_ideal = schedule.pipeline_bubble(p, v, m, 0, 1 / 3)
    return {"over_ideal": over_ideal, "fraction": network.bubble_share(over_ideal)}


def fsdp_bound(C: float, W: float) -> dict[str, float]:
    return {"min_tokens_per_chip": network.fsdp_least_tokens(C, W)}


def tp_bound(F: float, C: float, W: float, n_axes: float) -> dict[str, float]:
    return {"Y_max": network.tensor_parallel_most(F, C, W, axes=n_axes)}


def mixed_bound(C: float, W: float, Mx: float, My: float, F: float) -> dict[str, float]:
    return {
        "alpha": network.fsdp_least_tokens(C, W),
        "min_tokens_per_chip": network.mixed_least_tokens(F, C, W, data_axes=Mx, tensor_axes=My),
    }


def latency_wall(D: float, B: float, L: float, t_layer: float) -> dict[str, float]:
    days = network.latency_days(D, B, L, layer_time=t_layer)
    return {"steps": days * DAY / (3.0 * L * t_layer), "seconds": days * DAY, "days": days}


def latency_cmax(B: float, T_days: float, L: float, t_layer: float) -> dict[str, float]:
    most = network.latency_flops(T_days, B, L, layer_time=t_layer)
    params = (most / 120.0) ** 0.5
    return {"steps_max": 20.0 * params / B, "D": 20.0 * params, "N": params, "C": most}


def diloco_bw(N: float, bits: float, K: float, H: float, t_step: float) -> dict[str, float]:
    each = bits / 8.0
    bandwidth = network.site_bandwidth(N, K, t_step, bytes_per_param=each, steps_between=H)
    return {"volume_bits": 8.0 * network.sync_bytes(N, K, bytes_per_param=each), "gbps": 8e-9 * bandwidth}


@pytest.mark.parametrize("name", [name for name in VECTORS if not name.startswith(ELSEWHERE)])
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    actual = globals()[name.split(".")[1]](**vector["inputs"])
    assert actual == pytest.approx(vector["expected"], rel=vector["rel_tol"])


@given(st.floats(1e3, 1e12), st.integers(2, 10_000), st.floats(1e9, 1e12), st.floats(0.0, 1e-4))
def test_allreduce_is_two_allgathers(size: float, ranks: int, bandwidth: float, latency: float) -> None:
    half = network.allgather_time(size, ranks, bandwidth, latency=latency)
    assert network.allreduce_time(size, ranks, bandwidth, latency=latency) == pytest.approx(2 * half)
    assert network.allgather_time(size, 1, bandwidth, latency=latency) == 0.0


@given(st.floats(1e3, 1e12), st.integers(2, 72), st.integers(2, 1000), st.floats(1e10, 1e12), st.floats(1.0, 100.0))
def test_a_hierarchy_beats_a_flat_ring_over_slow_links(
    size: float, domain: int, domains: int, inner: float, ratio: float
) -> None:
    outer = inner / ratio
    flat = network.allreduce_time(size, domain * domains, outer)
    assert network.hierarchical_allreduce_time(size, domain, domains, inner, outer) <= flat * (1 + 1e-9)


@given(st.floats(0.0, 1e3), st.floats(1.0, 10.0))
def test_bubble_share_is_below_one_and_grows_with_the_bubble(bubble: float, factor: float) -> None:
    share = network.bubble_share(bubble)
    assert 0.0 <= share < 1.0
    assert network.bubble_share(bubble * factor) >= share
    assert (1.0 - share) * (1.0 + bubble) == pytest.approx(1.0)


def test_mixed_parallelism_spreads_a_batch_thinner_than_sharding_alone() -> None:
    alone = network.fsdp_least_tokens(459e12, 180e9)
    mixed = network.mixed_least_tokens(28672.0, 459e12, 180e9)
    assert mixed < alone
    assert network.accelerators_most(16e6, mixed, stages=16.0) == pytest.approx(5.6e5, rel=0.02)


def test_at_the_mixed_bound_links_take_as_long_as_the_work() -> None:
    """Of one layer, per unit of its width: gathering weights, exchanging activations, multiplying."""
    d_ff, peak, bandwidth, count, axes = 28672.0, 459e12, 180e9, 4096.0, 2.0
    batch = network.mixed_least_tokens(d_ff, peak, bandwidth, data_axes=axes) * count
    data = network.mixed_data_degree(batch, d_ff, count, data_axes=axes)
    gathering = 4.0 * d_ff * data / count / (bandwidth * axes)
    exchanging = 4.0 * batch / data / bandwidth
    assert gathering == pytest.approx(exchanging)
    assert gathering + exchanging == pytest.approx(4.0 * batch * d_ff / (count * peak))


@given(st.floats(1.0, 1000.0), st.floats(1e5, 1e9), st.floats(1.0, 1000.0))
def test_the_largest_run_by_latency_takes_exactly_the_days(days: float, batch: float, layers: float) -> None:
    tokens = (network.latency_flops(days, batch, layers) * 20.0 / 6.0) ** 0.5
    assert network.latency_days(tokens, batch, layers) == pytest.approx(days)


def test_sites_that_exchange_rarely_need_less() -> None:
    often = network.site_bandwidth(1e14, 10.0, 10.0)
    assert network.site_bandwidth(1e14, 10.0, 10.0, steps_between=100.0) == pytest.approx(often / 100.0)
    assert network.site_bandwidth(1e14, 1.0, 10.0) == 0.0
