"""Each command does what its help says: results on standard output, words on standard error, one exit code a kind."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from aiplan.cli.app import COMMANDS
from aiplan.cli.options import FLAGS, FORMATS
from aiplan.cli.schema import KINDS
from aiplan.graph import GRAPH
from aiplan.specs.question import CHOICES
from tests.cli.helpers import ESSAY, aiplan, process

PLAN = ["train", "--params", "1B", "--accelerator", "h100"]


@pytest.mark.parametrize("command", [[], ["hardware"], ["models"], ["laws"]], ids=lambda c: " ".join(c) or "nothing")
def test_a_group_alone_shows_its_help(command: list[str]) -> None:
    done = aiplan(*command)
    text = done.out or done.err
    assert "Error" not in text
    assert text.startswith("Usage: aiplan ")
    assert len(text.splitlines()) > 5


@pytest.mark.parametrize("command", [*COMMANDS, ""])
def test_help(command: str) -> None:
    done = aiplan(*command.split(), "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage: aiplan")
    assert all(len(line) <= 80 for line in done.out.splitlines())
    cut = [line for line in done.out.splitlines() if line.endswith("...") and not line.startswith("Usage")]
    assert cut == [], "a sentence is told whole"
    if command:
        assert COMMANDS[command].split()[0] in aiplan("--help").out


def test_flags_are_names_that_exist() -> None:
    assert {flag.sets for flag in FLAGS} <= set(GRAPH.quantities) | set(CHOICES) | {"layout"}
    assert len({flag.flag for flag in FLAGS}) == len(FLAGS)
    shown = aiplan("train", "--help").out
    assert all(f"--{flag.flag} " in shown for flag in FLAGS)


# -- formats and files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_formats_say_the_same_and_can_be_written_to_a_file(tmp_path: Path, form: str) -> None:
    done = aiplan(*PLAN, "--format", form)
    path = tmp_path / "result"
    filed = aiplan(*PLAN, "--format", form, "-o", str(path))
    assert (filed.code, filed.out, filed.err) == (0, "", "")
    assert path.read_text(encoding="utf-8") == done.out
    days = aiplan(*PLAN, "--json").value("training_days")
    if form in ("json", "jsonl"):
        assert json.loads(done.out)["quantities"]["training_days"]["value"] == days
    elif form == "yaml":
        assert yaml.safe_load(done.out)["quantities"]["training_days"]["value"] == days
    elif form == "csv":
        rows = {row["quantity"]: row for row in csv.DictReader(io.StringIO(done.out))}
        assert float(rows["training_days"]["value"]) == days
    else:
        assert "training_days" in done.out


def test_all_shows_every_quantity() -> None:
    few, every = aiplan(*PLAN), aiplan(*PLAN, "--all")
    names = aiplan(*PLAN, "--json").json["quantities"]
    words = set(every.out.split())
    assert [n for n in names if n not in words] == []
    assert len(few.out.splitlines()) < len(every.out.splitlines())


def test_results_go_to_stdout_and_errors_to_stderr() -> None:
    good, bad = process(*PLAN, "--json"), process("train", "--params", "banana", "--json")
    assert (good.code, good.err) == (0, "")
    assert good.json["quantities"]["params"]["value"] == 1e9
    assert (bad.code, bad.out, bad.err.count("\n")) == (2, "", 1)
    assert bad.err.startswith("Error: ")


def test_an_impossible_plan_is_printed_and_exits_3() -> None:
    done = process("train", "--params", "70B", "--deadline", "1d", "--budget", "$1")
    assert (done.code, done.err) == (3, "")
    assert "Impossible as asked" in done.out
    assert "--budget" in done.out


def test_a_bug_is_one_line_unless_it_is_hunted(monkeypatch: pytest.MonkeyPatch) -> None:
    import aiplan.plan

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("something\nodd")

    monkeypatch.setattr(aiplan.plan, "train", broken)
    monkeypatch.delenv("AIPLAN_DEBUG", raising=False)
    from tests.cli.helpers import aiplan as call

    done = call(*PLAN)
    assert (done.code, done.out) == (70, "")
    assert done.err == "Error: a bug of aiplan (RuntimeError: something odd); AIPLAN_DEBUG=1 shows where\n"
    monkeypatch.setenv("AIPLAN_DEBUG", "1")
    with pytest.raises(RuntimeError, match="odd"):
        call(*PLAN)


# -- run and check -------------------------------------------------------------------------------------------------


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


SMALL = "aiplan: 1\nset: {params: 1B, tokens: 20B, accelerator: h100, accelerators: 8}\n"


@pytest.mark.parametrize(
    ("rest", "run_code", "check_code"),
    [
        ("assert: [fits]\n", 0, 0),
        ("assert: [training_days <= 1 s]\n", 1, 1),
        ("assert: [fits]\nwarn: [training_days <= 1 s]\n", 0, 0),
        ("", 0, 1),
        ("assert: []\n", 0, 1),
        ("assert: [fits]\nlimit: {training_days: 1 s}\n", 3, 1),
        ("assert: [facility_pwr <= 1 GW]\n", 2, 2),
    ],
)
def test_exit_codes_of_scenarios(tmp_path: Path, rest: str, run_code: int, check_code: int) -> None:
    path = write(tmp_path / "plan.yaml", SMALL + rest)
    assert (aiplan("run", path).code, aiplan("check", path).code) == (run_code, check_code)


def test_check_says_what_failed_and_what_was_found(tmp_path: Path) -> None:
    path = write(tmp_path / "plan.yaml", f"{SMALL}assert: [fits, training_days <= 1 s]\nwarn: [mfu >= 99%]\n")
    done = aiplan("check", path)
    lines = done.out.splitlines()
    assert lines[0] == f"{path}: failed, 2 assertions"
    assert lines[1].split()[0] == "ok"
    assert lines[2].split()[0] == "FAILED"
    assert "training_days is " in lines[2]
    assert lines[3].split()[0] == "warning"


def test_an_empty_gate_fails_unless_allowed(tmp_path: Path) -> None:
    path = write(tmp_path / "plan.yaml", SMALL)
    done = aiplan("check", path)
    assert (done.code, "0 assertions" in done.out) == (1, True)
    assert aiplan("check", path, "--allow-empty").code == 0


def test_one_failure_among_several_fails(tmp_path: Path) -> None:
    good = write(tmp_path / "good.yaml", f"{SMALL}assert: [fits]\n")
    bad = write(tmp_path / "bad.yaml", f"{SMALL}assert: [accelerators == 9]\n")
    done = aiplan("check", good, bad)
    assert done.code == 1
    assert [line.split(": ")[1].split(",")[0] for line in done.out.splitlines() if line.startswith("/")] == [
        "passed",
        "failed",
    ]
    assert aiplan("run", good, bad, "--json").code == 1


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "plan.yaml", f"{SMALL}assert: [accelerators == 16]\n")
    assert aiplan("check", path).code == 1
    assert aiplan("check", path, "--set", "accelerators=16").code == 0
    done = aiplan("run", path, "--accelerators", "16", "--json")
    assert (done.code, done.value("accelerators")) == (0, 16)
    assert aiplan("run", path, "--limit", "training_days=1s", "--json").json["binding"]


# -- the smaller commands ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_schema_prints_json_schema(kind: str) -> None:
    done = aiplan("schema", kind)
    assert (done.code, done.err) == (0, "")
    jsonschema.Draft202012Validator.check_schema(done.json)


@pytest.mark.parametrize(
    ("value", "to", "shown"),
    [("3 GWh", "J", "= 1.08e13 J"), ("100T", "", "= 1e14"), ("$0.06/kWh", "", "USD/J"), ("3 hp", "kW", "2.2")],
)
def test_convert(value: str, to: str, shown: str) -> None:
    done = aiplan("convert", value, *to.split())
    assert (done.code, done.err) == (0, "")
    assert shown in done.out


def test_negative_values_are_values_and_not_options() -> None:
    assert aiplan("convert", "-3 GWh", "J").out == "-3 GWh = -1.08e13 J\n"


def test_hardware_lists_every_chip_and_shows_any() -> None:
    listed = aiplan("hardware", "list")
    assert (listed.code, listed.err) == (0, "")
    ids = {entry["id"] for entry in aiplan("hardware", "list", "--json").json}
    assert {"h100-sxm-80gb", "gb200-186gb", "a100-sxm-40gb", "desktop", "laptop-cpu-8core"} <= ids
    assert ids <= {line.split()[0] for line in listed.out.splitlines()[1:] if line.strip()}
    done = aiplan("hardware", "show", "H100-80GB-SXM", "--precision", "fp8", "--json")
    assert done.json["choices"]["accelerator"] == "h100-sxm-80gb"
    assert done.value("peak_flops") == pytest.approx(1978.9e12, rel=1e-3)
    assert done.value("accelerator_memory") == 80e9


def test_models_lists_and_shows() -> None:
    ids = {entry["id"] for entry in aiplan("models", "list", "--json").json}
    assert {"gpt-3-175b", "llama-3.1-405b", "deepseek-v3", "palm-540b", "gpt-4"} <= ids
    assert "rumour" in next(line for line in aiplan("models", "list").out.splitlines() if line.startswith("gpt-4 "))
    done = aiplan("models", "show", "deepseek-v3", "--json")
    assert done.value("shape_params") == pytest.approx(671e9, rel=0.01)
    assert done.value("shape_active_params") == pytest.approx(37.5e9, rel=0.03)


@pytest.mark.parametrize("command", [["hardware", "check"], ["models", "check"]])
def test_our_own_entries_are_checked(command: list[str]) -> None:
    done = aiplan(*command)
    assert (done.code, done.err) == (0, "")
    assert "files" in done.out.splitlines()[-1]


def test_a_users_own_chip_and_prices(tmp_path: Path) -> None:
    folder = tmp_path / "accelerators"
    folder.mkdir()
    chip = write(
        folder / "our-chip.yaml",
        "id: our-chip\nname: Our chip\nvendor: us\nreleased: 2026-01\npeak: {bf16: 100 TFLOP/s}\n"
        "memory: {capacity: 64 GB, bandwidth: 2 TB/s}\ntdp: 500 W\nsources: {sheet: 'our datasheet, 2026-01'}\n",
    )
    assert aiplan("hardware", "check", chip).code in (0, 1)
    done = aiplan("train", "--params", "1B", "--accelerator", "our-chip", "--catalog", str(tmp_path), "--json")
    assert done.code == 0, done.err
    assert done.value("peak_flops_bf16") == 100e12
    assert aiplan("train", "--params", "1B", "--accelerator", "our-chip").code == 2


def test_essay_scenarios_hold_in_a_process_of_their_own(tmp_path: Path) -> None:
    done = process("check", str(ESSAY / "run-100t.yaml"), cwd=str(tmp_path))
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{ESSAY / 'run-100t.yaml'}: passed, ")
