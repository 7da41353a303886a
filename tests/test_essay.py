"""The essay's ledger: every claim has a scenario that passes, and every figure of a reason is the program's own."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from aiplan import essaydoc, units, yamlio
from aiplan.catalog import Catalog
from aiplan.errors import UserError
from aiplan.graph import GRAPH
from aiplan.quantities import facts
from aiplan.specs.result import Result
from aiplan.specs.scenario import json_schema
from aiplan.whatif import assertions
from aiplan.whatif.scenario import Answered, read, run, run_all

ROOT = Path(__file__).parents[1]
SCENARIOS = ROOT / "scenarios"
ESSAY = sorted((SCENARIOS / "essay").glob("*.yaml"))
EXAMPLES = sorted((SCENARIOS / "examples").glob("*.yaml"))
BASES = sorted((SCENARIOS / "bases").glob("*.yaml"))

# Claims of the essay on training, memory, power, purchase and chips, and a few on tokens and books.
CLAIMS = (
    "memory-1t-fp32 h100-peak a100-peak ten-thousand-h100 gpt4-time gpt4-compute gpt4-capex reporting-threshold "
    "run-100t capex-100t next-generation-cost h100-card site-sizes us-grid model-sizes gpt4-300-times "
    "gpt4-hardware-cost gpt4-serving characters-per-token books-per-window lease token-facts context-and-speed "
    "enterprise-corpus"
).split()
MODELS = "xor snake mnist imagenet youtube-ranking gpt-4 future".split()

# A number of a text with its unit, of the units that the texts use.
FIGURE = re.compile(
    r"(?<![\w.,-])(\$?\d[\d,]*(?:\.\d+)?(?:e\d+)?\s?"
    r"(?:%|[TP]B/s|B/token|[kMGTPE]?FLOP(?:/s|/sample)?|[GTP]B|[kMGT]?W|[TP]Wh|years|days|h|min|ms|us|s|[BTQ])|\$\d[\d,.]*\d[kMBT]?)(?![\w/])"
)
# Figures of the texts that come from outside the program.
OUTSIDE = {
    "characters-per-token": {"15 PB", "7.5 B/token"},  # of the essay's 100T run
}


def names(paths: list[Path]) -> list[str]:
    return [path.stem for path in paths]


@functools.cache
def answered(path: Path) -> Answered:
    return run(path, Catalog())


@functools.cache
def claims() -> dict[str, list[Answered]]:
    out: dict[str, list[Answered]] = {}
    for path in ESSAY:
        claim = answered(path).result.claim
        assert claim is not None, path
        out.setdefault(claim["id"], []).append(answered(path))
    return out


def test_every_claim_has_a_scenario() -> None:
    assert set(CLAIMS) <= set(claims())
    assert {f"model-sizes-{name}" for name in MODELS} <= set(names(ESSAY))


@pytest.mark.parametrize("path", [*ESSAY, *EXAMPLES], ids=lambda path: path.stem)
def test_every_scenario_passes_its_check(path: Path) -> None:
    for found in run_all(path, Catalog()):
        assert [check.message for check in found.failed] == []
        assert not found.impossible, found.result.binding
        assert any(check.kind == "assert" for check in found.result.checks)


@pytest.mark.parametrize("path", [*ESSAY, *EXAMPLES, *BASES], ids=lambda path: path.stem)
def test_every_scenario_has_a_modeline_and_a_name_and_bases_stay_inside(path: Path) -> None:
    first, second = path.read_text().splitlines()[:2]
    assert first == "# yaml-language-server: $schema=../../schema/scenario.json"
    assert second == "aiplan: 1"
    assert read(path).name
    base = yaml.safe_load(path.read_text()).get("base")
    if base is not None:
        assert (path.parent / base).resolve().parent == SCENARIOS / "bases"


@pytest.mark.parametrize("path", [*ESSAY, *EXAMPLES, *BASES], ids=lambda path: path.stem)
def test_editors_accept_every_scenario(path: Path) -> None:
    jsonschema.validate(yamlio.load(path), json_schema())


@pytest.mark.parametrize("path", BASES, ids=lambda path: path.stem)
def test_bases_assert_nothing(path: Path) -> None:
    raw = yaml.safe_load(path.read_text())
    assert not {"assert", "warn", "claim", "ours"} & set(raw)


@pytest.mark.parametrize("path", ESSAY, ids=lambda path: path.stem)
def test_every_claim_has_a_verdict_a_reason_and_our_own_answer(path: Path) -> None:
    result = answered(path).result
    assert result.claim is not None
    assert result.claim["verdict"] in essaydoc.VERDICTS
    assert len(result.claim["because"]) > 60
    assert result.claim["id"] in CLAIMS
    assert path.stem.startswith(result.claim["id"])
    assert result.ours is not None
    assert result.ours.inputs != result.inputs or result.claim["verdict"] == "wrong"
    assert any(check.text.endswith(essaydoc.AFTER) for check in result.checks)
    for side in (result, result.ours):
        assert not [w.message for w in side.warnings if w.code.startswith("pin-")]


# -- what the texts quote ------------------------------------------------------------------------------------------


def quoted(result: Result) -> Iterator[tuple[str, str]]:
    """The figures with a unit in a claim's reason, each with the word before it: more, less or none."""
    assert result.claim is not None
    text = result.claim["because"]
    for found in FIGURE.finditer(text):
        bound = re.search(r"\b(more|less) than $", text[: found.start()])
        yield found[1], bound[1] if bound else ""


def guarded(result: Result) -> Iterator[tuple[float, str]]:
    """Value and unit of what the file sets or asserts, in the claim's answer and in ours."""
    named = {check.text.split()[0] for check in result.checks}
    for side in filter(None, (result, result.ours)):
        for name, value in side.quantities.items():
            if value.value is not None and name in named | {key.removeprefix("limit.") for key in side.inputs}:
                yield value.value, value.unit


def asserted(result: Result, word: str) -> Iterator[tuple[float, str]]:
    """Value and unit that the file's assertions name: bounds after "more" and "less", else what is nearly or exact."""
    operators = {"more": (">=", ">"), "less": ("<=", "<"), "": ("~", "==")}[word]
    for check in result.checks:
        found = assertions.parse(check.text.removesuffix(essaydoc.AFTER))
        if check.kind == "assert" and found.operator in operators and found.value is not None:
            yield found.value, GRAPH[found.quantity].unit


def said(figure: str, result: Result, word: str = "") -> bool:
    """Whether a figure is one that the assertions hold the program to; a bound is told exactly as it is asserted."""
    for value, unit in [*asserted(result, word), *([] if word else guarded(result))]:
        try:
            read_back = units.parse(figure, unit)
        except UserError:
            continue
        if value == pytest.approx(read_back, rel=1e-6 if word else 0.05):
            return True
    return False


@pytest.mark.parametrize("path", ESSAY, ids=lambda path: path.stem)
def test_every_figure_of_a_reason_is_asserted_or_set_in_its_file(path: Path) -> None:
    result = answered(path).result
    strange = {figure for figure, word in quoted(result) if not said(figure, result, word)}
    assert strange == OUTSIDE.get(path.stem, set())


def test_figures_are_found_in_a_text() -> None:
    text = "At 39.0% it takes 34.6 days, $1.2B and 4.5 GW; 1.20e30 FLOP, 13.2 TB/s, $30,000; 2.49 Q tokens, not B200."
    assert FIGURE.findall(text) == [
        "39.0%", "34.6 days", "$1.2B", "4.5 GW", "1.20e30 FLOP", "13.2 TB/s", "$30,000", "2.49 Q",
    ]  # fmt: skip


def test_a_figure_that_the_program_does_not_give_is_found() -> None:
    result = answered(SCENARIOS / "essay" / "us-grid.yaml").result
    assert said("0.917%", result)
    assert not said("0.5%", result)
    assert not said("12 GW", result)


def test_a_bound_is_told_as_it_is_asserted() -> None:
    result = answered(SCENARIOS / "essay" / "run-100t.yaml").result
    assert ("30 years", "more") in set(quoted(result))
    assert said("30 years", result, "more")
    assert not said("31 years", result, "more")
    assert not said("30 years", result, "less")
    assert not said("30 years", result)


# -- the program's own answers of the ledger -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "quantity", "value"),
    [
        ("memory-1t-fp32", "weights_memory", 8e12),
        ("h100-peak", "peak_flops", 2e15),
        ("a100-peak", "peak_flops", 624e12),
        ("ten-thousand-h100", "cluster_flops", 2e19),
        ("gpt4-time", "training_days", 5e5 / 86400),
        ("gpt4-compute", "training_flops", 5e25),
        ("gpt4-capex", "accelerator_capex", 625e6),
        ("gpt4-300-times", "compute_ratio", 300),
        ("reporting-threshold", "reporting_threshold", 1e26),
        ("run-100t", "hbm_total", 313e15),
        ("run-100t", "data_bytes", 15e15),
        ("run-100t", "it_power", 3e9),
        ("capex-100t", "accelerator_capex", 48e9),
        ("next-generation-cost", "capex", 100e9),
        ("h100-card", "accelerator_tdp", 700),
        ("h100-card", "server_power", 10.2e3),
        ("site-sizes", "sites", 15),
        ("site-sizes-50mw", "sites", 90),
        ("us-grid", "us_generation", 4300e12 * 3600),
        ("books-per-window", "books_per_window", 4),
    ],
)
def test_the_essays_figures_and_where_they_are_wrong_the_right_ones(file: str, quantity: str, value: float) -> None:
    found = answered(SCENARIOS / "essay" / f"{file}.yaml").result.quantities[quantity].value
    assert found == pytest.approx(value, rel=0.05)


def test_the_100t_run_does_not_end_within_years_on_the_essays_fleet() -> None:
    ours = answered(SCENARIOS / "essay" / "run-100t.yaml").result.ours
    assert ours is not None
    assert (ours.quantities["training_days"].value or 0) > 10 * 365
    assert (ours.quantities["training_days"].p10 or 0) > 2 * 365


def test_a_failing_assertion_on_our_own_answer_fails_the_scenario(tmp_path: Path) -> None:
    path = tmp_path / "claim.yaml"
    path.write_text(
        "aiplan: 1\nask: facts\nset: {accelerator: h100, sparsity: '2:4'}\n"
        "assert: [peak_flops ~ 2e15 FLOP/s within 2%]\n"
        "ours:\n  set: {accelerator: h100}\n  assert: [peak_flops >= 1.5e15 FLOP/s]\n"
    )
    messages = [check.message for check in run(path, Catalog()).failed]
    assert messages == ["in our own answer, peak_flops >= 1.5e15 FLOP/s (peak_flops is 989 TFLOP/s)"]


# -- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_is_fresh() -> None:
    assert essaydoc.PAGE.read_text(encoding="utf-8") == essaydoc.page(), "run python -m aiplan.essaydoc"


def test_the_page_has_a_row_for_every_scenario_in_six_cells() -> None:
    rows = [line for line in essaydoc.page().splitlines() if line.startswith("| [")]
    assert len(rows) == len(ESSAY)
    for row in rows:
        assert len(re.split(r"(?<!\\)\|", row)) == 8, row
    assert [row.split("]")[0][3:] for row in rows] == essaydoc.ORDER


# -- the quantities ---------------------------------------------------------------------------------------------------


def test_energy_is_compared_with_energy() -> None:
    year = facts.yearly_energy(4.5e9)
    assert year / 3.6e15 == pytest.approx(39.4, rel=0.01)  # TWh
    assert facts.grid_share(year, 4300e12 * 3600) == pytest.approx(39.4 / 4300, rel=0.01)


def test_one_site_needs_no_link_and_many_need_twice_the_gradients_a_step() -> None:
    assert facts.site_bandwidth(1.0, 1e12, 2.0, 10.0) == 0.0
    assert facts.site_bandwidth(1e9, 1e12, 2.0, 10.0) == pytest.approx(2 * 2e12 / 10)
