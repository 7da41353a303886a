"""Predictions against measurements: what is compared, how errors and intervals are made, and that nothing leaks."""

from __future__ import annotations

import csv
import math
import random
import statistics
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiplan import accuracydoc
from aiplan.catalog import Catalog
from aiplan.measurements import OUTCOMES, folder, read
from aiplan.output.validation import as_dict, page, render
from aiplan.residuals import (
    Residual,
    flat_rule,
    quantile,
    residual_quantiles,
    summary,
    weighted_quantile,
)
from aiplan.validate import PLANNED, Report, answers_of, report

SHARES = st.floats(0, 1)
VALUES = st.lists(st.floats(-10, 10), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture(scope="module")
def reports(catalog: Catalog) -> dict[str, Report]:
    return {kind: report(kind, None, catalog) for kind in PLANNED}


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        columns = list(dict.fromkeys(key for row in rows for key in row))
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def raw(table: str) -> list[dict[str, str]]:
    with (folder() / table).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# -- nothing leaks -----------------------------------------------------------------------------------------------


def test_predictions_are_the_same_whatever_was_measured(tmp_path: Path, catalog: Catalog) -> None:
    rows = raw("training-throughput.csv")
    blank = [{k: "" if k in OUTCOMES else v for k, v in row.items()} for row in rows]
    wrong = [{k: "123.4" if k in OUTCOMES else v for k, v in row.items()} for row in rows]
    values = []
    for name, table in (("a", rows), ("b", blank), ("c", wrong)):
        answers, refused = answers_of("training-throughput", read(write(tmp_path / f"{name}.csv", table)), catalog)
        values.append(([(a.row.id, a.value) for a in answers], refused))
    assert values[0] == values[1] == values[2]
    assert len(values[0][0]) > 850


def test_a_table_without_outcomes_has_predictions_and_no_errors(tmp_path: Path, catalog: Catalog) -> None:
    rows = [{k: "" if k in OUTCOMES else v for k, v in row.items()} for row in raw("vtrain-a100-multi.csv")]
    found = as_dict(report(None, write(tmp_path / "t.csv", rows), catalog))
    assert found["kind"] == "training-throughput"
    assert (found["rows"], found["predicted"], found["scored"], found["refused"]) == (62, 62, 0, [])
    for key in ("median_abs_error", "mean_abs_error", "p90_abs_error", "bias", "interval_coverage_80"):
        assert found[key] is None
    assert all(p["p10"] <= p["value"] <= p["p90"] for p in found["predictions"])


# -- the contract ------------------------------------------------------------------------------------------------


def test_the_report_has_what_other_programs_rely_on(reports: dict[str, Report]) -> None:
    for kind, found in reports.items():
        out = as_dict(found)
        assert {
            "kind", "rows", "predicted", "refused", "predictions", "median_abs_error", "mean_abs_error",
            "p90_abs_error", "bias", "interval_coverage_80", "baseline_median_abs_error", "groups",
        } <= out.keys()  # fmt: skip
        assert out["kind"] == kind
        assert out["predicted"] + len(out["refused"]) == out["rows"]
        assert len({p["id"] for p in out["predictions"]} | {r["id"] for r in out["refused"]}) == out["rows"]
        assert all(r["why"] for r in out["refused"])
        assert sum(g["rows"] for g in out["groups"]) == out["scored"]


def test_errors_are_those_of_time_and_follow_from_predictions_and_table(reports: dict[str, Report]) -> None:
    out = as_dict(reports["training-throughput"])
    values = {p["id"]: p["value"] for p in out["predictions"]}
    errors = []
    for table in ("training-throughput.csv", "vtrain-a100-multi.csv", "vtrain-a100-single.csv"):
        for row in raw(table):
            if row["id"] not in values:
                continue
            if row["tokens_per_s_per_chip"]:
                errors.append(float(row["tokens_per_s_per_chip"]) / values[row["id"]] - 1)
            elif row["step_time_s"]:
                seq = float(row["seq_len"] or 4096)  # of the rows without one: SimuMax's
                batch = float(row["global_batch_tokens"] or float(row["global_batch_seqs"]) * seq)
                rate = batch / float(row["step_time_s"]) / float(row["n_chips"])
                errors.append(rate / values[row["id"]] - 1)
    assert len(errors) == out["scored"]
    assert statistics.median(abs(e) for e in errors) == pytest.approx(out["median_abs_error"], rel=1e-6)
    assert statistics.fmean(abs(e) for e in errors) == pytest.approx(out["mean_abs_error"], rel=1e-6)
    assert statistics.median(errors) == pytest.approx(out["bias"], rel=1e-6, abs=1e-9)


def test_units_of_the_other_kinds(reports: dict[str, Report]) -> None:
    runs = {a.row.id: a for a in reports["training-runs"].answers}
    assert 1e7 < runs["run-024"].value < 1e8  # Llama 3.1 405B: 30.8M chip-hours
    memory = [s for s in reports["training-memory"].scored if s.answer.row.id == "thr-1075" or s.answer.row.id]
    assert all(1e9 < s.answer.value < 1e12 and 1e9 < s.measured_value < 1e12 for s in memory)


def test_coverage_counts_the_measurements_between_p10_and_p90(reports: dict[str, Report]) -> None:
    found = reports["training-memory"]
    out = as_dict(found)
    inside = []
    for s in found.scored:
        low, high = s.answer.interval
        assert low is not None
        assert high is not None
        inside.append(low <= s.measured_value <= high)
    assert sum(inside) / len(inside) == pytest.approx(out["interval_coverage_80"])


def test_most_rows_with_an_outcome_are_predicted(reports: dict[str, Report]) -> None:
    found = reports["training-throughput"]
    assert len(found.answers) / found.rows > 0.95


def test_rates_of_flops_are_scored_apart(reports: dict[str, Report]) -> None:
    found = reports["training-throughput"]
    megatron = {f"thr-{n}" for n in (1150, 1151, 1152, 1153, 1155, 1156, 1157, 1158, 1159)}
    assert megatron <= {s.answer.row.id for s in found.derived}
    assert not megatron & {s.answer.row.id for s in found.scored}
    largest = next(s for s in found.derived if s.answer.row.id == "thr-1159")
    # 1,008B on 3,072 A100 at 163 TFLOP/s (52% of 312) with recomputation: 8 N FLOP a token and a little attention
    assert 1 / largest.measured_cost == pytest.approx(0.52 * 312e12 / (8 * 1.008e12), rel=0.03)


def test_adapters_cost_less_than_training_the_whole_model(tmp_path: Path, catalog: Catalog) -> None:
    row = {"model": "llama2-70b", "hardware": "h100", "n_chips": "64", "precision": "bf16", "seq_len": "8192",
           "global_batch_seqs": "64", "tp": "8", "pp": "1", "dp": "8", "micro_batch_seqs": "1"}  # fmt: skip
    rows = [{"id": "whole", "task": "sft", **row}, {"id": "lora", "task": "lora", **row}]
    answers, refused = answers_of("training-throughput", read(write(tmp_path / "t.csv", rows)), catalog)
    assert not refused
    ratio = answers[0].value / answers[1].value
    assert 0.55 < ratio < 0.8  # 2/3 of the matrices' work, all of attention's, no gradients to exchange


def test_kinds_that_are_not_planned_refuse_every_row(tmp_path: Path, catalog: Catalog) -> None:
    file = write(tmp_path / "t.csv", [{"hardware": "h100", "tok_s": "1"}, {"hardware": "h100", "tok_s": "2"}])
    found = as_dict(report(None, file, catalog))
    assert found["kind"] == "inference-throughput"
    assert [r["why"] for r in found["refused"]] == ["inference-throughput is not planned yet"] * 2
    assert found["predicted"] == 0


def test_absurd_numbers_are_refused_and_never_crash(tmp_path: Path, catalog: Catalog) -> None:
    base = {"model": "mine", "hardware": "h100", "n_chips": "8", "params_total": "7e9"}
    rows = [
        {**base, column: value}
        for column in ("n_chips", "params_total", "params_active", "n_layers", "d_model", "n_heads", "vocab", "seq_len",
                       "tp", "pp", "dp", "micro_batch_seqs", "global_batch_seqs", "global_batch_tokens")
        for value in ("0", "1", "1e-300", "1e300", "3", "0.5", "abc", "-1")
    ]  # fmt: skip
    answers, refused = answers_of("training-throughput", read(write(tmp_path / "t.csv", rows)), catalog)
    assert len(answers) + len(refused) == len(rows)
    assert all(math.isfinite(a.value) and a.value > 0 for a in answers)


def test_rows_with_slips_of_the_pen_are_predicted_or_refused(tmp_path: Path, catalog: Catalog) -> None:
    slips = random.Random(5)
    cells = [
        "",
        "0",
        "1",
        "3",
        "64",
        "1e5",
        "-1",
        "abc",
        "full",
        "none",
        "zero3",
        "70B",
        "1e12",
        "lora",
        "1e30",
        "1e-5",
    ]
    shipped = raw("training-throughput.csv")
    rows = []
    for number in range(400):
        row = dict(slips.choice(shipped), id=str(number))
        for column in slips.sample([k for k in row if k not in ("id", "notes")], 3):
            row[column] = slips.choice(cells)
        rows.append(row)
    file = write(tmp_path / "t.csv", rows)
    for kind in ("training-throughput", "training-memory"):
        found = report(kind, file, catalog)
        assert len(found.answers) + len(found.refused) == 400
        assert len(found.answers) > 100
        for form in ("table", "json", "md", "html"):
            assert render(found, form)


def test_all_shipped_rows_take_less_than_ten_seconds(catalog: Catalog) -> None:
    start = time.process_time()
    report("training-throughput", None, catalog)
    assert time.process_time() - start < 10


# -- errors and intervals ----------------------------------------------------------------------------------------


def test_summary_of_known_residuals() -> None:
    found = summary([Residual("a", (), math.log(1.1)), Residual("a", (), math.log(0.9)), Residual("b", (), 0.0)])
    assert found is not None
    assert (found.rows, found.groups) == (3, 2)
    assert found.median_abs_error == pytest.approx(0.1)
    assert found.mean_abs_error == pytest.approx(0.2 / 3)
    assert found.bias == 0.0
    assert summary([]) is None


@given(VALUES, SHARES)
def test_quantiles_lie_within_the_values(values: list[float], share: float) -> None:
    assert min(values) <= quantile(values, share) <= max(values)
    weighted = [(v, 1.0 + i) for i, v in enumerate(values)]
    assert min(values) - 1e-12 <= weighted_quantile(weighted, share) <= max(values) + 1e-12


@given(VALUES, SHARES, SHARES)
def test_quantiles_grow_with_the_share(values: list[float], a: float, b: float) -> None:
    low, high = sorted((a, b))
    weighted = [(v, 1.0 + i) for i, v in enumerate(values)]
    assert weighted_quantile(weighted, low) <= weighted_quantile(weighted, high) + 1e-12


def test_an_interval_never_rests_on_its_own_group() -> None:
    others = [Residual(f"g{i}", (("r",), ()), 0.1) for i in range(8)]
    own = [Residual("mine", (("r",), ()), 5.0)] * 100
    assert residual_quantiles([*others, *own]).at((("r",), ()), "mine") == (0.1, 0.1)


def test_a_group_weighs_one_however_many_rows_it_has() -> None:
    groups = [Residual(f"g{i}", ((),), i / 10) for i in range(20)]
    many = [Residual("g0", ((),), 0.0)] * 500
    once, often = residual_quantiles(groups).at(((),), "x"), residual_quantiles([*groups, *many]).at(((),), "x")
    assert once is not None
    assert often is not None
    assert often[1] == pytest.approx(once[1], abs=0.02)


def test_few_groups_fall_back_to_the_wider_regime() -> None:
    narrow = [Residual(f"n{i}", (("narrow",), ()), 0.0) for i in range(3)]
    wide = [Residual(f"w{i}", ((),), 1.0) for i in range(30)]
    found = residual_quantiles([*narrow, *wide]).at((("narrow",), ()), "x")
    assert found is not None
    assert found[1] == 1.0
    assert residual_quantiles([]).at(((),), "x") is None


def test_held_out_quantiles_cover_four_in_five() -> None:
    # 200 groups of one row, residuals spread evenly: the intervals learned without each must hold 80% of them
    known = [Residual(f"g{i}", ((),), (i + 0.5) / 200) for i in range(200)]
    learned = residual_quantiles(known)
    inside = [b[0] <= r.value <= b[1] for r in known if (b := learned.at(((),), r.group))]
    assert sum(inside) / len(inside) == pytest.approx(0.8, abs=0.01)


def test_the_flat_rule_is_the_median_of_the_other_groups() -> None:
    rule = flat_rule([("a", "fp8", 0.9), ("b", "fp8", 0.4), ("c", "fp8", 0.5), ("d", "bf16", 0.1)])
    assert rule.at("a", "fp8") == pytest.approx(0.45)
    assert rule.at("a", "fp4") == pytest.approx(0.4)
    assert flat_rule([("a", "fp8", 0.9)]).at("a", "fp8") is None


# -- pages -------------------------------------------------------------------------------------------------------


def test_the_page_is_alone_and_safe(tmp_path: Path, catalog: Catalog) -> None:
    bad = "<script>alert(1)</script>"
    rows = raw("vtrain-a100-multi.csv")[:5]
    rows[0] |= {"id": bad, "model": f"GPT {bad}", "source": bad}
    rows.append({"id": bad + "2", "hardware": bad, "n_chips": "8"})
    text = page(report(None, write(tmp_path / "t.csv", rows), catalog))
    assert "<script" not in text.lower()
    assert "&lt;script&gt;" in text
    assert text.count("<svg") == 1
    assert text.count("<circle") == 5 + 3
    assert "http" not in text
    assert text.startswith("<!doctype html>")


def test_the_accuracy_page_is_fresh(catalog: Catalog) -> None:
    assert accuracydoc.path().read_text("utf-8") == accuracydoc.text(catalog), "run python -m aiplan.accuracydoc"
