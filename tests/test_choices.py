"""Choices become numbers before anything is computed; what the user pins wins, what is left open is said."""

from __future__ import annotations

from typing import Any

import pytest

from aiplan.catalog import Catalog
from aiplan.choices import DEFAULTS, GLOBAL_RECOVERY_LIMIT, PRIOR_MFU, Expanded, expand
from aiplan.errors import UserError
from aiplan.quantities.memory import RECIPES
from aiplan.quantities.scaling import LAWS
from aiplan.specs.question import read_question

CATALOG = Catalog()


def expanded(own: dict[str, Any] | None = None, **asked: Any) -> Expanded:
    return expand(read_question(asked), CATALOG, own)


def test_nothing_chosen_is_all_assumed() -> None:
    out = expanded()
    assert out.chosen["accelerator"] == "gb200-186gb"
    assert (out.chosen["site"], out.chosen["law"], out.chosen["cost_method"]) == ("us", "besiroglu_2024", "owned")
    assert set(DEFAULTS) - {"sparsity"} <= set(out.assumed)
    assert {"precision", "recipe", "recovery"} <= set(out.assumed)
    assert "sparsity" not in out.assumed, "dense peaks are no assumption"
    assert all(out.assumed.values())


def test_what_is_chosen_is_not_assumed() -> None:
    asked = {"accelerator": "h100", "site": "us", "law": "rule_20", "precision": "bf16", "recipe": "bf16_adam"}
    out = expanded(**asked, recovery="global", cost_method="owned", schedule="1f1b", offload="none")
    assert out.assumed == {}
    assert out.rivals == {LAWS["rule_20"].form, "global", "owned"}


@pytest.mark.parametrize("alias", ["h100", "H100", "h100-sxm", "H100-80GB-SXM", "H100 SXM"])
def test_an_alias_is_shown_by_its_id(alias: str) -> None:
    assert expanded(accelerator=alias).chosen["accelerator"] == "h100-sxm-80gb"


def test_catalogue_facts_have_their_source() -> None:
    out = expanded(accelerator="h100", model="llama-3.1-405b")
    for name in ("peak_flops", "accelerator_memory", "accelerator_tdp", "accelerator_price", "layers", "pue"):
        assert (out.given[name].origin, bool(out.given[name].source)) == ("catalog", True), name
    assert out.given["peak_flops"].value == pytest.approx(989.4e12, rel=1e-3)
    assert out.given["layers"].value == 126


def test_a_pin_wins_over_the_catalogue() -> None:
    out = expanded(accelerator="h100", accelerator_price="$20k", pue=1.05)
    assert (out.given["accelerator_price"].value, out.given["accelerator_price"].origin) == (20e3, "given")
    assert out.given["accelerator_price"].spread is None
    assert out.given["pue"].value == 1.05


@pytest.mark.parametrize(
    ("chip", "precision"),
    [("h100", "bf16"), ("gb200", "bf16"), ("v100-sxm2-32gb", "fp16"), ("laptop", "fp32"), ("tpu-v5p", "bf16")],
)
def test_the_default_precision_is_the_best_for_training(chip: str, precision: str) -> None:
    assert expanded(accelerator=chip).chosen["precision"] == precision


@pytest.mark.parametrize("chip", CATALOG.ids("accelerator"))
def test_every_chip_with_a_peak_has_a_default_precision(chip: str) -> None:
    peak = CATALOG.find("accelerator", chip).peak
    if peak:
        assert expanded(accelerator=chip).chosen["precision"] in peak


def test_a_precision_that_the_chip_lacks_names_those_that_it_has() -> None:
    with pytest.raises(UserError, match=r"a100-sxm-80gb has no dense peak at fp8; it has .*bf16"):
        expanded(accelerator="a100", precision="fp8")


def test_sparse_peaks_stand_apart() -> None:
    dense, sparse = (expanded(accelerator="h100", sparsity=s).given["peak_flops"].value for s in ("none", "2:4"))
    assert sparse == pytest.approx(2 * dense, rel=1e-3)


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_give_bytes(recipe: str) -> None:
    out = expanded(recipe=recipe)
    assert out.given["bytes_per_weight"].value == RECIPES[recipe].bytes_per_weight
    assert recipe in out.given["bytes_per_optimizer_state"].source


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_recipe_follows_the_precision(precision: str) -> None:
    out = expanded(accelerator="a100", precision="fp32" if precision == "fp32" else "bf16")
    assert out.chosen["recipe"] == {"fp32": "fp32_adam", "bf16": "mixed_adam"}[precision]


@pytest.mark.parametrize("law", LAWS)
def test_laws_give_their_coefficients(law: str) -> None:
    out = expanded(law=law)
    for name, value in LAWS[law].coefficients.items():
        assert (out.given[name].value, out.given[name].origin) == (value, "catalog")
    assert LAWS[law].form in out.rivals


def test_recovery_by_the_size_of_the_fleet() -> None:
    assert expanded(accelerators=GLOBAL_RECOVERY_LIMIT - 1).chosen["recovery"] == "global"
    assert expanded(accelerators=GLOBAL_RECOVERY_LIMIT).chosen["recovery"] == "elastic"
    assert expanded().chosen["recovery"] == "elastic"
    assert expanded(accelerators=8, recovery="elastic").chosen["recovery"] == "elastic"


def test_a_rumoured_model_is_marked() -> None:
    assert expanded(model="gpt-4").rumour == "gpt-4"
    assert expanded(model="gpt-3-175b").rumour is None


def test_where_no_mfu_was_measured_a_prior_with_its_spread_stands() -> None:
    for chip in ("laptop", "rtx-4090"):
        found = expanded(accelerator=chip).given["reference_mfu"]
        assert found.origin == "default"
        assert found.spread
        assert found.spread[0] < found.value < found.spread[1]
        assert f"no measured MFU of {CATALOG.find('accelerator', chip).id}" in found.source
    assert expanded(accelerator="h100").given["reference_mfu"].origin == "catalog"
    for value, low, high, source in PRIOR_MFU.values():
        assert 0 < low < value < high < 1
        assert source


def test_settings_of_a_file_come_between_ours_and_the_user() -> None:
    out = expanded({"accelerator": "a100", "pue": 1.1}, site="norway")
    assert out.chosen["accelerator"] == "a100-sxm-80gb"
    assert out.assumed["accelerator"] == "default of aiplan.yaml"
    assert (out.given["pue"].value, out.given["pue"].origin) == (1.1, "default")
    assert expanded({"accelerator": "a100"}, accelerator="h100").chosen["accelerator"] == "h100-sxm-80gb"


def test_only_the_choices_that_a_fact_rests_on() -> None:
    out = expanded(accelerator="h100", site="us")
    assert out.used(["accelerator_tdp"], [None]) == {"accelerator"}
    assert out.used(["pue", "peak_flops"], [None]) == {"site", "accelerator", "precision", "sparsity"}
    assert "law" in out.used([], [out.law.form])
