"""Warnings: each is given where it is due and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from aiplan.advice import DATA_MOVEMENT_WALL, LATENCY_WALL, THRESHOLDS, warnings
from aiplan.catalog import open_catalog
from aiplan.plan import train
from aiplan.specs.question import read_question

CATALOG, DEFAULTS = open_catalog()


def told(**asked: Any) -> dict[str, str]:
    return dict(warnings(train(read_question(asked), CATALOG, DEFAULTS)))


QUIET = {"params": "1B", "tokens": "20B", "accelerator": "h100", "accelerators": 8, "recovery": "elastic"}


def test_a_usual_plan_is_quiet() -> None:
    assert told(**QUIET) == {}


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        ({"params": "100T"}, "beyond-fit-range", "besiroglu_2024 was fitted on"),
        ({"params": "7B", "accelerator": "rtx-4090"}, "mfu-unmeasured", "no run of rtx-4090 was measured"),
        ({"model": "gpt-4", "tokens": "13T"}, "rumour", "gpt-4"),
        ({"params": "100T"}, "scarce-text", "90% interval 100T to 1000T"),
        ({"params": "100T"}, "data-movement-wall", "2e28"),
        ({"training_flops": "1e32", "params": "100T"}, "latency-wall", "2e31"),
        ({"params": "100T"}, "restart-impossible", "elastic recovery and hot spares"),
        ({"params": "100T"}, "sites-needed", "sites of"),
        ({"params": "100T"}, "grid-share", "of all electricity"),
        ({"params": "7B", "accelerator": "h100", "accelerators": 100_000}, "mfu-extrapolated", "extrapolated"),
        ({"params": "7B", "accelerator": "maia-100"}, "price-unknown", "--set accelerator_price="),
        ({"params": "7B", "cost_method": "rented"}, "price-unknown", "--set rental_price="),
        ({**QUIET, "mfu": "40%", "reference_mfu": "30%"}, "pin-unused", "reference_mfu"),
        ({"params": "1B", "tokens": "1T", "training_flops": "1e20"}, "over-determined", "training_flops"),
    ],
)
def test_a_warning_that_is_due(asked: dict[str, Any], code: str, says: str) -> None:
    assert says in told(**asked)[code]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"params": "70B", "tokens": "15T"}, "beyond-fit-range"),  # no law decided anything but the loss
        ({"params": "70B"}, "scarce-text"),
        ({"params": "70B", "tokens": "300T", "text_stock": "300T"}, "scarce-text"),
        ({"params": "7B", "accelerator": "rtx-4090", "mfu": "40%"}, "mfu-unmeasured"),
        ({"params": "7B", "accelerator": "maia-100", "accelerator_price": "$10k"}, "price-unknown"),
        ({"params": "7B", "cost_method": "rented", "rental_price": "$3/h"}, "price-unknown"),
        ({"params": "4", "tokens": "80", "accelerator": "laptop"}, "batch-too-small"),
        ({"params": "4", "tokens": "80", "accelerator": "laptop"}, "mfu-extrapolated"),
        ({"params": "7B", "accelerator": "h100"}, "restart-impossible"),
        ({"params": "1T", "accelerators": 1024}, "grid-share"),
    ],
)
def test_a_warning_that_is_not_due(asked: dict[str, Any], code: str) -> None:
    assert code not in told(**asked)


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=lambda t: t.code)
def test_thresholds_of_the_law(threshold: Any) -> None:
    asked = {"params": "1T", "accelerators": 100_000, "accelerator": "h100", "recovery": "elastic"}
    assert threshold.code not in told(**asked, training_flops=f"{threshold.flops * 0.999!r}")
    assert threshold.code in told(**asked, training_flops=f"{threshold.flops * 1.001!r}")


def test_thresholds_have_their_date_and_status() -> None:
    by_code = {t.code: (t.flops, t.text) for t in THRESHOLDS}
    assert by_code["threshold-eu-gpai"][0] == 1e23
    assert by_code["threshold-eu-systemic-risk"][0] == 1e25
    assert {by_code[c][0] for c in ("threshold-ca-sb53", "threshold-ny-raise", "threshold-us-eo14110")} == {1e26}
    assert "revoked on 2025-01-20" in by_code["threshold-us-eo14110"][1]
    assert "2025-08-02" in by_code["threshold-eu-systemic-risk"][1]
    assert "2025-09-29" in by_code["threshold-ca-sb53"][1]
    assert "2025-12-19" in by_code["threshold-ny-raise"][1]


def test_only_the_higher_wall_is_told() -> None:
    high = told(params="100T", training_flops=f"{LATENCY_WALL * 2!r}")
    assert ("latency-wall" in high, "data-movement-wall" in high) == (True, False)
    low = told(params="100T", training_flops=f"{DATA_MOVEMENT_WALL * 2!r}")
    assert ("latency-wall" in low, "data-movement-wall" in low) == (False, True)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"experiments_per_week": "50"}, "experiments_per_week is given as 50, but from training_days"),
        ({"mfu": "40%", "step_time": "20 s"}, "step_time is given as 20 s, but from mfu 40.0%"),
        ({"tokens_per_param": "30"}, "but from tokens 20.0 B, params 1.00 B it is 20"),
        ({"active_share": "10%", "active_params": "500M"}, "but from params 1.00 B, active_share 10.0% it is 100 M"),
        ({"tokens_per_param": "20"}, ""),
        ({"mfu": "40%"}, ""),  # what replaces a model is no contradiction
        ({"goodput": "90%"}, ""),
        ({"step_time": "1 s"}, ""),
        ({"staff_cost": "$3M"}, ""),  # against a default it is none either
        ({"capex": "$1M", "pue": "1.3"}, "capex is given as $1.00M, but from cluster_capex"),
    ],
)
def test_a_pin_that_contradicts_what_it_follows_from(asked: dict[str, str], says: str) -> None:
    text = told(**QUIET, **asked).get("over-determined", "")
    assert says in text
    assert bool(text) == bool(says)


@pytest.mark.parametrize(("tokens", "says"), [("1Q", ""), ("2Q", "4 repetitions"), ("6Q", "16 rep"), ("20Q", "40 rep")])
def test_repetition_is_judged_by_how_often(tokens: str, says: str) -> None:
    text = told(params="1T", tokens=tokens)["scarce-text"]
    assert says in text
    assert ("repetitions" in text) == bool(says)
