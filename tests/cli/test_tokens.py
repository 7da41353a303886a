"""`aiplan tokens` as it is typed."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.helpers import aiplan, process
from tests.tokens import make

ROOT = Path(__file__).parents[2]
MISS = "You miss 100% of the shots you don't take"


def test_the_table_of_models_is_cheapest_first_and_80_columns_wide() -> None:
    done = aiplan("tokens", "--text", MISS, "--output", "500")
    assert done.code == 0
    assert "11 tokens of o200k (exact)" in done.out
    assert max(map(len, done.out.splitlines())) <= 88
    costs = [model["cost"] for model in aiplan("tokens", "--text", MISS, "--json").json["models"]]
    assert costs == sorted(costs)
    assert len(costs) > 12


def test_one_model_has_the_contracts_quantities() -> None:
    done = aiplan("tokens", "--text", MISS, "--model", "gpt-4o", "--output", "500", "--json")
    assert done.json["schema"] == "aiplan.result/1"
    assert done.json["ask"] == "tokens"
    assert done.value("document_tokens") == 11
    assert done.value("cost") == pytest.approx(11 * 2.5e-6 + 500 * 10e-6)
    assert done.value("context_share") == pytest.approx(511 / 128_000)
    assert done.value("reading_time") == pytest.approx(11 / 16_400)
    assert "models" in done.json


def test_without_a_model_what_depends_on_it_is_null_with_the_reason() -> None:
    found = aiplan("tokens", "--text", MISS, "--json").json["quantities"]
    assert found["document_tokens"]["value"] == 11
    for name in ("cost", "reading_time", "context_share"):
        assert found[name]["value"] is None
        assert "--model" in found[name]["why_null"]


def test_what_does_not_fit_is_said() -> None:
    done = aiplan("tokens", "--set", "document_words=580k", "-m", "gpt-4o", "--json")
    assert done.value("fits_context") == 0.0
    assert done.value("context_share") == pytest.approx(580_000 * 1.28 / 128_000)
    assert any(w["code"] == "beyond-window" for w in done.json["warnings"])


def test_estimates_carry_their_interval() -> None:
    done = aiplan("tokens", str(ROOT / "aiplan" / "graph.py"), "-m", "gemini-2.5-pro", "--json")
    tokens = done.json["quantities"]["document_tokens"]
    assert tokens["p10"] < tokens["value"] < tokens["p90"]
    assert done.json["choices"]["method"].startswith("estimated +-")


def test_a_broken_file_does_not_stop_the_batch(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text(MISS)
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "lease.docx").write_bytes(make.docx([MISS]))
    done = aiplan("tokens", str(tmp_path), "-m", "gpt-4o", "--json")
    assert done.code == 1
    errors = {Path(d["name"]).name: d["error"] for d in done.json["documents"]}
    assert errors["good.txt"] is None
    assert errors["lease.docx"] is None
    assert "broken" in errors["bad.pdf"]
    assert done.value("document_tokens") > 22
    assert aiplan("tokens", str(tmp_path / "bad.pdf")).code == 2


def test_a_scanned_page_is_priced_as_a_picture(tmp_path: Path) -> None:
    (tmp_path / "scan.pdf").write_bytes(make.pdf([None]))
    done = aiplan("tokens", str(tmp_path / "scan.pdf"), "-m", "claude-3-sonnet", "--json")
    assert done.value("document_tokens") == 1600
    assert any("scanned" in w["message"] for w in done.json["warnings"])
    none = aiplan("tokens", str(tmp_path / "scan.pdf"), "-m", "deepseek-chat", "--json")
    assert any("not known how pictures are counted" in w["message"] for w in none.json["warnings"])


def test_a_pdf_as_text_as_pdf_and_as_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(make.pdf([make.WORDS] * 4))

    def tokens(model: str, as_: str) -> float:
        return aiplan("tokens", str(tmp_path / "a.pdf"), "-m", model, "--as", as_, "--json").value("document_tokens")

    text = tokens("claude-3-sonnet", "text")
    assert tokens("claude-3-sonnet", "image") == 4 * 1600
    assert tokens("claude-3-sonnet", "pdf") == text + 4 * 1600
    assert tokens("gemini-2.5-pro", "pdf") == 4 * 258
    assert aiplan("tokens", "x", "--as", "film").code == 2


def test_sound_is_counted_where_a_number_is_known(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(make.wav(60))
    assert aiplan("tokens", str(tmp_path / "a.wav"), "-m", "gemini-2.5-pro", "--json").value("document_tokens") == 1920
    done = aiplan("tokens", str(tmp_path / "a.wav"), "-m", "claude-3-sonnet", "--json")
    assert any("no number of tokens of audio" in w["message"] for w in done.json["warnings"])


def test_sound_has_a_price_of_its_own_where_one_is_listed(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(make.wav(60))
    (tmp_path / "b.txt").write_text(make.WORDS)
    flash = aiplan("tokens", str(tmp_path), "-m", "gemini-2.5-flash", "--json")
    text = flash.value("document_tokens") - 1920
    assert flash.value("input_cost") == pytest.approx(1920 * 1e-6 + text * 0.3e-6)
    pro = aiplan("tokens", str(tmp_path), "-m", "gemini-2.5-pro", "--json")
    assert any("no price of sound" in w["message"] for w in pro.json["warnings"])
    corpus = aiplan("tokens", "--corpus", str(tmp_path), "--journal", str(tmp_path.with_suffix(".j")),
                    "-m", "gemini-2.5-flash", "--json")  # fmt: skip
    assert corpus.value("input_cost") == pytest.approx(flash.value("input_cost"), rel=0.01)


def test_standard_input_of_text_and_of_a_document() -> None:
    for data, words in ((MISS.encode(), 9), (make.docx([MISS]), 12)):
        done = subprocess.run(
            [sys.executable, "-m", "aiplan", "tokens", "-", "-m", "gpt-4o", "--json"], input=data, capture_output=True
        )
        assert done.returncode == 0
        assert json.loads(done.stdout)["quantities"]["document_words"]["value"] == words


def test_formats(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(aiplan("tokens", "--text", MISS, "-f", "csv").out)))
    assert {"model", "tokens", "method", "cost", "context_share"} <= set(rows[0])
    assert aiplan("tokens", "--text", MISS, "-f", "md").out.count("| ---") > 1
    assert "<script>" not in aiplan("tokens", "--text", "<script>", "-f", "md").out
    done = aiplan("tokens", "--text", MISS, "--json", "--to", str(tmp_path / "o.json"))
    assert done.out == ""
    assert json.loads((tmp_path / "o.json").read_text())["ask"] == "tokens"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-file.txt"],
        ["--text", "x", "--output", "-5"],
        ["--text", "x", "--output", "150%"],
        ["--text", "x", "--cached", "2"],
        ["--text", "x", "--set", "nonsense=1"],
        ["--text", "x", "--tokenizer", "no.json"],
        ["--text", "x", "--prices", "no.yaml"],
        ["--corpus", "/no/such/folder"],
        ["--corpus", ".", "--shard", "3/2"],
        ["--corpus", ".", "--text", "x"],
        ["--text", "x", "--timeout", "0"],
    ],
)
def test_wrong_questions_are_one_line(arguments: list[str]) -> None:
    done = aiplan("tokens", *arguments)
    assert done.code == 2
    assert done.err.startswith("Error: ")
    assert done.err.count("\n") == 1


def test_nothing_is_imported_that_is_not_used() -> None:
    code = "import sys; from aiplan.cli.app import run; run(sys.argv[1:]); print(*sorted(sys.modules))"
    for arguments, absent in (
        (["--help"], ("aiplan.tokens", "toktok", "genai_prices", "pypdfium2")),
        (["train", "--params", "1B"], ("aiplan.tokens", "toktok", "genai_prices", "pypdfium2")),
        (["tokens", "--help"], ("toktok", "genai_prices", "aiplan.tokens.ask")),
        (["tokens", "--text", "x", "-m", "gpt-4o"], ("pypdfium2", "sqlite3", "splintr", "tokenizers", "pint")),
    ):
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
        loaded = set(done.stdout.splitlines()[-1].split())
        assert not loaded & set(absent)


def test_it_works_without_a_network(tmp_path: Path) -> None:
    guard = tmp_path / "sitecustomize.py"
    guard.write_text(
        "import socket\n"
        "def no(*a, **k): raise RuntimeError('the network was used')\n"
        "socket.socket.connect = socket.getaddrinfo = socket.create_connection = no\n"
    )
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = process("tokens", "--text", MISS, "--json", env={**os.environ, "PYTHONPATH": paths})
    assert done.code == 0
    assert done.value("document_tokens") == 11


@pytest.mark.parametrize(
    "name",
    [
        "lease",
        "token-facts",
        "token-facts-brave-new-world",
        "token-facts-sentence",
        "token-facts-paragraph",
        "context-and-speed",
        "enterprise-corpus",
    ],
)
def test_the_essays_token_claims(name: str) -> None:
    done = aiplan("check", str(ROOT / "scenarios" / "essay" / f"{name}.yaml"))
    assert done.code == 0, done.out


def test_a_scenario_fails_when_a_prompt_outgrows_its_budget(tmp_path: Path) -> None:
    (tmp_path / "prompt.md").write_text(make.WORDS * 50)
    scenario = tmp_path / "s.yaml"

    def check(*conditions: str) -> int:
        lines = [
            "aiplan: 1",
            "ask: tokens",
            "set: {doc: prompt.md, model: gpt-4o}",
            f"assert: {json.dumps(conditions)}",
        ]
        scenario.write_text("\n".join(lines))
        return aiplan("check", str(scenario)).code

    assert check("document_tokens <= 100k", "cost <= $0.05", "context_share <= 50%") == 0
    assert check("document_tokens <= 100") == 1
    assert check("cost <= $0.0001") == 1
    assert check("nonsense <= 5") == 2
    assert check("mfu <= 50%") == 1


def test_a_scenario_does_not_pass_when_a_document_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7")
    scenario = tmp_path / "s.yaml"
    scenario.write_text(
        'aiplan: 1\nask: tokens\nset: {doc: "*.[tp][xd][tf]", model: gpt-4o}\nassert: [document_tokens <= 9]\n'
    )
    done = aiplan("check", str(scenario))
    assert done.code == 1
    assert "could not be read" in done.out


def test_a_model_that_leaves_pictures_out_is_not_called_the_cheapest(tmp_path: Path) -> None:
    (tmp_path / "scan.pdf").write_bytes(make.pdf([make.WORDS, None]))
    done = aiplan("tokens", str(tmp_path / "scan.pdf"), "--json")
    whole = [bool(model["left_out"]) for model in done.json["models"]]
    assert whole == sorted(whole)
    assert any(whole)
    assert done.json["models"][0]["model"] in done.json["headline"]


WITHOUT = """
import sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None
from aiplan.cli.app import run
sys.exit(run(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("fsspec", ["--corpus", "https://x"], "remote"),
        ("aiohttp", ["--corpus", "https://x"], "remote"),
        ("s3fs", ["--corpus", "s3://x"], "s3"),
        ("gcsfs", ["--corpus", "gs://x"], "gs"),
        ("distributed", ["--corpus", ".", "--engine", "dask", "--scheduler", "tcp://127.0.0.1:1"], "dask"),
        ("tokenizers", ["--text", "x", "--tokenizer", "tokenizer.json"], "tokenizers"),
    ],
)
def test_a_missing_extra_is_one_sentence(missing: str, arguments: list[str], extra: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT, missing, "tokens", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert f"pip install 'aiplan[{extra}]'" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.rtf", rb"{\rtf1\ansi Some {\b bold} text.\par}", "an RTF file"),
        ("a.doc", make.ole("WordDocument"), "an old DOC file"),
        ("a.ppt", make.ole("PowerPoint Document"), "an old PPT file"),
        ("a.docx", make.ole("EncryptedPackage"), "it is encrypted"),
        ("a.msg", make.ole("__substg1.0_0037001F"), "an Outlook MSG file"),
        ("a.wps", make.ole("Contents"), "an old binary Office file"),
    ],
)
def test_what_is_not_read_is_one_honest_line(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(data)
    done = aiplan("tokens", str(tmp_path / name))
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert words in done.err
    (tmp_path / "b.zip").write_bytes(make.zipped({name: data, "c.txt": "one"}))
    inside = aiplan("tokens", str(tmp_path / "b.zip"), "-m", "gpt-4o", "--json")
    assert inside.code == 1
    assert [words in str(d["error"]) for d in inside.json["documents"]] == [True, False]
    of = aiplan("tokens", "--corpus", str(tmp_path), "--journal", str(tmp_path.with_suffix(".journal")), "--json")
    assert any(words in e["error"] for e in of.json["corpus"]["errors"])


@pytest.mark.parametrize(
    "option",
    [["--sample", "5"], ["--shard", "1/2"], ["--jobs", "2"], ["--fresh"], ["--engine", "dask"], ["--journal", "j"]],
)
def test_options_of_a_corpus_are_refused_without_one(option: list[str]) -> None:
    done = aiplan("tokens", "--text", "x", *option)
    assert done.code == 2
    assert f"{option[0]} is of a corpus" in done.err


def test_a_url_that_is_no_corpus_says_how() -> None:
    done = aiplan("tokens", "https://example.com/lease.pdf")
    assert done.code == 2
    assert "--corpus https://example.com/lease.pdf" in done.err


def test_so_many_documents_of_so_many_words() -> None:
    settings = ("--set", "documents=100M", "--set", "words_per_document=130")
    done = aiplan("tokens", *settings, "-m", "gpt-4o", "--json")
    assert done.value("document_words") == pytest.approx(13e9)
    assert done.value("cost") == pytest.approx(13e9 * 1.28 * 2.5e-6)
    lacking = aiplan("tokens", "--set", "words_per_document=130", "-m", "gpt-4o")
    assert lacking.code == 2
    assert "documents is not given" in lacking.err


def test_what_cannot_be_counted_is_unknown_and_not_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(make.wav(60))
    done = aiplan("tokens", str(tmp_path / "a.wav"), "-m", "claude-3-sonnet", "--json").json
    assert done["quantities"]["document_tokens"]["value"] is None
    assert done["quantities"]["cost"]["value"] is None
    assert "audio" in done["quantities"]["cost"]["why_null"]
    rows = {m["model"]: m for m in aiplan("tokens", str(tmp_path / "a.wav"), "--json").json["models"]}
    assert rows["gemini-2.5-flash"]["tokens"] == 1920
    assert rows["gpt-4o"]["tokens"] is rows["gpt-4o"]["cost"] is None
    assert aiplan("tokens", str(tmp_path / "a.wav")).code == 0


def test_a_rule_that_was_fitted_is_no_exact_count(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(make.png(1024, 768))
    for name, method in (("gemini-3.5-flash", "estimated +-3%"), ("gpt-4o", "exact")):
        done = aiplan("tokens", str(tmp_path / "a.png"), "-m", name, "--json").json
        assert done["choices"]["method"] == method
        assert any("Gemini 3" in s or "images documentation" in s for s in done["sources"])


def test_a_pin_that_changes_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(make.WORDS)
    for words in ([str(tmp_path / "a.txt")], ["--corpus", str(tmp_path), "--fresh"], ["--set", "document_tokens=5k"]):
        found = aiplan(
            "tokens", *words, "-m", "gpt-4o", "--set", "pue=1.2", "--set", "reading_speed=9 tokens/s", "--json"
        ).json
        assert [w["message"] for w in found["warnings"] if w["code"] == "pin-unused"] == [
            "pue is set, but changes nothing here"
        ]


def test_given_tokens_are_those_of_every_model(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(make.WORDS)
    found = aiplan("tokens", str(tmp_path / "a.txt"), "--set", "document_tokens=5k", "--json").json
    assert "5,000 tokens of o200k (given)" in found["headline"]
    assert {m["tokens"] for m in found["models"]} == {5000.0, found["quantities"]["document_tokens"]["value"]}
