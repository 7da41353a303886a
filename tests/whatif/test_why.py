"""Derivations: every number of the tree is that of the plan, and people can read it in 80 columns."""

from __future__ import annotations

import re
from typing import Any

import pytest

from aiplan.catalog import open_catalog
from aiplan.errors import UserError
from aiplan.graph import GRAPH
from aiplan.plan import TRAIN, Plan, train
from aiplan.specs.question import read_question
from aiplan.whatif.why import text, tree

CATALOG, DEFAULTS = open_catalog()


def plan_of(**asked: Any) -> Plan:
    return train(read_question(asked), CATALOG, DEFAULTS)


PLAN = plan_of(params="100T")


def test_the_tree_ends_in_what_was_supplied() -> None:
    leaves: dict[str, str] = {}

    def visit(branch: dict[str, Any]) -> None:
        assert branch["value"] == PLAN.value(branch["quantity"])
        if "formula" not in branch:
            leaves[branch["quantity"]] = branch["origin"]
        for below in branch.get("inputs", ()):
            visit(below)

    visit(tree(PLAN, "capex"))
    assert leaves["accelerators"] == "search"
    assert leaves["accelerator_price"] == "catalog"
    assert leaves["it_overhead"] == "default"
    assert set(leaves.values()) <= {"search", "catalog", "default", "given"}


@pytest.mark.parametrize("name", [n for n in TRAIN if n in PLAN.nodes])
def test_every_quantity_can_be_told(name: str) -> None:
    branch = tree(PLAN, name)
    shown = text(branch, width=80)
    assert shown.startswith(f"{name}  ")
    assert GRAPH[name].sentence.split()[0] in shown
    assert all(len(line) <= 80 or " " not in line.strip() for line in shown.splitlines())
    if "formula" in branch:
        assert branch["equation"], "a formula is shown with its equation"
        assert branch["source"], "a formula is shown with its source"


def test_the_equation_is_shown_with_its_numbers() -> None:
    shown = text(tree(PLAN, "capex"), most=0)
    assert "= cluster_capex + building_capex" in shown
    assert re.search(r"= \$[0-9.]+T \+ \$[0-9.]+T", shown)


def test_depth_ends_the_tree() -> None:
    lines = [text(tree(PLAN, "capex"), most=depth).count("\n") for depth in (0, 1, 2, 9)]
    assert lines == sorted(set(lines))
    assert "accelerator_price" not in text(tree(PLAN, "capex"), most=1)


def test_a_branch_is_told_once() -> None:
    shown = text(tree(PLAN, "run_cost"))
    assert "(derived above)" in shown
    for name in ("training_days", "facility_power"):
        full = re.findall(rf"^ *{name}  (?!.*derived above).*$", shown, re.MULTILINE)
        assert len(full) <= 1, name


def test_a_null_says_why() -> None:
    shown = text(tree(plan_of(params="1B", accelerator="maia-100"), "run_cost"))
    assert "run_cost  unknown" in shown
    assert "maia-100 has no purchase price" in shown


def test_what_the_plan_does_not_have() -> None:
    with pytest.raises(UserError, match="flops_per_sample has no value in this plan"):
        tree(PLAN, "flops_per_sample")


def test_control_characters_do_not_reach_the_terminal() -> None:
    branch = {
        "quantity": "x",
        "value": 1.0,
        "unit": "",
        "origin": "given",
        "sentence": "a\x1b[31mb",
        "source": "c\x07d",
    }
    assert "\x1b" not in text(branch)
    assert "\x07" not in text(branch)
