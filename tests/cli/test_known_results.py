"""Figures that anybody can check against a paper, a datasheet or a pocket calculator."""

from __future__ import annotations

import pytest

from aiplan.catalog import Catalog
from aiplan.quantities.memory import RECIPES, sharded_bytes
from tests.cli.helpers import ESSAY, aiplan, process, train

LLAMA = "--model llama-3.1-405b --tokens 15.6T --accelerators 16384 --accelerator h100"


def test_twenty_tokens_a_parameter() -> None:
    done = train("--params 100T --law rule_20")
    assert done.value("tokens") == 2e15
    assert done.value("training_flops") == pytest.approx(1.2e30, rel=0.01)
    assert done.value("loss") is None


def test_a_hundred_trillion_parameters() -> None:
    done = process("train", "--params", "100T", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.value("params") == 1e14
    assert done.value("training_days") <= 180
    assert done.json["choices"]["accelerator"] == "gb200-186gb"
    assumed = {a["quantity"]: a["value"] for a in done.json["assumptions"]}
    assert (assumed["accelerator"], assumed["training_days"], assumed["recovery"]) == ("gb200-186gb", 180.0, "elastic")


def test_ten_thousand_h100_at_the_sparse_peak() -> None:
    done = train("--flops 1e25 --accelerator h100 --accelerators 10000 --sparsity 2:4 --precision bf16")
    assert done.value("cluster_flops") == pytest.approx(2e19, rel=0.02)
    dense = train("--flops 1e25 --accelerator h100 --accelerators 10000")
    assert dense.value("cluster_flops") == pytest.approx(0.989e19, rel=0.01)


def test_two_copies_of_a_trillion_fp32_weights() -> None:
    done = train("--params 1T --bytes-per-weight 4B/param --weight-copies 2 --accelerator h100")
    assert done.value("weights_memory") == 8e12
    assert aiplan("check", str(ESSAY / "memory-1t-fp32.yaml")).code == 0


@pytest.mark.parametrize("recovery", ["", "--recovery global", "--recovery elastic"])
def test_llama_3_at_its_published_mfu(recovery: str) -> None:
    hours = train(f"{LLAMA} --mfu 41% {recovery}").value("accelerator_hours")
    assert hours == pytest.approx(30.84e6, rel=0.10)


def test_llama_3_at_our_own_mfu() -> None:
    done = train(LLAMA)
    assert done.value("mfu") == pytest.approx(0.41, abs=0.03)
    assert done.value("batch_tokens") == pytest.approx(16e6, rel=0.01)
    low, high = (done.json["quantities"]["accelerator_hours"][p] for p in ("p10", "p90"))
    assert low < 30.84e6 < high


@pytest.mark.parametrize(("stage", "gigabytes"), [(0, 120.0), (1, 31.4), (2, 16.6), (3, 1.88)])
def test_zero_table(stage: int, gigabytes: float) -> None:
    recipe = RECIPES["mixed_adam_16"]
    held = (recipe.bytes_per_weight, recipe.bytes_per_gradient, recipe.bytes_per_optimizer_state)
    assert sharded_bytes(7.5e9, 64, stage, *held) == pytest.approx(gigabytes * 1e9, rel=0.005)


def test_four_parameters_on_a_laptop() -> None:
    done = train("--params 4 --accelerator laptop")
    assert 1e-4 < done.value("training_days") * 86400 < 1.0
    assert done.value("loss") is None
    assert "1M parameters" in done.json["quantities"]["loss"]["why_null"]
    assert done.value("accelerators") == 1
    assert done.value("training_flops") == pytest.approx(24 * done.value("tokens"))
    assert done.value("step_time") == pytest.approx(1e-3)
    assert {"layers", "d_model"} & {n for n, v in done.values().items() if v is not None} == set()
    told = {"batch-too-small", "mfu-extrapolated", "scarce-text"}
    assert told.isdisjoint(done.codes()), "what holds of clusters says nothing of four parameters"


@pytest.mark.parametrize("params", ["999999", "1M", "4"])
def test_both_sides_of_the_smallest_shape(params: str) -> None:
    done = train(f"--params {params} --accelerator laptop")
    assert done.value("tokens") > 0
    assert (done.value("layers") is None) == (float(params.replace("M", "e6")) < 1e6)


@pytest.mark.parametrize("more", ["", "--accelerators 1", "--params 25.6M --accelerators 1"])
def test_resnet_50_on_a_desktop(more: str) -> None:
    """90 passes over the 1.281M pictures of ImageNet, 3 x 8.2 GFLOP each: half a day to two days on one card."""
    done = train(f"--accelerator desktop --flops-per-sample 24.6GFLOP/sample --samples 115.29M {more}")
    assert done.value("training_flops") == pytest.approx(2.8e18, rel=0.02)
    assert 5 < done.value("training_days") * 24 < 60
    assert done.value("tokens") is None
    assert "samples" in done.json["quantities"]["tokens"]["why_null"]
    assert done.value("run_cost") < 100


@pytest.mark.parametrize("more", ["", "--accelerators 1"])
def test_mnist_on_a_laptop(more: str) -> None:
    """Ten passes over 60,000 digits with a network of 200,000 parameters: seconds to minutes, never days."""
    done = train(f"--params 200k --accelerator laptop --flops-per-sample 2.4MFLOP/sample --samples 600k {more}")
    assert done.value("training_flops") == pytest.approx(1.44e12)
    assert 1 < done.value("training_days") * 86400 < 3 * 3600
    assert done.value("loss") is None


@pytest.mark.parametrize("accelerator", Catalog().ids("accelerator"))
def test_every_accelerator_answers(accelerator: str) -> None:
    done = aiplan("train", "--params", "1B", "--tokens", "20B", "--accelerator", accelerator, "--json")
    if done.code == 2:  # nothing can be planned on a chip whose peak nobody has published
        assert f"{accelerator}: no dense peak is published" in done.err
        assert not Catalog().find("accelerator", accelerator).peak
        return
    assert done.code in (0, 3), done.err
    if done.code == 3:
        assert done.json["binding"]
        return
    found = done.json["quantities"]
    assert 1.0 < found["training_flops"]["value"] / (6 * 1e9 * 20e9) < 1.3  # attention and vocabulary come on top
    power = found["facility_power"]
    assert power["value"] is None or power["value"] > 0
    assert power["value"] is not None or accelerator in power["why_null"]
    for price, money in (("accelerator_price", "run_cost"), ("accelerator_price", "capex")):
        assert (found[price]["value"] is None) == (found[money]["value"] is None)
    for name in ("run_cost", "capex", "rental_cost"):
        if found[name]["value"] is None:
            assert accelerator in found[name]["why_null"]
            assert "price" in found[name]["why_null"]
        else:
            assert found[name]["value"] > 0
    if found["run_cost"]["value"] is None:
        assert "price-unknown" in done.codes()


@pytest.mark.parametrize("model", Catalog().ids("model"))
def test_every_model_answers(model: str) -> None:
    done = train(f"--model {model} --tokens 1T --seq-len 2048")
    active, experts = done.value("active_params"), done.value("experts")
    assert done.value("flops_per_token") == pytest.approx(6 * active, rel=0.35)
    assert (experts or 0) > 0 or active == pytest.approx(done.value("params"))
    known = 0.08 if "params" in Catalog().find("model", model).doubtful else 0.03  # a doubt that the entry itself tells
    assert done.value("shape_params") == pytest.approx(done.value("params"), rel=known)
    assert ("rumour" in done.codes()) == (model == "gpt-4")


@pytest.mark.parametrize("path", sorted(ESSAY.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_essay_figure_is_reproduced(path: str) -> None:
    done = aiplan("check", str(path))
    assert (done.code, done.err) == (0, ""), done.out
