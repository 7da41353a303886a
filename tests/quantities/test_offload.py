"""The optimizer's state with the host, and gradients between sites: what they save and what they cost."""

from __future__ import annotations

from typing import Any

import pytest

from aiplan.catalog import open_catalog
from aiplan.plan import Plan, train
from aiplan.quantities.communication_time import site_exchange_time_over_link
from aiplan.specs.question import read_question

LLAMA = {"model": "llama-3-8b", "accelerator": "h100", "accelerators": 8}
HELD = {"layout": "tp=1,pp=1,cp=1,dp=8,zero=1,mb=1,recompute=2"}


def plan(*parts: dict[str, Any], repair: bool = False, **more: Any) -> Plan:
    asked: dict[str, Any] = {}
    for part in (*parts, more):
        asked |= part
    return train(read_question(asked), open_catalog()[0], repair=repair, more=["host_memory_per_accelerator"])


def test_offloading_moves_the_state_and_costs_the_link_and_the_hosts_update() -> None:
    kept, away = plan(LLAMA, HELD), plan(LLAMA, HELD, offload="optimizer")
    shard = 8030261248 / 8
    saved = kept.value("memory_per_accelerator") - away.value("memory_per_accelerator")
    assert saved == pytest.approx(12 * shard, rel=0.01)
    assert away.value("host_memory_per_accelerator") == pytest.approx(12 * shard, rel=0.01)
    longer = away.value("optimizer_time")
    assert longer == pytest.approx(shard * (4 / 64e9 + 30 / 77e9), rel=0.01)
    assert away.value("step_time") > kept.value("step_time")
    faster = plan(LLAMA, HELD, offload="optimizer", host_bandwidth="450 GB/s")
    assert faster.value("optimizer_time") < longer


def test_what_is_not_chosen_is_an_assumption() -> None:
    assert plan(LLAMA).expanded.assumed["offload"].startswith("default")
    assert "offload" not in plan(LLAMA, offload="none").expanded.assumed


def test_a_chip_without_a_known_link_is_refused() -> None:
    found = plan(LLAMA | {"accelerator": "tpu-v5p"}, offload="optimizer")
    assert found.impossible
    assert found.value("step_time") is None
    assert "give host_bandwidth" in (found.nodes["training_days"].why_null or "")
    assert plan(LLAMA | {"accelerator": "tpu-v5p"}, offload="optimizer", host_bandwidth="16 GB/s").value("step_time")


def test_offloading_is_offered_where_it_makes_a_model_fit() -> None:
    asked = {"model": "llama-3-70b", "accelerator": "h100", "accelerators": 8}
    found = plan(asked, repair=True)
    assert any("--offload optimizer takes" in line for line in found.binding)
    assert plan(asked, offload="optimizer").value("fits") == 1


def test_exchange_among_sites() -> None:
    seconds = site_exchange_time_over_link(8.0, 1e12, 0.5, 7e9 / 8, 0.0, 100.0)
    assert seconds == pytest.approx(10.0)  # 7 Gb/s keep up with ten seconds a step (time.diloco_bw)
    assert site_exchange_time_over_link(1.0, 1e12, 2.0, 1e9, 1.0, 1.0) == 0.0
    asked = LLAMA | {"sites": 2}
    alone, joined = plan(LLAMA), plan(asked, site_link_bandwidth="100 GB/s", site_latency="5 ms")
    wait = 8030261248 * 4 / 100e9 + 2 * 0.005
    assert joined.value("step_time") - alone.value("step_time") == pytest.approx(wait, rel=1e-6)
    assert plan(asked).value("step_time") == alone.value("step_time")
    rare = plan(asked, site_link_bandwidth="100 GB/s", site_latency="5 ms", site_sync_steps=100)
    assert rare.value("step_time") - alone.value("step_time") == pytest.approx(wait / 100, rel=1e-6)
