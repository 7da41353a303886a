"""Bad input: one line on stderr, the right exit code, nothing on stdout, no traceback."""

from pathlib import Path

import pytest

from tests.cli.helpers import aiplan

TRAIN = [
    (["--params", "banana"], "banana"),
    (["--params", "100TT"], "100TT"),
    (["--params", "-5"], "--params is '-5'"),
    (["--params", ""], "params"),
    (["--params", "nan"], "nan"),
    (["--params", "1e999"], "1e999"),
    (["--params", "0"], "above 0"),
    (["--params", "70B", "--accelerator", "h1000"], "h100"),
    (["--params", "70B", "--model", "llama-3.1-405"], "llama-3.1-405b"),
    (["--params", "70B", "--power", "3 GWh"], "energy, not power"),
    (["--params", "70B", "--power", "3", "GWh"], "GWh"),
    (["--params", "70B", "--budget", "30k"], "$"),
    (["--params", "70B", "--law", "chinchila"], "law"),
    (["--params", "70B", "--law", "rule_20", "--loss", "2.0"], "besiroglu_2024"),
    (["--loss", "2.0", "--law", "rule_20"], "besiroglu_2024"),
    (["--params", "70B", "--precision", "bf61"], "bf16"),
    (["--params", "70B", "--precision", "fp8", "--accelerator", "a100"], "fp8"),
    (["--params", "70B", "--set", "mfu"], "NAME=VALUE"),
    (["--params", "70B", "--set", "mfuu=0.4"], "mfu"),
    (["--params", "70B", "--set", "mfu=140%"], "mfu"),
    (["--params", "70B", "--mfuu", "0.4"], "--mfu"),
    (["--params", "70B", "--mfu"], "needs a value"),
    (["--param", "70B"], "--params"),
    (["--params", "70B", "--format", "xml"], "table"),
    (["--params", "70B", "-o", "/nonexistent/x"], "/nonexistent/x"),
    (["--params", "70B", "--catalog", "/nonexistent"], "/nonexistent"),
    ([], "--params"),
    (["--deadline", "90d"], "--params"),
]


@pytest.mark.parametrize(("arguments", "says"), TRAIN, ids=[" ".join(a) or "nothing" for a, _ in TRAIN])
def test_train_refuses_in_one_line(arguments: list[str], says: str) -> None:
    done = aiplan("train", *arguments)
    assert done.code == 2, done.err
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1
    assert says in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("arguments", [["--loss", "1.5"], ["--params", "70B", "--loss", "1.82"]])
def test_a_loss_that_cannot_be_is_impossible(arguments: list[str]) -> None:
    done = aiplan("train", *arguments, "--json")
    assert done.code == 3
    assert done.value("training_days") is None
    assert "loss" in done.json["binding"][0]
    assert done.err == ""


def test_a_command_that_does_not_exist() -> None:
    done = aiplan("trian", "--params", "1B")
    assert (done.code, done.out) == (2, "")
    assert "train" in done.err


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)
FILES = {
    "duplicate": ("aiplan: 1\nset: {params: 1B}\nset: {params: 2B}\n", "set"),
    "unknown-key": ("aiplan: 1\nsett: {params: 1B}\n", "set"),
    "wrong-unit": ("aiplan: 1\nset: {params: 1B, facility_power: 3 GWh}\n", "energy, not power"),
    "unknown-quantity": ("aiplan: 1\nset: {params: 1B, mfuu: 0.4}\n", "mfu"),
    "no-version": ("set: {params: 1B}\n", "aiplan"),
    "wrong-version": ("aiplan: 2\nset: {params: 1B}\n", "aiplan"),
    "list": ("- 1\n- 2\n", "aiplan: 1"),
    "empty": ("", "empty"),
    "tag": ("aiplan: 1\nset: !!python/object:os.system {}\n", "python/object"),
    "bomb": (BOMB, "unfolds"),
    "large": ("aiplan: 1\n# " + "x" * 2_000_000 + "\n", "larger"),
    "broken": ("aiplan: 1\nset: {params: 1B\n", ":3:1:"),
    "binary": ("aiplan: 1\x00\x01", ""),
    "deep": ("a: " + "[" * 5000 + "]" * 5000, ""),
    "outside": ("aiplan: 1\nbase: ../../../../../../etc/passwd\n", "outside"),
    "unlike": ("aiplan: 1\nset: {params: 1B}\nassert: [facility_power <= 3 GWh]\n", "energy, not power"),
    "unknown-assert": ("aiplan: 1\nset: {params: 1B}\nassert: [facility_pwr <= 3 GW]\n", "facility_power"),
    "bare-assert": ("aiplan: 1\nset: {params: 1B}\nassert: [facility_power <= 3]\n", "GW"),
    "baseline": ("aiplan: 1\nset: {params: 1B}\nassert: [run_cost <= baseline + 10%]\n", "baseline"),
}


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(("text", "says"), FILES.values(), ids=FILES)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, command: str, text: str, says: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    done = aiplan(command, str(path))
    assert done.code == 2, (done.out, done.err)
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1
    assert says in done.err
    assert "plan.yaml" in done.err
    assert "Traceback" not in done.err


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "no.yaml", tmp_path):
        done = aiplan("run", str(path))
        assert (done.code, done.out) == (2, "")
        assert len(done.err.strip().splitlines()) == 1


MORE = [
    ("train --params 1B --limit law=rule_20", "law is a choice"),
    ("train --params 1B --limit capex", "NAME=VALUE"),
    ("train --params 1B --limit foo=3", "'foo'"),
    ("train --params 1B --deadline 0d", "above 0"),
    ("train --params 1B --deadline -3d", "--deadline is '-3d'"),
    ("train --params 1B --budget $0", "above 0"),
    ("train --params 1B --accelerators 0", "above 0"),
    ("train --params 1B --accelerators 1.5", "--accelerators"),
    ("train --params 70B --tp 1.5", "tp"),
    ("train --params 70B --layers 2.5", "layers"),
    ("train --params 1B --pue 0.5", "at least 1"),
    ("train --params 1B --goodput 2", "between 0 and 100%"),
    ("train --params 1B --zero-stage 7", "between 0 and 3"),
    ("train --params 1B --peak-flops 0", "above 0"),
    ("train --params 1e400", "too large"),
    ("train --params inf", "inf"),
    ("train --params 1,00", "1,00"),
    ("train --params (1+1)", "(1+1)"),
    ("train --params \u0663", "not a number"),
    ("train --params 1B --sparsity 4:8", "2:4"),
    ("train --params 1B --recipe sgd", "mixed_adam"),
    ("train --params 1B --site mars", "mars"),
    ("train --params 1B --cost-method free", "owned"),
    ("train --params 1B --format JSON", "nearest: json"),
    ("train --params", "--params"),
    ("train extra --params 1B", "extra"),
    ("train -x", "-x"),
    ("why", "Missing argument"),
    ("why mffu --params 1B", "nearest: mfu"),
    ("why capex", "--params"),
    ("convert banana", "banana"),
    ("convert 3GWh W", "energy, not power"),
    ("schema foo", "scenario"),
    ("schema scenari", "nearest: scenario"),
    ("hardware show h1000", "h100"),
    ("hardware check /nonexistent", "/nonexistent"),
    ("hardware foo", "foo"),
    ("models show gpt-33", "gpt-3"),
    ("run", "FILE"),
    ("laws compare --params banana", "banana"),
    ("laws compare --params 1B --flops 1e20", "--params"),
    ("--foo", "--foo"),
]


@pytest.mark.parametrize(("line", "says"), MORE, ids=[line for line, _ in MORE])
def test_every_command_refuses_in_one_line(line: str, says: str) -> None:
    done = aiplan(*line.split())
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Error: ")
    assert done.err.count("\n") == 1
    assert says in done.err


@pytest.mark.parametrize("word", ["\x1b[31mred", "a\nb", "\x07", "x" * 20_000, "9" * 5000, "\u202e"])
@pytest.mark.parametrize("option", ["--params", "--accelerator", "--law", "--set", "--nonsense"])
def test_words_of_a_user_are_not_obeyed(option: str, word: str) -> None:
    done = aiplan("train", "--params", "1B", option, word)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert done.err.rstrip("\n").isprintable()
    assert len(done.err) < 1000


def test_settings_of_a_file_that_are_wrong_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text, says in (
        ("defaults: {pue: banana}\n", "pue"),
        ("defaults: {accelerator: h1000}\n", "h100"),
        ("defalts: {pue: 1.2}\n", "defaults"),
        ("- 1\n", "aiplan.yaml"),
        ("catalog: [nowhere]\n", "nowhere"),
    ):
        Path("aiplan.yaml").write_text(text)
        done = aiplan("train", "--params", "1B")
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), text
        assert says in done.err, done.err


def test_a_catalogue_of_the_environment_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIPLAN_CATALOG", "/nonexistent")
    done = aiplan("train", "--params", "1B")
    assert (done.code, done.out) == (2, "")
    assert "/nonexistent" in done.err
