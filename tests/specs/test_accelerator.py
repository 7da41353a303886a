"""What choosing an accelerator means for a plan: peaks, prices, servers and their sources."""

from __future__ import annotations

from typing import Any

import pytest

from aiplan.catalog import Catalog, parse
from aiplan.errors import UserError
from aiplan.specs.accelerator import (
    Accelerator,
    best_precision,
    doubts,
    expand_accelerator,
    peak_of,
    purchase_price,
    rental_prices,
)
from aiplan.specs.server import Server

CATALOG = Catalog()


def chip(**fields: Any) -> Accelerator:
    raw: dict[str, Any] = {
        "id": "x",
        "name": "X",
        "vendor": "v",
        "released": "2024",
        "peak": {"bf16": "100 TFLOP/s"},
        "memory": {"capacity": "80 GB", "bandwidth": "3 TB/s"},
        "tdp": "700 W",
        "sources": {"sheet": "datasheet, 2024"},
    }
    return Accelerator.model_validate(raw | fields)


def bought(usd: float, as_of: str, covers: str = "chip", **more: Any) -> dict[str, Any]:
    return {"kind": "purchase", "covers": covers, "usd": usd, "as_of": as_of, "source": "sheet", **more}


def rented(usd: float, as_of: str, kind: str = "on-demand", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "usd_per_hour": usd, "as_of": as_of, "source": "sheet", **more}


def test_h100_in_si() -> None:
    spec = CATALOG.find("accelerator", "h100")
    out = expand_accelerator(spec, "bf16")
    assert out["peak_flops"].value == pytest.approx(989.4e12)
    assert out["accelerator_memory"].value == pytest.approx(80e9)
    assert out["accelerator_memory_bandwidth"].value == pytest.approx(3.35e12)
    assert out["scale_up_bandwidth"].value == pytest.approx(450e9)
    assert out["scale_up_domain"].value == 8
    assert out["scale_out_bandwidth"].value == pytest.approx(50e9)
    assert out["accelerator_tdp"].value == 700
    assert out["accelerators_per_server"].value == 8
    assert out["server_power_per_accelerator"].value == pytest.approx(1275)
    assert out["accelerator_price"].value == pytest.approx(31900)
    assert out["server_price_overhead"].value == 1
    assert out["network_share"].value == pytest.approx(0.19)
    assert (out["reference_mfu"].value, out["reference_mfu"].spread) == (pytest.approx(0.41), (0.32, 0.44))


def test_gb200_price_is_a_share_of_a_rack() -> None:
    out = expand_accelerator(CATALOG.find("accelerator", "gb200"), "fp8")
    assert out["accelerator_price"].value == pytest.approx(2.5e6 / 72, rel=1e-4)
    assert out["accelerator_price"].spread == (pytest.approx(2e6 / 72, rel=1e-4), pytest.approx(3e6 / 72, rel=1e-4))
    assert out["server_price_overhead"].value == 1
    assert out["network_share"].value == pytest.approx(0.146)
    assert out["server_power_per_accelerator"].value == pytest.approx(132e3 / 72)
    assert out["peak_flops"].value == pytest.approx(5e15)
    assert out["peak_flops_bf16"].value == pytest.approx(2.5e15)


def test_every_value_has_a_source_or_a_reason() -> None:
    for name in CATALOG.ids("accelerator"):
        spec = CATALOG.find("accelerator", name)
        for precision in spec.peak:
            for quantity, given in expand_accelerator(spec, precision).items():
                assert given.origin == "catalog"
                assert given.source, (name, quantity)
                assert given.value != 0 or quantity == "network_share", (name, quantity)
                assert (given.value is None) == bool(given.why_null), (name, quantity)


def test_unknown_is_null_and_named() -> None:
    out = expand_accelerator(CATALOG.find("accelerator", "trainium2"), "bf16")
    assert out["accelerator_price"].value is None
    assert out["accelerator_price"].why_null == "trainium2 has no purchase price in the catalogue"
    bare = expand_accelerator(chip(tdp=None, memory={}), "bf16")
    assert bare["accelerator_tdp"].why_null == "x has no rated power in the catalogue"
    assert bare["accelerator_memory"].why_null == "x has no memory capacity in the catalogue"
    assert "reference_mfu" not in bare
    assert "server_power_per_accelerator" not in bare


def test_overheads_apply_only_to_what_is_not_covered() -> None:
    for covers, overhead, share in (("chip", 1.64, 0.19), ("server", 1.0, 0.19), ("rack", 1.0, 0.146)):
        out = expand_accelerator(chip(prices=[bought(1000, "2024", covers)]), "bf16")
        assert out["server_price_overhead"].value == overhead
        assert out["network_share"].value == share
    own = chip(prices=[bought(1000, "2024")], server_overhead=1.66)
    assert expand_accelerator(own, "bf16")["server_price_overhead"].value == 1.66


def test_a_machine_that_stands_alone_has_no_network() -> None:
    out = expand_accelerator(CATALOG.find("accelerator", "desktop"), "bf16")
    assert out["network_share"].value == 0
    assert out["server_power_per_accelerator"].value == 800
    assert out["accelerators_per_server"].value == 1


def test_tpus_draw_less_of_their_rating() -> None:
    out = expand_accelerator(CATALOG.find("accelerator", "TPUv5p"), "bf16")
    assert out["power_utilization"].value == 0.43
    assert out["server_power_ratio"].value == 1.56
    assert out["accelerator_memory"].value == 95 * 2**30
    gpu = expand_accelerator(CATALOG.find("accelerator", "h100"), "bf16")
    assert gpu["power_utilization"].value == 0.75
    assert "server_power_ratio" not in gpu


def test_latest_price_wins_and_as_of_looks_back() -> None:
    spec = chip(prices=[bought(3, "2025-03"), bought(1, "2022"), bought(4, "2025-03"), bought(2, "2023-05-01")])
    assert purchase_price(spec) == spec.prices[0]
    assert purchase_price(spec, "2024-01") == spec.prices[3]
    assert purchase_price(spec, "2022-06") == spec.prices[1]
    oldest = purchase_price(spec, "2020")
    assert oldest is not None  # none is that old: the price is still better than none
    assert purchase_price(chip()) is None


def test_price_is_the_middle_of_its_range() -> None:
    price = {"kind": "purchase", "covers": "chip", "low": "$20k", "high": 30000, "as_of": 2025, "source": "sheet"}
    given = expand_accelerator(chip(prices=[price]), "bf16")["accelerator_price"]
    assert (given.value, given.spread) == (25000, (20000, 30000))
    assert given.source == "x: datasheet, 2024, 2025"


def test_rental_is_the_median_of_the_latest_year() -> None:
    prices = [
        rented(9, "2024"),
        rented(2, "2026"),
        rented(4, "2026-03"),
        rented(3, "2026", where="a"),
        rented(1, "2026", "spot"),
    ]
    given = expand_accelerator(chip(prices=prices), "bf16")["rental_price"]
    assert given.value == pytest.approx(3 / 3600)
    assert given.spread == (pytest.approx(2 / 3600), pytest.approx(4 / 3600))
    assert [p.value for p in rental_prices(chip(prices=prices), "2025")] == [9]
    reserved = chip(prices=[rented(1, "2026", "spot"), rented(2, "2025", "reserved")])
    assert expand_accelerator(reserved, "bf16")["rental_price"].value == pytest.approx(2 / 3600)
    assert expand_accelerator(chip(), "bf16")["rental_price"].value is None


def test_best_precision() -> None:
    assert best_precision(CATALOG.find("accelerator", "gb200")) == "bf16"
    assert best_precision(CATALOG.find("accelerator", "v100")) == "fp16"
    assert best_precision(CATALOG.find("accelerator", "laptop")) == "fp32"
    assert best_precision(CATALOG.find("accelerator", "rubin")) == "fp8"  # it has nothing wider
    with pytest.raises(UserError, match=r"x has none of bf16, fp16, tf32, fp32, fp8 .fp4.: give --precision"):
        best_precision(chip(peak={"fp4": "1 PFLOP/s"}))


def test_peaks() -> None:
    spec = CATALOG.find("accelerator", "h100")
    assert peak_of(spec, "bf16", "2:4") == pytest.approx(1978.9e12)
    with pytest.raises(UserError, match="h100-sxm-80gb has no dense peak at fp4; it has fp64, fp32"):
        peak_of(spec, "fp4")
    with pytest.raises(UserError, match="laptop-cpu-8core has no sparse peak at fp32; it has none"):
        peak_of(CATALOG.find("accelerator", "laptop"), "fp32", "2:4")


def test_a_chip_without_a_dense_peak() -> None:
    spec = chip(peak={"fp16": None}, sparse_peak={"fp16": "125 PFLOP/s"})
    assert spec.peak == {}
    assert spec.unpublished == ("fp16",)
    said = "x: no dense peak is published; its 125 PFLOP/s at fp16 is sparse"
    for call in (lambda: best_precision(spec), lambda: peak_of(spec, "fp16"), lambda: expand_accelerator(spec, "fp16")):
        with pytest.raises(UserError, match=said) as error:
            call()
        assert error.value.exit_code == 2
    out = expand_accelerator(spec, "fp16", need_peak=False)
    assert out["peak_flops"].value is None
    assert out["peak_flops"].why_null == said
    assert expand_accelerator(spec, "fp16", "2:4")["peak_flops"].value == pytest.approx(125e15)
    half = chip(peak={"bf16": "1 PFLOP/s", "fp8": None})
    assert best_precision(half) == "bf16"
    with pytest.raises(UserError, match="x: no dense peak at fp8 is published: give peak_flops"):
        peak_of(half, "fp8")
    with pytest.raises(UserError, match="x has no dense peak at fp4; it has bf16"):
        peak_of(half, "fp4")


def test_sixteen_bit_formats_share_their_measured_mfu() -> None:
    spec = chip(
        peak={"bf16": "1 PFLOP/s", "fp16": "1 PFLOP/s", "fp8": "2 PFLOP/s"}, mfu={"bf16": {"value": 0.4, "source": "s"}}
    )
    assert expand_accelerator(spec, "fp16")["reference_mfu"].value == 0.4
    assert "reference_mfu" not in expand_accelerator(spec, "fp8")


def test_server_power_needs_a_known_server() -> None:
    server = Server(id="s", name="S", accelerators=4)
    out = expand_accelerator(chip().in_server(server), "bf16")
    assert out["accelerators_per_server"].value == 4
    assert "server_power_per_accelerator" not in out


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"tdp": 700}, "tdp: 700 needs a unit"),
        ({"tdp": "-5 W"}, "tdp: Input should be greater than or equal to 0"),
        ({"tdp": "nan W"}, "tdp: 'nan W'"),
        ({"tdp": "700 GB"}, "tdp: '700 GB'"),
        ({"tdp": True}, "tdp: write a number and a unit, such as 700 W"),
        ({"watts": 1}, "there is no field 'watts'"),
        ({"peak": {"bf17": "1 TFLOP/s"}}, "peak.bf17"),
        ({"id": "Not An Id"}, "id: "),
        ({"name": None}, "name is missing"),
        ({"released": "soon"}, "released: "),
        ({"released": "2024-13"}, "released: "),
        ({"prices": [{"kind": "purchase", "usd": 1, "as_of": "2024", "source": "s"}]}, "prices.0: a purchase says"),
        ({"prices": [{"kind": "spot", "usd": 1, "as_of": "2024", "source": "s"}]}, "0: a spot price has usd_per_hour"),
        ({"prices": [{"kind": "spot", "usd_per_hour": 1, "source": "s"}]}, "prices.0.as_of is missing"),
        ({"prices": [{"kind": "spot", "usd_per_hour": -1, "as_of": 2024, "source": "s"}]}, "prices.0.usd_per_hour"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(fields: dict[str, Any], problem: str, tmp_path: Any) -> None:
    raw = {"id": "x", "name": "X", "vendor": "v", "peak": {"bf16": "1 TFLOP/s"}} | fields
    with pytest.raises(UserError) as error:
        parse("accelerator", raw, tmp_path / "x.yaml")
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("fields", "doubt"),
    [
        ({"peak": {"bf16": "2 TFLOP/s"}, "sparse_peak": {"bf16": "1 TFLOP/s"}}, "are they exchanged"),
        ({"peak": {"bf16": "1 TFLOP/s"}, "sparse_peak": {"bf16": "8 TFLOP/s"}}, "8 times the dense peak"),
        ({"peak": {"bf16": "1979 TFLOP/s"}}, "is it the sparse peak? (datasheet, 2024)"),
        ({"peak": {"bf16": "989 TFLOP/s", "fp8": "3958 TFLOP/s"}}, "fp8 is 4 times the 16-bit peak"),
        ({"scale_up": {"link": "NVLink 4", "bandwidth": "900 GB/s"}}, "both ways of NVLink 4"),
        ({"memory": {"capacity": "80 MB", "bandwidth": "3 TB/s"}}, "is the unit right"),
        ({"memory": {}}, "is unknown"),
        ({"tdp": "132 kW"}, "of one accelerator"),
        ({"prices": [bought(250000, "2024", low=300000, high=1)]}, "low is above high"),
        ({"prices": [bought(25, "2024")]}, "25 USD for one accelerator"),
        ({"prices": [rented(1000, "2024")]}, "1000 USD an hour"),
        ({"mfu": {"bf16": {"value": 40, "source": "s"}}}, "not a share"),
        ({"sources": {}}, "sources is empty"),
        ({"released": None}, "released is unknown"),
        ({"peak": {"bf16": None}}, "no dense peak is published at bf16 (datasheet, 2024)"),
        ({"prices": [bought(30000, "2023-12")]}, "prices[0]: dated 2023-12, before the release in 2024"),
        (
            {"memory": {"capacity": "80 GB", "bandwidth": "6 TB/s", "bus_bits": 5120, "kind": "HBM3"}},
            "9.38 Gb/s a pin; HBM3 has 5.1 to 6.7 (datasheet, 2024)",
        ),
    ],
)
def test_doubts(fields: dict[str, Any], doubt: str) -> None:
    assert doubts(chip()) == []
    assert any(doubt in line for line in doubts(chip(**fields)))
