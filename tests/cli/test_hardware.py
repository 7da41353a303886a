"""`aiplan hardware`: lists are readable, figures are dense and dated, what is unknown is said."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
import yaml

from aiplan.catalog import Catalog
from aiplan.specs.ranking import MEASURES, rank
from tests.cli.helpers import aiplan

CATALOG = Catalog()
CHIPS = [CATALOG.find("accelerator", name) for name in CATALOG.ids("accelerator")]


def widest(text: str) -> int:
    return max(len(line) for line in text.splitlines())


# -- list -----------------------------------------------------------------------------------------------------------


def test_the_list_is_readable() -> None:
    done = aiplan("hardware", "list")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].split() == ["id", "released", "dense", "peak", "memory", "bandwidth", "TDP", "price"]
    assert len(lines) == len(CHIPS) + 1
    assert widest(done.out) <= 100
    rows = {line.split()[0]: line for line in lines[1:]}
    assert "989 TFLOP/s bf16" in rows["h100-sxm-80gb"]
    assert "not published" in rows["wse-3"]
    assert rows["trainium2"].endswith("unknown")
    assert "16.7 PFLOP/s fp8" in rows["rubin-288gb"]


def test_a_vendor_alone() -> None:
    google = aiplan("hardware", "list", "--vendor", "Google")
    assert [line.split()[0] for line in google.out.splitlines()[1:]] == [c.id for c in CHIPS if c.vendor == "google"]
    wrong = aiplan("hardware", "list", "--vendor", "nvida")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith("Error: --vendor 'nvida' is not one of amd, apple, aws")
    assert wrong.err.rstrip().endswith("nearest: nvidia")


@pytest.mark.parametrize("kind", ["server", "network", "site"])
def test_other_kinds(kind: str) -> None:
    done = aiplan("hardware", "list", "--kind", kind)
    assert len(done.out.splitlines()) == len(CATALOG.ids(kind)) + 1
    assert widest(done.out) <= 100
    assert aiplan("hardware", "list", "--kind", kind + "s").code == 2


def test_the_list_for_programs() -> None:
    entries = aiplan("hardware", "list", "--json", "--vendor", "cerebras").json
    assert [entry["id"] for entry in entries] == ["wse-3"]
    assert entries[0]["peak"] == {}
    assert entries[0]["unpublished"] == ["fp16"]
    assert entries[0]["sparse_peak"] == {"fp16": 125e15}


# -- show -----------------------------------------------------------------------------------------------------------


def test_show_sets_dense_and_sparse_apart_and_dates_prices() -> None:
    out = aiplan("hardware", "show", "H100-80GB-SXM").out
    parts = out.partition("\nPeaks\n")[2]
    assert "  bf16       989 TFLOP/s   1.98 PFLOP/s\n" in parts
    assert "  precision  dense         sparse\n" in parts
    assert "scale-up, one way   450 GB/s   NVLink 4, 8 accelerators, NVSwitch" in parts
    assert "  2025-03     purchase   $31.9k    $28.8k to $46.9k    server" in parts
    assert "  epoch           Epoch AI, ML hardware, 2026-04, CC-BY" in parts
    assert widest(parts) <= 110


def test_show_for_programs_is_the_contract_object() -> None:
    done = aiplan("hardware", "show", "gb200", "--json")
    assert done.json["schema"] == "aiplan.result/1"
    assert {"quantities", "choices", "assumptions", "warnings", "sources", "inputs", "binding"} <= done.json.keys()
    assert done.json["choices"] == {"accelerator": "gb200-186gb", "precision": "bf16", "sparsity": "none"}
    assert done.value("peak_flops") == 2.5e15
    assert done.value("scale_up_bandwidth") == 900e9
    assert done.value("peak_flops_per_watt") == pytest.approx(2.5e15 / 1200)
    two = aiplan("hardware", "compare", "h100", "gb200", "--json").json
    assert two["schema"] == "aiplan.results/1"
    assert [r["choices"]["accelerator"] for r in two["results"]] == ["h100-sxm-80gb", "gb200-186gb"]


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "md", "yaml"])
@pytest.mark.parametrize("name", ["h100", "wse-3", "rubin", "laptop", "m3-ultra"])
def test_show_in_every_format(name: str, form: str) -> None:
    done = aiplan("hardware", "show", name, "--format", form)
    assert (done.code, done.err) == (0, "")
    assert done.out.strip()


@pytest.mark.parametrize("name", [chip.id for chip in CHIPS])
def test_every_chip_can_be_shown(name: str) -> None:
    done = aiplan("hardware", "show", name, "--json")
    assert done.code == 0
    for quantity, value in done.json["quantities"].items():
        assert (value["value"] is None) == bool(value["why_null"]), quantity


def test_a_chip_without_a_dense_peak() -> None:
    shown = aiplan("hardware", "show", "wse-3", "--json")
    why = "wse-3: no dense peak is published; its 125 PFLOP/s at fp16 is sparse"
    for quantity in ("peak_flops", "peak_flops_per_usd", "peak_flops_per_watt"):
        assert shown.value(quantity) is None
        assert shown.json["quantities"][quantity]["why_null"] == why
    assert shown.value("accelerator_tdp") == 23e3
    assert "fp16       not published  125 PFLOP/s" in aiplan("hardware", "show", "wse-3").out
    for arguments in ((), ("--precision", "fp16")):
        plan = aiplan("train", "--params", "1T", "--accelerator", "wse-3", *arguments)
        assert (plan.code, plan.out) == (2, "")
        assert plan.err.startswith(f"Error: {why}")
        assert plan.err.count("\n") == 1


def test_the_file_itself_and_a_file_by_path(tmp_path: Path) -> None:
    text = aiplan("hardware", "show", "h100", "--file").out
    assert text == CATALOG.path("accelerator", "h100-sxm-80gb").read_text()
    mine = tmp_path / "my-chip.yaml"
    mine.write_text(text.replace("id: h100-sxm-80gb", "id: my-chip").replace("tdp: 700 W", "tdp: 650 W"))
    assert aiplan("hardware", "show", str(mine), "--json").value("accelerator_tdp") == 650
    assert aiplan("train", "--params", "1B", "--accelerators", "8", "--accelerator", str(mine), "--json").json[
        "choices"
    ]["accelerator"] == "my-chip"  # fmt: skip


def test_names_that_are_not_there() -> None:
    done = aiplan("hardware", "show", "h1000")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Error: there is no accelerator 'h1000' in the catalogue; nearest: h100")
    assert aiplan("hardware", "show", "h100", "--precision", "fp4").err.startswith(
        "Error: h100-sxm-80gb has no dense peak at fp4; it has fp64, fp32, tf32, bf16, fp16, fp8, int8"
    )


def test_compare_takes_each_at_its_main_precision() -> None:
    out = aiplan("hardware", "compare", "rubin", "wse-3", "h100").out
    assert "rubin-288gb fp8" in out
    assert "wse-3 fp16" in out
    assert "h100-sxm-80gb bf16" in out
    assert next(line for line in out.splitlines() if line.startswith("peak_flops ")).split()[1:] == [
        "16.7", "PFLOP/s", "unknown", "989", "TFLOP/s",
    ]  # fmt: skip


# -- rank -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", [None, "fp8", "bf16"])
@pytest.mark.parametrize("by", MEASURES)
def test_a_ranking_is_sorted_whole_and_never_zero(by: str, precision: str | None) -> None:
    ranking = rank(CHIPS, by, precision)
    values = [row.value for row in ranking.ranked]
    assert values == sorted(values, reverse=True)
    assert all(value > 0 for value in values)
    assert [row.rank for row in ranking.ranked] == list(range(1, len(values) + 1))
    names = [row.id for row in ranking.ranked] + [name for name, _ in ranking.unknown]
    assert sorted(names) == [chip.id for chip in CHIPS]
    assert all(why for _, why in ranking.unknown)
    if by.endswith("_usd"):
        assert all(row.price_as_of and row.price_kind == "purchase" and row.price_covers for row in ranking.ranked)


def test_the_ranking_agrees_with_show() -> None:
    ranked = {row.id: row for row in rank(CHIPS, "peak_flops_per_usd", "fp8").ranked}
    for name in ("h100-sxm-80gb", "gb200-186gb", "mi300x-192gb"):
        shown = aiplan("hardware", "show", name, "--precision", "fp8", "--json")
        assert ranked[name].value == pytest.approx(shown.value("peak_flops_per_usd"))
        assert ranked[name].price_usd == pytest.approx(shown.value("accelerator_price"))
    per_watt = {row.id: row.value for row in rank(CHIPS, "peak_flops_per_watt", "bf16").ranked}
    assert per_watt["h100-sxm-80gb"] == pytest.approx(989.4e12 / 700)


def test_only_dense_peaks_are_ranked() -> None:
    ranking = rank(CHIPS, "peak_flops_per_watt", "fp16")
    unknown = dict(ranking.unknown)
    assert unknown["wse-3"] == "no dense peak is published; its 125 PFLOP/s at fp16 is sparse"
    assert dict(rank(CHIPS, "peak_flops_per_usd", "fp8").unknown)["a100-sxm-80gb"] == "it has no fp8"
    assert dict(rank(CHIPS, "peak_flops_per_usd", "fp8").unknown)["trainium2"] == "no purchase price is known"
    assert dict(rank(CHIPS, "memory_per_usd").unknown)["rubin-288gb"] == "no purchase price is known"


def test_the_ranking_for_people() -> None:
    done = aiplan("hardware", "rank", "--by", "peak_flops_per_usd", "--precision", "fp8")
    assert done.code == 0
    assert widest(done.out) <= 100
    ranked, _, unknown = done.out.partition("\nUnknown\n")
    assert "purchase, rack    2025" in next(line for line in ranked.splitlines() if "gb200" in line)
    assert "  it has no fp8: a10, a100-pcie-40gb" in unknown
    assert " 0 " not in ranked
    announced = aiplan("hardware", "rank", "--by", "peak-flops-per-watt", "--precision", "fp8").out
    assert "rubin-288gb (announced)" in announced


def test_the_ranking_for_programs() -> None:
    arguments = ("hardware", "rank", "--by", "bandwidth_per_usd", "--vendor", "amd")
    ranking = aiplan(*arguments, "--json").json
    assert (ranking["schema"], ranking["unit"]) == ("aiplan.ranking/1", "B/s/USD")
    first = ranking["ranked"][0]
    assert {"rank", "id", "value", "price_usd", "price_kind", "price_covers", "price_as_of"} <= first.keys()
    assert [row["id"] for row in ranking["unknown"]] == ["mi455x-432gb"]
    assert yaml.safe_load(aiplan(*arguments, "--format", "yaml").out) == ranking
    rows = list(csv.DictReader(io.StringIO(aiplan(*arguments, "--format", "csv").out)))
    assert [row["id"] for row in rows] == [r["id"] for r in (*ranking["ranked"], *ranking["unknown"])]
    assert rows[-1]["value"] == ""
    assert rows[-1]["why_null"] == "no purchase price is known"
    lines = [json.loads(line) for line in aiplan(*arguments, "--format", "jsonl").out.splitlines()]
    assert lines == [*ranking["ranked"], *ranking["unknown"]]
    assert "| rank | id | value |" in aiplan(*arguments, "--format", "md").out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--by", "flops"), "--by 'flops' is not one of peak_flops_per_usd"),
        (("--by", "peak_flops_per_watt", "--precision", "fp9"), "precision 'fp9' is not one of"),
        (("--by", "memory_per_usd", "--vendor", "acme"), "--vendor 'acme' is not one of"),
        (("--by", "memory_per_usd", "--format", "xml"), "--format 'xml' is not one of"),
        ((), "--by"),
    ],
)
def test_a_ranking_that_cannot_be(arguments: tuple[str, ...], says: str) -> None:
    done = aiplan("hardware", "rank", *arguments)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert done.err.count("\n") == 1


# -- check ----------------------------------------------------------------------------------------------------------


def test_check_names_each_doubt_with_its_source() -> None:
    done = aiplan("hardware", "check")
    assert done.code == 0
    files = sum(len(CATALOG.ids(kind)) for kind in ("accelerator", "server", "network", "site"))
    assert done.out.splitlines()[-1].startswith(f"{files} files, ")
    assert "fp8 is 3.75 times the 16-bit peak, more than twice: is it the sparse peak? (AWS Neuron docs" in done.out
    assert "peak is doubtful: AMD does not say whether 40 PFLOP/s fp4 is dense" in done.out
    assert "no dense peak is published at fp16; only a sparse one at fp16 (Tom's Hardware" in done.out
    assert "max_power is doubtful: 120 (awesomeagents.ai), 132 (introl.com) and 145 kW" in done.out


def test_check_exits_by_what_it_finds(tmp_path: Path) -> None:
    text = CATALOG.path("accelerator", "h100-sxm-80gb").read_text()
    good = tmp_path / "good.yaml"
    good.write_text(text.replace("id: h100-sxm-80gb", "id: good").replace("aliases: [h100,", "aliases: [good-1] #"))
    assert aiplan("hardware", "check", str(good))[:2] == (0, f"{good}: ok\n")
    sparse = tmp_path / "sparse.yaml"
    sparse.write_text(good.read_text().replace("id: good", "id: sparse").replace("  fp8: 1978.9", "  fp8: 3957.8"))
    done = aiplan("hardware", "check", str(good), str(sparse))
    assert done.code == 1
    assert f"{sparse}: 2 doubts\n" in done.out
    broken = tmp_path / "broken.yaml"
    broken.write_text("id: x\ntdp: 700\n")
    assert aiplan("hardware", "check", str(broken)).code == 2
