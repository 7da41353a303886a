"""Scenario files: bases merge, flags win, assertions judge, and what is wrong is named with its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aiplan.catalog import open_catalog
from aiplan.errors import UserError
from aiplan.whatif.scenario import Answered, merge, read, run

CATALOG, DEFAULTS = open_catalog()


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def answered(path: Path, **over: Any) -> Answered:
    return run(path, CATALOG, DEFAULTS, **over)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    text = "aiplan: 1\nname: Small\nset: {params: 1B, tokens: 20B, accelerator: h100, accelerators: 8}\n"
    return write(tmp_path, "plan.yaml", text)


@pytest.mark.parametrize(
    ("base", "over", "both"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3, "z": 4}}, {"a": {"x": 1, "y": 3, "z": 4}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"x": 1}}, {"a": {"x": None}}, {"a": {}}),
        ({"a": 1}, {"a": None}, {}),
        ({"a": 1}, {"a": {"x": 2}}, {"a": {"x": 2}}),
        ({}, {"a": {"x": None}}, {"a": {}}),
        ({"a": {"x": 1}}, {"a": 2}, {"a": 2}),
    ],
)
def test_merging(base: dict[str, Any], over: dict[str, Any], both: dict[str, Any]) -> None:
    before = repr((base, over))
    assert merge(base, over) == both
    assert repr((base, over)) == before


def test_the_parent_of_a_parent(tmp_path: Path) -> None:
    write(tmp_path, "scenarios/bases/a.yaml", "aiplan: 1\nset: {params: 1B, pue: 1.1, law: rule_20}\nassert: [fits]\n")
    write(tmp_path, "scenarios/bases/b.yaml", "aiplan: 1\nbase: a.yaml\nset: {pue: 1.2}\n")
    leaf = write(tmp_path, "scenarios/x/c.yaml", "aiplan: 1\nbase: ../bases/b.yaml\nset: {params: 2B, law: null}\n")
    scenario = read(leaf)
    assert scenario.set == {"params": "2B", "pue": 1.2}
    assert scenario.assert_ == ["fits"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("aiplan: 1\nbase: plan.yaml\n", "circle"),
        ("aiplan: 1\nbase: missing.yaml\n", "no base file"),
        ("aiplan: 1\nbase: [a, b]\n", "one file"),
        ("aiplan: 1\nbase: /etc/passwd\n", "outside"),
        ("aiplan: 1\nasert: [fits]\n", "nearest: assert"),
        ("aiplan: 1\nset: {params: [1, 2]}\n", "set.params"),
        ("aiplan: 1\nset: {params: 1B}\nassert: fits\n", "assert"),
        ("aiplan: 1\nset: {params: 1B}\nask: serv\n", "ask"),
        ("aiplan: 1\nclaim: {id: x}\n", "claim.says"),
        ("aiplan: 1\nset: {params: yes}\n", "params"),
        ("aiplan: 1\nset: {params: 1B}\nlimit: {law: rule_20}\n", "law"),
        ("aiplan: 1\nask: facts\nset: {accelerator: h100}\n", "there are none"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path, "plan.yaml", text)
    with pytest.raises(UserError) as failure:
        answered(path)
    assert says in str(failure.value)
    assert "plan.yaml" in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_base_outside_the_folder_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, "secret.yaml", "aiplan: 1\nset: {params: 1B}\n")
    inside = write(tmp_path, "work/plan.yaml", "aiplan: 1\nbase: ../secret.yaml\n")
    with pytest.raises(UserError, match="outside"):
        read(inside)
    link = tmp_path / "work" / "link.yaml"
    link.symlink_to(tmp_path / "secret.yaml")
    write(tmp_path, "work/plan.yaml", "aiplan: 1\nbase: link.yaml\n")
    with pytest.raises(UserError, match="outside"):
        read(inside)


def test_a_long_chain_ends(tmp_path: Path) -> None:
    for i in range(20):
        write(tmp_path, f"{i}.yaml", f"aiplan: 1\nbase: {i + 1}.yaml\n")
    with pytest.raises(UserError, match="more than 8 base files"):
        read(tmp_path / "0.yaml")


def test_the_name_is_the_title_else_the_file(plan: Path, tmp_path: Path) -> None:
    assert answered(plan).result.name == "Small"
    assert answered(write(tmp_path, "other.yaml", "aiplan: 1\nset: {params: 1B}\n")).result.name == "other"


def test_flags_win_over_the_file(plan: Path) -> None:
    result = answered(plan, settings={"params": "2B", "pue": "1.4"}).result
    assert result.quantities["params"].value == 2e9
    assert result.quantities["tokens"].value == 20e9
    assert result.inputs == {"params": "2B", "tokens": "20B", "accelerator": "h100", "accelerators": 8, "pue": "1.4"}


def test_limits_of_both(tmp_path: Path) -> None:
    path = write(
        tmp_path, "plan.yaml", "aiplan: 1\nset: {params: 70B, recovery: elastic}\nlimit: {training_days: 90}\n"
    )
    assert answered(path).result.quantities["training_days"].value <= 90
    faster = answered(path, limits={"training_days": "10"}).result
    assert faster.quantities["training_days"].value <= 10


def test_checks_pass_fail_and_warn(tmp_path: Path) -> None:
    text = (
        "aiplan: 1\nset: {params: 1B, tokens: 20B, accelerator: h100, accelerators: 8}\n"
        "assert: [fits, training_days <= 1 h, accelerators == 8, loss.p90 <= 10]\nwarn: [facility_power <= 1 W]\n"
    )
    done = answered(write(tmp_path, "plan.yaml", text))
    assert [(c.kind, c.passed) for c in done.result.checks] == [
        ("assert", True),
        ("assert", False),
        ("assert", True),
        ("assert", True),
        ("warn", False),
    ]
    assert [c.text for c in done.failed] == ["training_days <= 1 h"]
    assert not done.impossible


def test_an_impossible_plan_is_told(tmp_path: Path) -> None:
    text = "aiplan: 1\nset: {params: 70B, accelerators: 8}\nlimit: {training_days: 1, run_cost: $1}\n"
    done = answered(write(tmp_path, "plan.yaml", text))
    assert done.impossible
    assert done.result.binding


def test_facts_answer_what_the_assertions_name(tmp_path: Path) -> None:
    text = "aiplan: 1\nask: facts\nset: {accelerator: h100, accelerators: 8}\nassert: [hbm_total == 640 GB]\n"
    result = answered(write(tmp_path, "plan.yaml", text)).result
    assert (result.ask, result.checks[0].passed) == ("facts", True)
    assert "training_days" not in result.quantities


def test_our_own_answer_stands_beside_a_claim(tmp_path: Path) -> None:
    text = (
        "aiplan: 1\nask: facts\nset: {accelerators: 8, accelerator: h100, accelerator_price: $30k}\n"
        "assert: [accelerator_capex == $240k]\n"
        "claim: {id: x, says: eight cost 240k, verdict: loose, because: servers come on top}\n"
        "ours: {ask: train, set: {params: 1B, accelerator: h100, accelerators: 8}}\n"
    )
    result = answered(write(tmp_path, "plan.yaml", text)).result
    assert result.claim
    assert result.claim["verdict"] == "loose"
    assert result.ours
    assert result.ours.ask == "train"
    assert result.ours.quantities["run_cost"].value
    assert result.to_json()["ours"]["schema"] == "aiplan.result/1"


def test_a_number_with_an_exponent_is_a_number(tmp_path: Path) -> None:
    """YAML itself reads 1e14 as text; here it is what was meant."""
    result = answered(write(tmp_path, "plan.yaml", "aiplan: 1\nset: {params: 1e9, tokens: 20e9}\n")).result
    assert result.quantities["params"].value == 1e9
