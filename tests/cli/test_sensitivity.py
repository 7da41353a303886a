"""`aiplan sensitivity`: bars, indices, formats."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.cli.helpers import aiplan, train

PLAN = ("sensitivity", "--params", "70B", "--tokens", "1T", "--accelerator", "h100", "--accelerators", "1024")


def test_the_longest_bar_is_first() -> None:
    """In the order of the movement, from unicode to ASCII."""
    done = aiplan(*PLAN, "--vary", "mfu=10% to 60%", "--of", "training_days")
    assert done.code == 0
    assert done.out.splitlines()[3].startswith("mfu")
    plain = aiplan(*PLAN, "--ascii")
    assert plain.out.isascii()
    assert "=" in plain.out


def test_json_has_both() -> None:
    """The tornado, and with --sobol the indices, in SI."""
    found = aiplan(*PLAN, "--sobol", "256", "--json").json
    assert found["of"] == "run_cost"
    names = {bar["input"] for bar in found["tornado"]}
    assert "accelerator_price" in names
    assert {index["input"] for index in found["sobol"]["indices"]} >= {"accelerator_price"}
    again = aiplan(*PLAN, "--sobol", "256", "--json").json
    assert again == found
    rows = list(csv.DictReader(io.StringIO(aiplan(*PLAN, "-f", "csv").out)))
    assert {row["input"] for row in rows} == names


def test_every_number_moved_alike_is_a_plan_of_its_own() -> None:
    """With the layout searched anew; the coefficients of a law and what is whole are left out."""
    fleet = "--params 70B --accelerator h100 --accelerators 1024 --batch-tokens 4M"
    found = {b["input"]: b for b in aiplan("sensitivity", *fleet.split(), "--by", "5%", "--json").json["tornado"]}
    price, size = found["accelerator_price"], found["params"]
    assert price["at_high"] == pytest.approx(train(f"{fleet} --accelerator-price ${price['high']!r}").value("run_cost"))
    for end in ("low", "high"):
        moved = train(fleet.replace("70B", repr(size[end]))).value("run_cost")
        assert size[f"at_{end}"] == pytest.approx(moved, rel=1e-9)
    assert not {"law_alpha", "layers", "accelerators", "tp"} & set(found)
    rows = list(csv.DictReader(io.StringIO(aiplan("sensitivity", *fleet.split(), "--by", "5%", "-f", "csv").out)))
    assert float(rows[0]["at_low"]) == next(iter(found.values()))["at_low"]


def test_a_drawn_name_has_a_bar(tmp_path: Path) -> None:
    """Of a file, with a choice by name: from its least to its most."""
    file = tmp_path / "plan.yaml"
    file.write_text(
        "aiplan: 1\nset: {params: 70B, tokens: 1T, accelerators: 1024}\nvary: {accelerator: {choice: [h100, a100]}}\n"
    )
    bars = {
        bar["input"]: bar for bar in aiplan("sensitivity", str(file), "--of", "training-days", "--json").json["tornado"]
    }
    assert bars["accelerator"]["ends"] == ["h100", "a100"]
    assert bars["accelerator"]["at_p90"] > 2 * bars["accelerator"]["at_p10"]


def test_wrong_use_exits_2() -> None:
    """One line."""
    for words, said in ((("--sobol", "1000"), "power of two"), (("--of", "runcost"), "nearest: run_cost")):
        done = aiplan(*PLAN, *words)
        assert (done.code, len(done.err.splitlines())) == (2, 1)
        assert said in done.err
