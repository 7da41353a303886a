"""The measured rows nearest to a plan: distances, the index that is shipped, and what a plan far from all rows says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aiplan import evidence
from tests.cli.helpers import aiplan, train

BLACKWELL, HOPPER = ("gb200-186gb", "blackwell"), ("h100-sxm-80gb", "hopper")


def near(params: float, chip: tuple[str, str], precision: str, count: float, **more: float) -> list[evidence.Evidence]:
    return evidence.evidence({"params": params, **more}, *chip, precision, count)


def test_the_nearest_row_of_a_measured_case_is_itself() -> None:
    found = near(70.55e9, HOPPER, "fp8", 64)
    assert found[0].distance < 0.01
    assert "LLAMA3_70B on 64 h100-sxm-80gb" in found[0].says
    assert [e.distance for e in found] == sorted(e.distance for e in found)
    assert evidence.note(found).startswith("The nearest measurement is close")


def test_evidence_prefers_the_same_family_and_the_same_kind_of_work() -> None:
    dense = near(235e9, BLACKWELL, "fp8", 64)
    routed = near(235e9, BLACKWELL, "fp8", 64, active_params=22e9)
    assert "Qwen3_235B" in routed[0].says
    assert all("Qwen3" not in e.says for e in dense)


def test_a_case_far_from_all_measurements_says_so() -> None:
    found = near(100e12, BLACKWELL, "fp4", 1e6)
    assert found[0].distance > evidence.FAR
    assert evidence.note(found).startswith("No measurement is near")
    assert evidence.note([]) == "No measurement is near this case."


def test_the_index_is_that_of_the_tables() -> None:
    assert evidence.path().read_text("utf-8") == evidence.made(), "run python -m aiplan.evidence"


def relative(plan: dict[str, Any]) -> float:
    step = plan["quantities"]["step_time"]
    return float(step["p90"] / step["p10"])


def test_far_from_all_rows_a_plan_warns_and_is_less_sure() -> None:
    close = train("--model llama-3.1-70b --tokens 1T --accelerator h100 --accelerators 64")
    far = train("--params 100T --accelerators 7200000")
    assert "far-from-evidence" not in close.codes()
    assert "far-from-evidence" in far.codes()
    assert relative(far.json) > relative(close.json)


def test_a_given_speed_rests_on_no_row() -> None:
    assert "far-from-evidence" not in train("--params 100T --accelerators 1000000 --mfu 40%").codes()


@pytest.mark.parametrize("quantity", ["step_time", "training_days"])
def test_why_names_the_nearest_rows(quantity: str) -> None:
    flags = "--model llama-3.1-405b --accelerator h100 --accelerators 16384".split()
    told = aiplan("why", quantity, *flags)
    assert told.code == 0
    assert "Evidence for step_time" in told.out
    assert "h100-sxm-80gb" in told.out.partition("Evidence")[2]
    rows = json.loads(aiplan("why", quantity, *flags, "--json").out)["evidence"]
    assert rows[0]["distance"] <= rows[-1]["distance"]
    assert "Evidence" not in aiplan("why", "flops_per_token", *flags).out
