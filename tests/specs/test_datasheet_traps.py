"""The known traps of datasheets, each by name: our entries are free of them, and `check` sees what can be seen."""

from __future__ import annotations

import statistics
from collections import defaultdict

import pytest

from aiplan.catalog import Catalog
from aiplan.specs.accelerator import Accelerator, best_precision, expand_accelerator, purchase_price
from aiplan.specs.accelerator_doubts import PIN_RATES, doubts, pin_rate

CATALOG = Catalog()
CHIPS = CATALOG.ids("accelerator")
T = 1e12


def chip(name: str) -> Accelerator:
    return CATALOG.find("accelerator", name)


# -- dense is not sparse --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "precision", "dense", "sparse"),
    [
        ("h100", "bf16", 989.4, 1978.9),
        ("h100", "fp8", 1978.9, 3957.8),
        ("h200", "bf16", 989.4, 1978.9),
        ("a100", "bf16", 312, 624),
        ("l40s", "fp8", 733, 1466),
        ("rtx-4090", "fp8", 330.3, 660.6),
        ("b200", "fp8", 4500, 9000),
        ("b200", "fp4", 9000, 18000),
        ("gb200", "fp8", 5000, 10000),
        ("trainium2", "bf16", 667, 2563),
    ],
)
def test_brochures_show_the_sparse_peak(name: str, precision: str, dense: float, sparse: float) -> None:
    spec = chip(name)
    peaks = {str(p): v for p, v in spec.peak.items()}, {str(p): v for p, v in spec.sparse_peak.items()}
    assert peaks[0][precision] == pytest.approx(dense * T, rel=0.01)
    assert peaks[1][precision] == pytest.approx(sparse * T, rel=0.01)


def test_h100_nonsense_of_collected_tables() -> None:
    h100 = chip("h100")
    assert h100.peak["tf32"] == pytest.approx(494.7 * T)  # 989 there is the sparse one
    assert h100.peak["fp16"] == pytest.approx(989.4 * T)  # 1979 is sparse, 267.6 the vector units


def test_rtx_4090_multiplies_fp16_at_half_rate_when_it_sums_in_fp32() -> None:
    assert chip("rtx-4090").peak["fp16"] == pytest.approx(165.2 * T, rel=0.01)


def test_rtx_5090_ai_tops_are_sparse_fp4() -> None:
    assert max(chip("rtx-5090").peak.values()) <= 1676 * T * 1.01 < 3352 * T


def test_l40_has_half_the_tensor_rate_of_l40s() -> None:
    assert chip("l40").peak["bf16"] == pytest.approx(chip("l40s").peak["bf16"] / 2, rel=0.01)


def test_b300_grew_in_fp4_alone() -> None:
    b200, b300 = chip("b200"), chip("b300")
    assert b300.peak["bf16"] == b200.peak["bf16"]
    assert b300.peak["fp8"] == b200.peak["fp8"]
    assert b200.peak["fp4"] < b300.peak["fp4"] <= 15000 * T
    assert b300.sparse_peak["fp4"] / b300.peak["fp4"] < 1.4  # not twice
    assert b300.peak["int8"] < 0.05 * b200.peak["int8"]
    assert b300.peak["fp64"] < 2 * T


def test_rubin_fp4_is_the_training_figure() -> None:
    assert chip("rubin").peak["fp4"] == pytest.approx(35000 * T)
    assert "50" in chip("rubin").doubtful["peak.fp4"]


def test_rubin_counts_packages_not_dies() -> None:
    assert chip("rubin").scale_up.domain == 72


@pytest.mark.parametrize(("name", "word"), [("mi455x", "AMD does not say"), ("maia-200", "not whether dense")])
def test_vendors_that_do_not_say_dense_are_doubted(name: str, word: str) -> None:
    assert word in chip(name).doubtful["peak"]


def test_trainium_sparsity_is_16_to_4() -> None:
    trn2 = chip("trainium2")
    assert trn2.sparse_peak["bf16"] / trn2.peak["bf16"] == pytest.approx(3.84, rel=0.01)


def test_trainium1_is_190_tflops_and_int8_380() -> None:
    assert chip("trn1").peak["bf16"] == pytest.approx(190 * T)
    assert chip("trn1").peak["int8"] == pytest.approx(380 * T)


@pytest.mark.parametrize(
    ("name", "bf16", "int8"), [("tpu-v5e", 197, 393), ("tpu-v5p", 459, 918), ("tpu-v6e", 918, 1836)]
)
def test_tpu_headlines_are_int8(name: str, bf16: float, int8: float) -> None:
    spec = chip(name)
    assert (spec.peak["bf16"], spec.peak["int8"]) == (pytest.approx(bf16 * T), pytest.approx(int8 * T, rel=0.003))


def test_ironwood_headline_is_fp8() -> None:
    assert chip("ironwood").peak["fp8"] == pytest.approx(4614 * T)
    assert chip("ironwood").peak["bf16"] == pytest.approx(2307 * T)


def test_gaudi3_bf16_and_fp8_run_alike_and_the_other_figures_are_named() -> None:
    gaudi = chip("gaudi3")
    assert gaudi.peak["bf16"] == gaudi.peak["fp8"] == pytest.approx(1835 * T)
    assert all(figure in gaudi.doubtful["peak.bf16"] for figure in ("1,678", "1,856"))


def test_wse3_has_no_dense_peak() -> None:
    wse = chip("wse-3")
    assert wse.peak == {}
    assert wse.unpublished == ("fp16",)
    assert wse.sparse_peak["fp16"] == pytest.approx(125e15)
    assert any("no dense peak is published at fp16; only a sparse one" in doubt for doubt in doubts(wse))


def test_apple_gpus_have_no_matrix_units() -> None:
    for name in ("m2-ultra", "m4-max"):
        assert chip(name).peak["fp16"] == chip(name).peak["fp32"]
    assert chip("m3-ultra").unpublished == ("fp32", "fp16")


def test_half_of_a_mi250x() -> None:
    assert chip("mi250x").peak["bf16"] == pytest.approx(383 * T)
    assert chip("mi250x-gcd").peak["bf16"] == pytest.approx(191.5 * T)


# -- links are one way -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "one_way"),
    [
        ("v100", 150),
        ("a100", 300),
        ("a800", 200),
        ("h100", 450),
        ("h800", 200),
        ("b200", 900),
        ("gb200", 900),
        ("rubin", 1800),
        ("tpu-v5e", 200),
        ("tpu-v6e", 400),
        ("tpu-v5p", 600),
    ],
)
def test_links_are_one_way(name: str, one_way: float) -> None:
    assert chip(name).scale_up.bandwidth == pytest.approx(one_way * 1e9)


def test_cut_down_chips_are_cut_in_their_links_alone() -> None:
    assert chip("h800").peak["bf16"] == chip("h100").peak["bf16"]
    assert chip("a800").peak["bf16"] == chip("a100").peak["bf16"]


def test_mi300x_link_is_not_the_sum_of_both_ways() -> None:
    assert (chip("mi300x").scale_up.bandwidth or 0) <= 448e9


# -- memory ----------------------------------------------------------------------------------------------------------


def test_marketed_gb_and_gib() -> None:
    assert chip("h100").memory.capacity == 80e9
    assert chip("gb200").memory.capacity == 186e9
    assert "GiB" in chip("gb200").doubtful["memory.capacity"]
    assert chip("tpu-v5p").memory.capacity == 95 * 2**30
    assert chip("ironwood").memory.capacity == 192 * 2**30
    assert chip("trainium2").memory.capacity == 96 * 2**30
    assert chip("b200").memory.capacity == 180e9  # usable, of 192 fitted


def test_mtia_memory_is_not_its_sram() -> None:
    assert chip("mtia-v2").memory.capacity == 64e9
    assert (chip("mtia-v2").memory.bandwidth or 0) < 1e12


@pytest.mark.parametrize(("name", "bandwidth"), [("mi300x", 5.3), ("mi325x", 6.0), ("h200", 4.8), ("h100-pcie", 2.0)])
def test_bandwidths_that_tables_get_wrong(name: str, bandwidth: float) -> None:
    assert chip(name).memory.bandwidth == pytest.approx(bandwidth * 1e12, rel=0.02)


@pytest.mark.parametrize("name", CHIPS)
def test_bandwidth_over_bus_is_a_pin_rate_of_that_memory(name: str) -> None:
    spec = chip(name)
    rate, kind = pin_rate(spec), (spec.memory.kind or "").lower()
    ranges = [bounds for memory, bounds in PIN_RATES.items() if kind.startswith(memory)]
    if rate is None:
        # On-chip memory has no bus; of the rest the bus or the bandwidth is unknown.
        assert "sram" in kind or name in ("h100-sxm-96gb", "tpu-v2", "mtia-300", "mtia-400")
    elif kind != "hbm":
        assert ranges, kind
        assert ranges[0][0] <= rate <= ranges[0][1]


@pytest.mark.parametrize("name", [n for n in CHIPS if (chip(n).memory.kind or "").startswith("HBM")])
def test_hbm_stacks_are_whole_and_of_a_size_that_is_made(name: str) -> None:
    memory = chip(name).memory
    if memory.bus_bits is None or memory.capacity is None:
        return
    pins = 2048 if memory.kind == "HBM4" else 1024
    stacks = memory.bus_bits / pins
    assert stacks == int(stacks)
    assert 3.5e9 <= memory.capacity / stacks <= 52e9


# -- power, servers, racks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in CHIPS if chip(n).server_spec is not None])
def test_a_server_draws_more_than_its_accelerators(name: str) -> None:
    spec = chip(name)
    server = spec.server_spec
    assert server is not None
    if server.max_power is None or spec.tdp is None:
        return
    ratio = server.max_power / server.accelerators / spec.tdp
    low = 0.85 if name == "gb300-288gb" else 1.0  # its rating of 1,400 W is above the rack's share
    assert low <= ratio <= 2.6


def test_gb200_is_one_gpu_and_not_the_superchip() -> None:
    out = expand_accelerator(chip("gb200"), "bf16")
    assert out["accelerators_per_server"].value == 72
    assert out["server_power_per_accelerator"].value == pytest.approx(1833, rel=1e-3)


@pytest.mark.parametrize("name", [n for n in CATALOG.ids("server") if CATALOG.find("server", n).holds])
def test_racks_and_pods_are_the_sum_of_their_servers(name: str) -> None:
    rack = CATALOG.find("server", name)
    parts = [(CATALOG.find("server", part), count) for part, count in rack.holds.items()]
    assert sum(part.accelerators * count for part, count in parts) == rack.accelerators
    power = sum((part.max_power or 0) * count for part, count in parts)
    assert rack.max_power is None or power <= rack.max_power


@pytest.mark.parametrize(
    ("server", "kilowatts"), [("dgx-h100", 10.2), ("dgx-b200", 14.3), ("gb200-nvl72", 132), ("dgx-a100", 6.5)]
)
def test_rated_power_of_servers(server: str, kilowatts: float) -> None:
    assert CATALOG.find("server", server).max_power == pytest.approx(kilowatts * 1e3)


def test_pods_are_as_large_as_their_network() -> None:
    for name in ("tpu-v4", "tpu-v5e", "tpu-v5p", "tpu-v6e"):
        assert CATALOG.find("server", f"{name}-pod").accelerators == chip(name).scale_up.domain
    assert CATALOG.find("server", "tpu-v7-pod").accelerators == chip("ironwood").scale_up.domain
    assert CATALOG.find("server", "trn2-ultraserver").accelerators == chip("trn2").scale_up.domain


# -- dates and prices ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHIPS)
def test_no_price_is_older_than_the_chip(name: str) -> None:
    assert not [doubt for doubt in doubts(chip(name)) if "before the release" in doubt]
    for price in chip(name).prices:
        assert price.as_of[:4] >= (chip(name).released or "")[:4] or price.announced


def test_prices_are_within_the_range_of_their_neighbours() -> None:
    groups: dict[tuple[str, str | None, bool], list[tuple[float, str]]] = defaultdict(list)
    for name in CHIPS:
        spec = chip(name)
        stacked = (spec.memory.kind or "").startswith("HBM")
        for price in spec.prices:
            if price.kind == "purchase" and price.value is not None:
                groups[spec.vendor, spec.family, stacked].append((price.value, name))
    assert len(groups) >= 12
    for (_, _, stacked), prices in groups.items():
        middle = statistics.median(value for value, _ in prices)
        factor = 4 if stacked else 5
        for value, name in prices:
            assert middle / factor <= value <= middle * factor, name


def test_an_eighth_of_a_server_is_not_a_chip() -> None:
    for name in ("h100", "h200", "gb200"):
        price = purchase_price(chip(name))
        assert price is not None
        assert price.covers in ("server", "rack")


def test_rents_lie_between_spot_and_twenty_times_it() -> None:
    for name in CHIPS:
        rents = {kind: [p.value or 0 for p in chip(name).prices if p.kind == kind] for kind in ("spot", "on-demand")}
        if all(rents.values()):
            assert min(rents["spot"]) <= max(rents["on-demand"]) <= 20 * min(rents["spot"]), name


# -- measured MFU ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "precision", "value"),
    [
        ("h100", "fp8", 0.32),
        ("b200", "fp8", 0.29),
        ("gb200", "fp8", 0.32),
        ("gb300", "fp8", 0.40),
        ("gb200", "fp4", 0.24),
        ("gb300", "fp4", 0.19),
    ],
)
def test_eight_and_four_bit_mfu_is_discounted_and_says_why(name: str, precision: str, value: float) -> None:
    given = expand_accelerator(chip(name), precision)["reference_mfu"]
    assert given.value == pytest.approx(value)
    assert given.spread is not None
    assert given.spread[0] < value < given.spread[1]
    assert "vendor-tuned short runs, so upper bounds" in given.source


def test_fewer_bits_reach_a_smaller_share_of_the_peak() -> None:
    for name in ("gb200", "gb300"):
        shares = {str(p): m.value for p, m in chip(name).mfu.items()}
        assert shares["fp4"] < shares["fp8"]
    assert chip("h100").mfu["fp8"].value < chip("h100").mfu["bf16"].value


def test_every_chip_with_a_dense_peak_has_a_precision_to_train_in() -> None:
    for name in CHIPS:
        spec = chip(name)
        if spec.peak:
            assert best_precision(spec) in spec.peak
