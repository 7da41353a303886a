"""`ask: tokens` in files: grids, draws and derivations of documents."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.helpers import aiplan
from tests.tokens import make

HEAD = "aiplan: 1\nask: tokens\n"


@pytest.fixture
def lease(tmp_path: Path) -> Path:
    """A scenario of a document, and the document beside it."""
    (tmp_path / "lease.pdf").write_bytes(make.pdf([make.WORDS] * 3))
    path = tmp_path / "s.yaml"
    path.write_text(f"{HEAD}set: {{doc: lease.pdf, model: gpt-4o, output: 500}}\n")
    return path


def tokens_of(path: Path, model: str, *more: str) -> dict[str, float]:
    """The values of the plain command."""
    return aiplan("tokens", str(path.with_name("lease.pdf")), "-m", model, "--json", *more).values()


def test_each_point_of_a_grid_is_the_plain_command(lease: Path) -> None:
    lease.write_text(
        f"{lease.read_text()}sweep:\n  model: [gpt-4o, claude-3-sonnet]\n  cached_share: [0, 50%]\n"
        "  answer_tokens: 100..500 by 200\n"
    )
    done = aiplan("sweep", str(lease), "-f", "json")
    assert done.code == 0
    rows = done.json["rows"]
    assert len(rows) == 12
    for row in rows:
        point, found = row["point"], row["result"]["quantities"]
        plain = tokens_of(lease, point["model"], "--output", point["answer_tokens"], "--cached", point["cached_share"])
        for name in ("document_tokens", "cost", "context_share", "reading_time", "answer_time"):
            assert found[name]["value"] == pytest.approx(plain[name]), (point, name)
    table = aiplan("run", str(lease)).out
    assert "context_share" in table
    assert "training_days" not in table
    written = list(csv.DictReader(io.StringIO(aiplan("sweep", str(lease), "-f", "csv").out)))
    assert float(written[0]["cost"]) == pytest.approx(rows[0]["result"]["quantities"]["cost"]["value"])
    assert "capex" not in written[0]


def test_assertions_hold_at_every_point(lease: Path) -> None:
    grid = "sweep: {answer_tokens: [100, 100k]}\nassert: [cost <= $0.05]\n"
    lease.write_text(f"{lease.read_text()}{grid}")
    done = aiplan("check", str(lease), "--format", "json")
    assert done.code == 1
    assert aiplan("check", str(lease), "--sweep", "answer_tokens=100,200").code == 0


def test_a_grid_may_be_typed_and_shown(lease: Path) -> None:
    done = aiplan("sweep", str(lease), "--sweep", "price_per_input_token=$1/M tokens,$2/M tokens", "--show", "cost")
    assert done.code == 0
    assert len(done.out.splitlines()) == 3
    for wrong in (("--sweep", "outputs=1,2"), ("--sweep", "answer_tokens=1,2", "--show", "nonsense")):
        assert aiplan("sweep", str(lease), *wrong).code == 2


def test_draws_carry_the_interval_of_a_price_and_of_an_answer(lease: Path) -> None:
    plain = tokens_of(lease, "gpt-4o")
    lease.write_text(
        f"{lease.read_text()}vary:\n  answer_tokens: {{uniform: [100, 900]}}\n"
        "  price_per_input_token: {uniform: [$1/M tokens, $3/M tokens]}\n"
    )
    found = aiplan("run", str(lease), "--json", "--draws", "4000").json
    of = found["quantities"]
    assert of["answer_tokens"]["p10"] == pytest.approx(180, rel=0.02)
    assert of["output_cost"]["p90"] == pytest.approx(820 * 10e-6, rel=0.02)
    assert of["input_cost"]["p10"] == pytest.approx(plain["document_tokens"] * 1.2e-6, rel=0.02)
    assert of["cost"]["value"] == pytest.approx(plain["document_tokens"] * 2e-6 + 500 * 10e-6)
    assert of["cost"]["p10"] < of["cost"]["p50"] < of["cost"]["p90"]
    assert of["document_tokens"]["p10"] is None
    assert {d["input"] for d in found["drivers"]} == {"answer_tokens"}
    again = aiplan("run", str(lease), "--json", "--draws", "4000").json
    assert again == found


def test_draws_carry_the_interval_of_an_estimated_count(lease: Path) -> None:
    arguments = ("--set", "model=gemini-2.5-flash", "--vary", "answer_tokens=400 to 600", "--json")
    found = aiplan("run", str(lease), *arguments).json
    plain = aiplan("tokens", str(lease.with_name("lease.pdf")), "-m", "gemini-2.5-flash", "--json").json
    for end in ("p10", "p90"):
        expected = plain["quantities"]["document_tokens"][end]
        assert found["quantities"]["document_tokens"][end] == pytest.approx(expected, rel=0.01)


def test_a_price_that_changes_within_the_interval_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"{HEAD}set: {{model: gemini-2.5-pro}}\nvary: {{document_tokens: 100k to 400k}}\n")
    assert "price-tier" in aiplan("run", str(path), "--json").codes()
    assert "price-tier" not in aiplan("run", str(path), "--set", "model=gpt-4o", "--json").codes()


def test_a_share_of_the_draws_fits(lease: Path) -> None:
    arguments = ("--set", "model=gpt-4o", "--vary", "answer_tokens={uniform: [0, 256k]}", "--json")
    found = aiplan("run", str(lease), *arguments).json
    assert found["quantities"]["fits_context"]["value"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ("model=gpt-4o to gpt-5", "choice by name"),
        ("batch={choice: [perhaps]}", "no, yes"),
        ("answer_tokenz=1 to 2", "answer_tokens"),
        ("answer_tokens=5", "A to B"),
    ],
)
def test_wrong_draws_are_one_line(lease: Path, vary: str, words: str) -> None:
    done = aiplan("run", str(lease), "--vary", vary)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert words in done.err


def test_what_varies_for_nothing_is_told(lease: Path) -> None:
    done = aiplan("run", str(lease), "--vary", "tokens_per_word=1.2 to 1.4", "--json")
    assert "vary-unused" in done.codes()


def test_the_draws_can_be_kept(lease: Path, tmp_path: Path) -> None:
    kept = tmp_path / "draws.csv"
    aiplan("run", str(lease), "--vary", "answer_tokens=400 to 600", "--draws", "50", "--save-draws", str(kept))
    rows = list(csv.DictReader(kept.open()))
    assert len(rows) == 50
    assert {"answer_tokens", "cost"} <= set(rows[0])


def test_why_of_documents(lease: Path) -> None:
    pdf = lease.with_name("lease.pdf")
    done = aiplan("why", "cost", "--set", f"doc={pdf}", "--model", "gpt-4o", "--set", "cached=50%", "--json")
    assert done.code == 0
    assert done.json["value"] == pytest.approx(tokens_of(lease, "gpt-4o", "--cached", "50%")["cost"])
    text = json.dumps(done.json)
    for words in ("price_per_cached_token", "genai-prices", "exact, counted by"):
        assert words in text
    size = aiplan("why", "document_tokens", "--document-words", "63k", "--model", "claude-3-sonnet")
    assert "document_words tokens_per_word" in size.out
    assert aiplan("why", "document_tokens", "--set", f"doc={pdf}").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cost", "--document-words", "63k"), "depends on the model"),
        (("cost",), "depends on the model"),
        (("cost", "--set", "doc=none.pdf", "--model", "gpt-4o"), "does not exist"),
        (("cosst",), "no quantity"),
    ],
)
def test_why_of_what_is_not_known_is_one_line(arguments: tuple[str, ...], words: str) -> None:
    done = aiplan("why", *arguments)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert words in done.err
