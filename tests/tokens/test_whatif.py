"""The what-if commands asked of documents: what moves the cost, what each lever does, what changed and why."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from aiplan import yamlio
from aiplan.specs.scenario import json_schema
from tests.cli.helpers import aiplan, process

SIZE = """\
aiplan: 1
name: Leases
ask: tokens
set: {document_tokens: 80k, model: gpt-4o, output: 500}
"""
TYPED = ("--set", "document_tokens=80k", "--set", "answer_tokens=500", "--model")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scenario of documents that are known by their size."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "s.yaml"
    path.write_text(SIZE)
    return path


def cost(*words: str) -> float:
    """The cost of the plain command."""
    value: float = aiplan("tokens", *words, "--json").value("cost")
    return value


def bars(*words: str) -> dict[str, dict[str, Any]]:
    found = aiplan("sensitivity", *words, "--json").json
    assert found["of"] == "cost"
    return {bar["input"]: bar for bar in found["tornado"]}


def test_each_bar_is_what_the_plain_command_says_at_its_ends(file: Path) -> None:
    """Numbers and names alike, the longest first."""
    words = ("--vary", "output=200 to 900", "--vary", "model={choice: [gpt-4o, gpt-4o-mini]}")
    found = bars(str(file), *words, "--vary", "batch={choice: [no, yes]}", "--vary", "cached_share=10% to 60%")
    assert next(iter(found)) == "model"
    centre = ("--set", f"answer_tokens={(200 * 900) ** 0.5!r}", "--set", f"cached_share={(0.1 * 0.6) ** 0.5!r}")
    size = ("--set", "document_tokens=80k")
    assert found["model"]["ends"] == ["gpt-4o-mini", "gpt-4o"]
    assert found["model"]["at_p10"] == pytest.approx(cost(*size, *centre, "-m", "gpt-4o-mini"))
    assert found["batch"]["at_p10"] == pytest.approx(cost(*size, *centre, "-m", "gpt-4o", "--batch"))
    low = found["cached_share"]
    at = (*size, "--set", centre[1], "--set", f"cached_share={low['p10']!r}")
    assert low["at_p10"] == pytest.approx(cost(*at, "-m", "gpt-4o"))


def test_a_price_that_rises_with_the_length_is_followed(file: Path) -> None:
    """Both ends of a bar are priced as they stand."""
    found = bars(str(file), "--set", "model=gemini-2.5-pro", "--vary", "document_tokens=100k to 400k")
    bar = found["document_tokens"]
    assert bar["at_p90"] / bar["p90"] > 1.5 * bar["at_p10"] / bar["p10"]
    for end in ("p10", "p90"):
        words = ("--set", f"document_tokens={bar[end]!r}", "-m", "gemini-2.5-pro", "--output", "500")
        assert bar[f"at_{end}"] == pytest.approx(cost(*words), rel=1e-5)  # the list prices whole tokens


def test_every_number_may_be_moved_alike(file: Path) -> None:
    """What is certain too; the cost of reading is in proportion to its two factors."""
    found = bars(str(file), "--by", "10%")
    reading, answer = 80e3 * 2.5e-6, 500 * 10e-6
    assert found["document_tokens"]["at_high"] == pytest.approx(1.1 * reading + answer)
    assert found["price_per_input_token"]["at_low"] == pytest.approx(0.9 * reading + answer)
    assert found["answer_tokens"]["at_low"] == pytest.approx(reading + 0.9 * answer)
    assert "reading_speed" not in found
    assert "--by 10%" in aiplan("sensitivity", str(file)).out
    assert "by 5% down and up" in aiplan("sensitivity", str(file), "--by", "5%").out
    for wrong in ("0", "100%", "ten"):
        done = aiplan("sensitivity", str(file), "--by", wrong)
        assert (done.code, len(done.err.splitlines())) == (2, 1)


def test_indices_of_documents(file: Path) -> None:
    """The length of the documents outweighs that of the answer."""
    words = ("--vary", "document_tokens=40k to 90k", "--vary", "answer_tokens=200 to 900", "--sobol", "1024")
    found = aiplan("sensitivity", str(file), *words, "--json").json["sobol"]["indices"]
    assert [index["input"] for index in found] == ["document_tokens", "answer_tokens"]
    assert found[0]["total"] > 0.9


def test_words_have_an_interval() -> None:
    """Texts differ in their tokens a word, so a size in words is not certain."""
    found = bars("--document-words", "63k", "--model", "gpt-4o")
    assert found["tokens_per_word"]["p10"] < 1.28 < found["tokens_per_word"]["p90"]


def test_draws_of_a_name_are_its_own_plans(file: Path) -> None:
    """Half of the draws are of each model."""
    found = aiplan("run", str(file), "--vary", "model={choice: [gpt-4o, gpt-4o-mini]}", "--json").json
    cheap, dear = (cost(*TYPED, m) for m in ("gpt-4o-mini", "gpt-4o"))
    value = found["quantities"]["cost"]
    assert (value["p10"], value["p90"]) == (pytest.approx(cheap), pytest.approx(dear))
    assert found["drivers"][0]["input"] == "model"
    assert found["inputs"]["vary.model"] == "{choice: [gpt-4o, gpt-4o-mini]}"


def test_a_grid_of_choices(file: Path) -> None:
    """Model, batch, form and the length of the answer are axes, by the names that `set` has."""
    words = ("--sweep", "model=gpt-4o,gpt-5-nano", "--sweep", "batch=no,yes", "--sweep", "output=100..300 by 200")
    rows = aiplan("sweep", str(file), *words, "-f", "json").json["rows"]
    assert len(rows) == 8
    for row in rows:
        point = row["point"]
        batch = ["--batch"] if point["batch"] == "yes" else []
        plain = ("-m", point["model"], "--output", point["answer_tokens"], *batch)
        value = row["result"]["quantities"]["cost"]["value"]
        assert value == pytest.approx(cost("--set", "document_tokens=80k", *plain))
    for wrong, said in (("batch=maybe,yes", "no, yes"), ("as=txt", "nearest: text"), ("modle=a", "nearest: model")):
        done = aiplan("sweep", str(file), "--sweep", wrong)
        assert (done.code, said in done.err) == (2, True), done.err


def test_documents_may_be_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a prompt of its own; nothing of it needs a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("a word " * 500)
    (tmp_path / "b.txt").write_text("a word " * 1500)
    rows = aiplan("sweep", "--model", "gpt-4o", "--sweep", "doc=a.txt,b.txt", "-f", "json").json["rows"]
    assert [row["result"]["quantities"]["document_words"]["value"] for row in rows] == [1000, 3000]


def test_levers_are_answers_of_their_own(file: Path) -> None:
    """Each is the plain command with one thing changed, and all together is the least."""
    found = aiplan("levers", str(file), "--models", "gpt-4o,gpt-4o-mini", "--json", "--lever", "answer=20%").json
    size = ("--set", "document_tokens=80k")
    same = {
        "cheapest model": cost(*size, "-m", "gpt-4o-mini", "--output", "500"),
        "batch processing": cost(*size, "-m", "gpt-4o", "--output", "500", "--batch"),
        "caching": cost(*size, "-m", "gpt-4o", "--output", "500", "--cached", "50%"),
        "excerpts alone": cost("--set", "document_tokens=40k", "-m", "gpt-4o", "--output", "500"),
        "shorter answer": cost(*size, "-m", "gpt-4o", "--output", "100"),
    }
    levers = {each["lever"]: each for each in found["levers"]}
    for name, value in same.items():
        assert levers[name]["values"]["cost"] == pytest.approx(value), name
        assert levers[name]["per_dollar"] == pytest.approx(found["plan"]["cost"] / value)
    assert "as text already" in levers["text instead of pages"]["why_not"]
    assert levers["all together"]["values"]["cost"] < min(same.values())
    assert "gpt-4o-mini instead of gpt-4o" in aiplan("levers", str(file), "--models", "gpt-4o-mini").out
    for words, said in (
        (("--document-words", "5k"), "set model"),
        ((str(file), "--hardware", "h100"), "--hardware is of a training plan"),
        ((str(file), "--lever", "data=5%"), "excerpts, answer, cached"),
        (("--params", "7B", "--models", "gpt-4o"), "--models is of documents"),
    ):
        done = aiplan("levers", *words)
        assert (done.code, said in done.err) == (2, True), done.err


def test_why_of_a_file(file: Path) -> None:
    """The derivation of its answer; what the command line says goes over it."""
    assert aiplan("why", "cost", str(file), "--json").json["value"] == pytest.approx(cost(*TYPED, "gpt-4o"))
    over = aiplan("why", "cost", str(file), "--set", "model=gpt-4o-mini", "--set", "batch=true", "--json").json
    assert over["value"] == pytest.approx(cost(*TYPED, "gpt-4o-mini", "--batch"))
    plan = file.with_name("plan.yaml")
    plan.write_text("aiplan: 1\nset: {params: 70B, tokens: 1T, accelerator: h100, accelerators: 1024}\n")
    words = "--params 70B --tokens 1T --accelerator h100 --accelerators 1024".split()
    assert aiplan("why", "run_cost", str(plan), "--json").json == aiplan("why", "run_cost", *words, "--json").json
    for words_, said in (
        (("capex", str(file)), "no value"),
        (("cost", str(plan)), "no value"),
        (("run_cost", str(plan), "--set", "x=1"), "no quantity 'x'"),
    ):
        done = aiplan("why", *words_)
        assert (done.code, said in done.err) == (2, True), done


def diff(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = aiplan("diff", *words, "--json").json["plans"][0]
    return found


def test_what_changed_and_why(file: Path) -> None:
    """The causes add up to the change, of documents as of plans."""
    after = file.with_name("t.yaml")
    after.write_text(SIZE.replace("gpt-4o,", "gpt-4o-mini,").replace("500", "900").replace("}", ", cached: 50%}"))
    found = diff(str(file), str(after))
    assert found["of"] == "cost"
    assert {c["input"] for c in found["causes"]} >= {"model", "output", "cached"}
    change = found["changes"]["cost"]["after"] - found["changes"]["cost"]["before"]
    assert sum(c["amount"] for c in found["causes"]) == pytest.approx(change)
    saved = file.with_name("s.json")
    aiplan("run", str(file), "--json", "-o", str(saved))
    assert diff(str(saved), str(after)) == found


def test_documents_that_changed_are_a_cause(file: Path) -> None:
    """Of one name in two folders, against a saved result, and against a revision, whose documents are read there."""
    texts = {}
    for name, words in (("old", 1000), ("new", 4000)):
        (file.parent / name / "prompts").mkdir(parents=True)
        (file.parent / name / "prompts" / "p.md").write_text("word " * words)
        path = texts[name] = file.parent / name / "s.yaml"
        path.write_text("aiplan: 1\nask: tokens\nset: {doc: prompts/*.md, model: gpt-4o}\n")
    found = diff(str(texts["old"]), str(texts["new"]))
    assert [c["input"] for c in found["causes"]] == ["doc"]
    assert found["causes"][0]["before"] == "prompts/*.md (1,000 words)"
    assert found["causes"][0]["share"] == pytest.approx(1.0)
    saved = file.with_name("old.json")
    aiplan("run", str(texts["old"]), "--json", "-o", str(saved))
    assert [c["share"] for c in diff(str(saved), str(texts["new"]))["causes"]] == [pytest.approx(1.0)]

    def git(*words: str) -> None:
        who = ("-c", "user.email=nobody@example.org", "-c", "user.name=nobody")
        subprocess.run(["git", "-C", str(texts["old"].parent), *who, *words], check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    (texts["old"].parent / "prompts" / "p.md").write_text("word " * 4000)
    told = process("diff", str(texts["old"]), "--compare-to", "HEAD", "--json").json["plans"][0]
    assert told["changes"]["cost"] == found["changes"]["cost"]
    assert [c["share"] for c in told["causes"]] == [pytest.approx(1.0)]
    words = ("check", str(texts["old"]), "--compare-to", "HEAD", "--assert", "cost <= baseline + 10%")
    assert process(*words).code == 1


def test_a_starter_of_documents(file: Path) -> None:
    """It is valid, it is answered, its check passes, and so it does with what stands in its comments."""
    assert aiplan("init", "docs.yaml", "--ask", "tokens").code == 0
    jsonschema.validate(yamlio.load("docs.yaml"), json_schema())
    assert aiplan("check", "docs.yaml").code == 0
    loud = re.sub(r"(?m)^# (vary:|sweep:|  answer_tokens|  batch)", r"\1", Path("docs.yaml").read_text())
    assert loud.count("\nvary:") == loud.count("\nsweep:") == 1
    Path("loud.yaml").write_text(loud)
    done = aiplan("check", "loud.yaml")
    assert done.code in (0, 1), done.err
    wrong = aiplan("init", "x.yaml", "--ask", "tokns")
    assert (wrong.code, "nearest: tokens" in wrong.err) == (2, True)


def test_a_sweep_does_not_go_on_with_other_documents(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of documents that have changed since are refused."""
    text = file.with_name("a.txt")
    text.write_text("word " * 100)
    words = ("sweep", "--model", "gpt-4o", "--set", "doc=a*.txt", "--sweep", "batch=no,yes", "-f", "csv", "-o", "x.csv")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("aiplan.whatif.parts.Parts.finish", killed)
        assert aiplan(*words).code == 130
    text.write_text("word " * 200)
    done = aiplan(*words)
    assert (done.code, "(other documents)" in done.err) == (2, True), done.err
    assert aiplan(*words, "--fresh").code == 0
