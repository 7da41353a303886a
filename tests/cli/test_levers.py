"""`aiplan levers` and `aiplan init`: each lever is a plan of its own; the starter works as it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from aiplan import yamlio
from aiplan.specs.scenario import json_schema
from tests.cli.helpers import aiplan, train

PLAN = "--params 70B --tokens 2T --accelerator h100 --accelerators 1024"
EIGHT = {
    "hardware choice",
    "software efficiency",
    "data curation",
    "accuracy for time",
    "architecture with experts",
    "quantization",
    "training less often",
    "off-the-shelf, fine-tuned",
}


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    whole: dict[str, Any] = aiplan("levers", *PLAN.split(), "--hardware", "h100,gb200", "--json").json
    return whole


def lever(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in found["levers"] if each["lever"] == name)


def test_all_eight_and_together(found: dict[str, Any]) -> None:
    """One row each, then seven and eight of them together."""
    names = [each["lever"] for each in found["levers"]]
    assert set(names[:8]) == EIGHT
    assert names[8:] == ["seven together", "all eight together"]
    alone = [each["per_dollar"] for each in found["levers"][:8] if each["per_dollar"]]
    assert all(value > 1 for value in alone)
    assert lever(found, "all eight together")["per_dollar"] > max(alone)


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("hardware choice", "--params 70B --tokens 2T --accelerator gb200 --accelerators 1024"),
        ("data curation", "--params 70B --tokens 1T --accelerator h100 --accelerators 1024"),
        ("quantization", f"{PLAN} --precision fp8"),
        ("off-the-shelf, fine-tuned", "--params 70B --tokens 1B --accelerator h100 --accelerators 1024"),
    ],
)
def test_a_lever_is_a_plan_of_its_own(found: dict[str, Any], name: str, same: str) -> None:
    """Its money, energy and days are those of the plan that it stands for."""
    values = train(same).values()
    for quantity, value in lever(found, name)["values"].items():
        assert value == pytest.approx(values[quantity], rel=1e-9)
    assert lever(found, name)["per_dollar"] == pytest.approx(found["plan"]["run_cost"] / values["run_cost"])


def test_experts_keep_the_effective_size(found: dict[str, Any]) -> None:
    """sqrt(active * all) is the dense model's."""
    size = 70e9 / 0.1**0.5
    same = train(f"--params {size!r} --active-share 10% --tokens 2T --accelerator h100 --accelerators 1024")
    assert same.value("effective_params") == pytest.approx(70e9)
    assert lever(found, "architecture with experts")["values"]["run_cost"] == pytest.approx(same.value("run_cost"))


def test_a_slightly_higher_loss_needs_fewer_tokens() -> None:
    """The tokens that the law asks for reach the loss that was accepted."""
    found = aiplan("levers", *PLAN.split(), "--lever", "loss=2%", "--hardware", "h100", "--json").json
    before, after = train(PLAN), lever(found, "accuracy for time")
    share = after["values"]["energy"] / found["plan"]["energy"]
    tokens = 2e12 * share  # the same machine for the same size: energy goes with the tokens, nearly
    there = train(f"--params 70B --tokens {tokens!r} --accelerator h100 --accelerators 1024")
    assert there.value("loss") == pytest.approx(before.value("loss") * 1.02, rel=2e-3)


def test_half_the_runs_cost_half(found: dict[str, Any]) -> None:
    """Each run is as it was."""
    half = lever(found, "training less often")
    assert half["values"]["run_cost"] == pytest.approx(found["plan"]["run_cost"] / 2)
    assert half["values"]["training_days"] == found["plan"]["training_days"]


def test_what_does_not_apply_says_why() -> None:
    """A published model has its own shape; a given utilisation is not improved upon."""
    words = "--model llama-3.1-8b --tokens 1T --accelerator a100 --accelerators 256 --mfu 40% --law rule_20".split()
    found = aiplan("levers", *words, "--hardware", "a100", "--json").json
    for name, why in (
        ("architecture with experts", "published"),
        ("software efficiency", "mfu is given"),
        ("quantization", "no precision below"),
        ("accuracy for time", "no loss"),
        ("hardware choice", "costs least already"),
    ):
        each = lever(found, name)
        assert each["values"] is None
        assert why in each["why_not"]


def test_assumptions_are_told_and_can_be_set() -> None:
    """`--lever data=25%` is what the plan then says."""
    done = aiplan("levers", *PLAN.split(), "--hardware", "h100", "--lever", "data=25%")
    assert "data curation: 25% of the tokens, 500 B" in done.out
    assert "our judgement" in done.out
    md = aiplan("levers", *PLAN.split(), "--hardware", "h100", "-f", "md").out
    assert md.startswith("| lever | run_cost |")
    for text, said in (("dta=25%", "nearest: data"), ("data=0", "above 0"), ("data=2", "to 100%")):
        wrong = aiplan("levers", *PLAN.split(), "--lever", text)
        assert (wrong.code, said in wrong.err) == (2, True), wrong


def test_init_writes_a_plan_that_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is valid, it is answered, its check passes, and it is not overwritten."""
    monkeypatch.chdir(tmp_path)
    assert aiplan("init").code == 0
    jsonschema.validate(yamlio.load("plan.yaml"), json_schema())
    checked = aiplan("check", "plan.yaml")
    assert checked.code == 0, checked.out
    text = Path("plan.yaml").read_text()
    again = aiplan("init")
    assert (again.code, "exists" in again.err) == (2, True)
    assert Path("plan.yaml").read_text() == text
    loud = text.replace("# vary:", "vary:").replace("#   electricity", "  electricity")
    Path("loud.yaml").write_text(loud.replace("# sweep:", "sweep:").replace("#   accelerator:", "  accelerator:"))
    assert aiplan("check", "loud.yaml").code in (0, 1)
    assert aiplan("init", "other.yaml", "--schema", "s.json").code == 0
    assert Path("other.yaml").read_text().startswith("# yaml-language-server: $schema=s.json\n")
