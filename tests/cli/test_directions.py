"""What is given is kept, what is limited is met, what is left open is solved: every flag alone and beside others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import aiplan, train


def test_size_alone_asks_for_data_hardware_and_time() -> None:
    done = train("--params 400B")
    assert done.value("params") == 400e9
    assert 170 < done.value("training_days") <= 180
    assert {row["law"] for row in done.json["laws"]} > {"besiroglu_2024", "rule_20", "hoffmann_a1", "kaplan_2020"}
    assert any("training_days" in line for line in done.json["binding"])


@pytest.mark.parametrize(
    ("flags", "given"),
    [
        ("--params 70B --tokens 15T", {"params": 70e9, "tokens": 15e12}),
        ("--params 70B --flops 1e25", {"params": 70e9, "training_flops": 1e25}),
        ("--params 70B --loss 1.95", {"params": 70e9, "loss": 1.95}),
        ("--params 70B --accelerators 1000", {"params": 70e9, "accelerators": 1000}),
        ("--tokens 15T", {"tokens": 15e12}),
        ("--tokens 15T --accelerators 20000", {"tokens": 15e12, "accelerators": 20000}),
        ("--flops 5e25", {"training_flops": 5e25}),
        ("--flops 5e25 --tokens 15T", {"training_flops": 5e25, "tokens": 15e12}),
        ("--flops 5e25 --accelerators 4000", {"training_flops": 5e25, "accelerators": 4000}),
        ("--loss 1.9", {"loss": 1.9}),
        ("--loss 1.9 --tokens 50T", {"loss": 1.9, "tokens": 50e12}),
        ("--model llama-3.1-8b --tokens 15T", {"tokens": 15e12, "layers": 32, "d_model": 4096}),
        ("--model llama-3.1-8b --flops 7e23", {"training_flops": 7e23, "layers": 32}),
        ("--params 70B --mfu 40% --goodput 90%", {"mfu": 0.4, "goodput": 0.9}),
        ("--params 70B --batch-tokens 4M", {"batch_tokens": 4e6}),
        ("--params 70B --seq-len 4096 --vocab 50257", {"seq_len": 4096, "vocab": 50257}),
    ],
)
def test_what_is_given_is_kept(flags: str, given: dict[str, float]) -> None:
    values = train(flags).values()
    assert {name: values[name] for name in given} == pytest.approx(given, rel=1e-9)


def test_compute_is_the_same_whichever_two_are_given() -> None:
    whole = train("--params 70B --tokens 2T")
    flops = whole.value("training_flops")
    assert train(f"--params 70B --flops {flops!r}").value("tokens") == pytest.approx(2e12)
    loss = whole.value("loss")
    assert train(f"--params 70B --loss {loss!r}").value("tokens") == pytest.approx(2e12)
    assert train(f"--tokens 2T --loss {loss!r}").value("params") == pytest.approx(70e9, rel=1e-6)


@pytest.mark.parametrize(
    ("flags", "name", "bound"),
    [
        ("--params 70B --deadline 90d", "training_days", 90.0),
        ("--params 70B --deadline 12h", "training_days", 12 / 24),
        ("--deadline 30d --accelerators 16384", "training_days", 30.0),
        ("--budget $1B", "run_cost", 1e9),
        ("--budget $1M --accelerator h100 --cost-method rented", "run_cost", 1e6),
        ("--budget $100", "run_cost", 100.0),
        ("--power 1GW", "facility_power", 1e9),
        ("--power 20kW --accelerator a100", "facility_power", 20e3),
        ("--params 1T --power 100MW", "facility_power", 100e6),
        ("--params 70B --set training_days=90", "training_days", 90.0),
        ("--accelerators 64 --set run_cost=$1000", "run_cost", 1000.0),
        ("--params 70B --limit training_days=90", "training_days", 90.0),
    ],
)
def test_a_limit_is_met(flags: str, name: str, bound: float) -> None:
    assert train(flags).value(name) <= bound * (1 + 1e-9)


@pytest.mark.parametrize(
    ("flags", "name", "bound"),
    [
        ("--budget $1B", "run_cost", 1e9),
        ("--budget $30k --accelerator a100", "run_cost", 30e3),
        ("--budget $1B --deadline 60d", "run_cost", 1e9),
        ("--power 1GW", "facility_power", 1e9),
        ("--power 1MW --accelerator tpu-v5p", "facility_power", 1e6),
        ("--params 1T --power 100MW", "facility_power", 100e6),
        ("--accelerators 16384", "training_days", 180.0),
        ("--accelerators 16384 --deadline 30d", "training_days", 30.0),
    ],
)
def test_a_limit_is_used_up(flags: str, name: str, bound: float) -> None:
    done = train(flags)
    assert 0.98 * bound <= done.value(name) <= bound * (1 + 1e-9)
    assert any(line.startswith(f"{name}: the limit of") for line in done.json["binding"])


def test_the_tighter_of_two_limits_binds() -> None:
    budget, power = train("--budget $1B"), train("--power 100MW")
    both = train("--budget $1B --power 100MW")
    assert both.value("params") == pytest.approx(min(budget.value("params"), power.value("params")), rel=0.1)
    assert both.value("facility_power") <= 100e6
    assert both.value("run_cost") < 0.9e9


@pytest.mark.parametrize(
    ("flags", "names", "ways_out"),
    [
        ("--params 70B --deadline 1d --budget $1", ["run_cost"], ["--budget"]),
        ("--params 70B --accelerators 8 --deadline 1d", ["training_days"], ["--deadline"]),
        ("--params 70B --deadline 1d --power 100kW", ["training_days", "facility_power"], ["--deadline", "--power"]),
        ("--model llama-3.1-405b --accelerators 8 --accelerator h100", ["memory_per_accelerator"], ["recipe"]),
        ("--power 1W", ["facility_power"], ["--power"]),
        ("--accelerators 16384 --power 1kW", ["facility_power"], ["--power"]),
        ("--params 70B --deadline 90d --limit capex=$1000", ["capex"], ["--limit capex="]),
        ("--params 70B --accelerator maia-100 --budget $1M", ["run_cost"], ["price"]),
        ("--accelerator maia-100 --budget $1M", ["run_cost"], ["price"]),
    ],
)
def test_contradicting_limits_say_what_binds_and_what_would_unbind(
    flags: str, names: list[str], ways_out: list[str]
) -> None:
    done = train(flags, code=3)
    binding = done.json["binding"]
    assert any(line.startswith(f"{name}:") for line in binding for name in names), binding
    assert any(way in line for line in binding for way in ways_out), binding
    assert done.err == ""


def test_what_would_unbind_does() -> None:
    cost = train("--params 70B --deadline 1d --budget $1", code=3).value("run_cost")
    train(f"--params 70B --deadline 1d --budget ${cost * 1.001}")
    days = train("--params 70B --accelerators 8 --deadline 1d", code=3).value("training_days")
    done = train(f"--params 70B --accelerators 8 --deadline {days * 1.001}d")
    assert done.value("training_days") == pytest.approx(days)


def test_recovery_is_offered_only_where_it_helps() -> None:
    offered = "recovery elastic"
    few = train("--params 70B --accelerators 8 --deadline 1d", code=3)
    assert not any(offered in line for line in few.json["binding"]), "871 days do not come from failures"
    many = train("--params 100T --recovery global --deadline 180d", code=3)
    assert any(offered in line for line in many.json["binding"])


@pytest.mark.parametrize("flags", ["--params 100T --recovery global", "--params 70B --limit capex=$1M"])
def test_a_limit_that_we_assumed_makes_no_plan_impossible(flags: str) -> None:
    """Exit 3 is for limits that the user set and that contradict one another; 180 days are ours."""
    train(flags, code=0)


def test_the_reason_given_for_the_number_of_accelerators_is_true() -> None:
    """72 accelerators a rack: 144 finish early since one rack is too late, not since the model needs their memory."""
    done = train("--params 70B --deadline 60d")
    assert done.value("accelerators") == 144
    assert train("--params 70B --accelerators 72").value("fits") == 1
    assert not any(line.startswith("memory_per_accelerator") for line in done.json["binding"])


@pytest.mark.parametrize(
    ("pins", "kept"),
    [
        ("--tp 8", {"tp": 8}),
        ("--tp 4 --pp 8", {"tp": 4, "pp": 8}),
        ("--tp 8 --pp 2 --micro-batch 2", {"tp": 8, "pp": 2, "micro_batch": 2}),
        ("--zero-stage 3", {"zero_stage": 3}),
        ("--recompute 2", {"recompute": 2}),
        ("--set tp=2 --set cp=2", {"tp": 2, "cp": 2}),
    ],
)
def test_pinned_layouts_are_respected(pins: str, kept: dict[str, int]) -> None:
    done = train(f"--params 70B --accelerator h100 --accelerators 512 {pins}")
    layout = done.json["choices"]["layout"]
    assert {name: layout[name] for name in kept} == kept
    assert layout["tp"] * layout["pp"] * layout["cp"] * layout["dp"] <= 512
    assert all(done.json["quantities"][name]["origin"] == "given" for name in kept)


def test_a_pinned_layout_that_cannot_hold_the_model_is_impossible() -> None:
    done = train("--params 70B --accelerator h100 --accelerators 64 --tp 1 --pp 1 --zero-stage 0", code=3)
    assert done.value("fits") == 0
    assert done.json["binding"][0].startswith("memory_per_accelerator:")


@pytest.mark.parametrize(
    ("flags", "unused"),
    [
        ("--params 70B --mfu 40% --set reference_mfu=30%", "reference_mfu"),
        ("--params 70B --tokens 1T --set law_A=400", "law_A"),
        ("--params 70B --set goodput=1 --set failure_domain=8", "failure_domain"),
    ],
)
def test_a_pin_that_changes_nothing_warns(flags: str, unused: str) -> None:
    done = train(flags)
    told = [w["message"] for w in done.json["warnings"] if w["code"] == "pin-unused"]
    if unused == "law_A":  # the loss still needs it
        assert told == []
    else:
        assert len(told) == 1
        assert told[0].startswith(unused)


@pytest.mark.parametrize(
    "flags",
    [
        "--params 70B --tokens 1T --flops 1e20",
        "--params 70B --tokens 1T --loss 1.95",
        "--model llama-3.1-8b --params 1T",
    ],
)
def test_givens_that_contradict_one_another_warn(flags: str) -> None:
    assert "over-determined" in train(flags).codes()


def test_faster_than_the_peak_is_refused_or_told() -> None:
    done = aiplan("train", "--params", "70B", "--accelerators", "100", "--step-time", "1s", "--json")
    assert done.code == 2 or "beyond-peak" in done.codes()


@pytest.mark.parametrize(
    "law", ["besiroglu_2024", "hoffmann_a1", "hoffmann_a3_rounded", "rule_20", "kaplan_2020", "llama3"]
)
def test_every_law_plans(law: str) -> None:
    done = train(f"--params 7B --accelerator h100 --law {law}")
    rows = {row["law"]: row for row in done.json["laws"]}
    assert law in rows, "the law in force stands among those that it is compared with"
    assert done.value("tokens") == pytest.approx(rows[law]["tokens"], rel=1e-9)
    assert (done.value("loss") is None) == (law in ("hoffmann_a1", "rule_20", "llama3"))


@pytest.mark.parametrize(
    ("choice", "changed"),
    [
        ("--site norway", "carbon"),
        ("--recipe fp32_adam", "optimizer_memory"),
        ("--precision fp8", "peak_flops"),
        ("--cost-method rented", "run_cost"),
        ("--recovery elastic", "goodput"),
        ("--sparsity 2:4", "cluster_flops"),
    ],
)
def test_every_choice_changes_what_it_is_for(choice: str, changed: str) -> None:
    plan = "--params 70B --accelerator h100 --accelerators 1024"
    assert train(f"{plan} {choice}").value(changed) != train(plan).value(changed)


def test_flags_win_over_set_and_may_be_spelt_in_three_ways() -> None:
    assert train("--params 70B --set params=1B").value("params") == 70e9
    ways = [train(f"--params 1B {way}").values() for way in ("--mfu 30%", "--mfu=0.3", "--set mfu=30%")]
    assert ways[0] == ways[1] == ways[2]


def test_a_deadline_that_no_fleet_meets_shows_one_that_pays() -> None:
    done = train("--params 100T --deadline 1d", code=3)
    assert done.value("training_days") > 365
    late = next(line for line in done.json["binding"] if line.startswith("training_days:"))
    assert "the largest fleet that pays" in late
    twice = train(f"--params 100T --accelerators {2 * done.value('accelerators'):.0f}")
    assert twice.value("training_days") > 0.65 * done.value("training_days")


def test_a_layout_is_one_option_and_one_key(tmp_path: Path) -> None:
    asked = "--model llama-3-70b --accelerator h100 --accelerators 64 --layout tp=8,pp=2,vp=4,zero=1"
    typed = train(asked)
    assert typed.json["choices"]["layout"].items() >= {"tp": 8, "pp": 2, "virtual_stages": 4, "zero_stage": 1}.items()
    file = tmp_path / "layout.yaml"
    file.write_text(
        "aiplan: 1\nset:\n  model: llama-3-70b\n  accelerator: h100\n  accelerators: 64\n"
        "  layout: tp=8,pp=2,vp=4,zero=1\n"
    )
    read = aiplan("run", str(file), "--json")
    assert read.code == 0
    assert read.value("step_time") == typed.value("step_time")
    file.write_text(file.read_text().replace("tp=8", "tq=8"))
    bad = aiplan("run", str(file), "--json")
    assert (bad.code, bad.out, bad.err.count("\n")) == (2, "", 1)
    assert "layout.yaml:6:" in bad.err
    assert "nearest: tp" in bad.err


def test_every_plan_says_what_its_utilisation_counts() -> None:
    for flags, peak in (("", "dense bf16 peak, 2.5 PFLOP/s"), ("--precision fp8", "dense fp8 peak, 5 PFLOP/s")):
        found = train(f"--params 70B --accelerators 144 {flags}").json
        said = next(a for a in found["assumptions"] if a["quantity"] == "mfu")
        assert peak in said["value"]
        assert "causal attention counted half" in said["source"]
        assert found["quantities"]["hfu"]["value"] >= found["quantities"]["mfu"]["value"] * (1 - 1e-12)
    assert "  hfu  " in aiplan("train", "--params", "70B").out
