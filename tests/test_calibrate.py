"""The fit of the step time to measurements: recovery of known coefficients, folds, the record and its module."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from aiplan import calibrate, calibrated_values, calibration
from aiplan.calibration_cases import cases_of
from aiplan.catalog import open_catalog
from aiplan.errors import UserError
from aiplan.measurements import OUTCOMES, Row

pytest.importorskip("scipy")
CATALOG = open_catalog()[0]
ROW = {
    "id": "a", "model": "Llama 3 8B", "params_total": "8030261248", "params_active": "8030261248", "n_layers": "32",
    "d_model": "4096", "d_ff": "14336", "n_heads": "32", "n_kv_heads": "8", "vocab": "128256", "task": "pretrain",
    "hardware": "H100-80GB-SXM", "n_chips": "8", "precision": "bf16", "tp": "1", "pp": "1", "cp": "1", "dp": "8",
    "micro_batch_seqs": "1", "global_batch_seqs": "128", "seq_len": "8192", "step_time_s": "13.0", "framework": "NeMo",
}  # fmt: skip


def row(**changed: str) -> Row:
    cells = {name: text for name, text in (ROW | changed).items() if text}
    outcomes = {name: float(cells.pop(name)) for name in OUTCOMES if name in cells}
    return Row(cells.pop("id"), "mine", cells, outcomes, {})


def case(**changed: str) -> Any:
    cases, refused = cases_of([row(**changed)], CATALOG)
    assert not refused, refused
    return cases[0]


def spread_of_cases() -> list[Any]:
    cases = []
    for chip in ("H100-80GB-SXM", "B200", "GB200"):
        for tp, pp, micro in ((1, 1, 1), (2, 1, 2), (4, 2, 1), (1, 4, 1), (8, 1, 2), (2, 4, 4)):
            for layers in ("16", "32", "64"):
                chips = str(max(8, tp * pp))
                cases.append(
                    case(hardware=chip, tp=str(tp), pp=str(pp), micro_batch_seqs=str(micro), n_chips=chips,
                         n_layers=layers, model=f"m{layers}", dp="", params_total="", params_active="")
                )  # fmt: skip
    return cases


def test_a_row_becomes_a_case() -> None:
    found = case()
    assert found.inputs["gated_mlp"] == 1
    assert found.inputs["dp"] == 8
    assert found.inputs["batch_tokens"] == 128 * 8192
    assert (found.family, found.precision, found.stack) == ("hopper", "bf16", "current")
    assert found.measured == pytest.approx(13.0)


def test_outcomes_are_never_inputs() -> None:
    other = case(step_time_s="", tokens_per_s_per_chip="10000", mfu_pct="50", memory_gib_per_chip="70")
    assert other.measured == pytest.approx(128 * 8192 / 80000)
    assert other.inputs == case().inputs


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"task": "lora"}, "lora is not pre-training"),
        ({"n_layers": "", "model": "X"}, "shape is not known"),
        ({"tp": "", "pp": "", "dp": ""}, "layout is not known"),
        ({"tp": "16"}, "more ranks than 8 chips"),
        ({"precision": "int3"}, "precision 'int3'"),
        ({"step_time_s": "", "mfu_pct": "40"}, "not timed"),
    ],
)
def test_what_cannot_be_modelled_is_refused_with_a_reason(changed: dict[str, str], why: str) -> None:
    cases, refused = cases_of([row(**changed)], CATALOG)
    assert not cases
    assert why in refused["a"]


def test_the_model_of_cases_agrees_with_the_plan_of_one() -> None:
    from aiplan.graph import GRAPH

    one = case()
    model = calibrate.Model([one])
    theta = np.log([calibrated_values.FITTED[k.name] for k in model.coefficients])
    alone = calibration.coefficients("h100-sxm-80gb", "hopper", "bf16", 700.0, 989.4e12, experts=False)
    given = {**one.inputs, **{n: g for n, g in alone.items() if n not in one.inputs}}
    nodes = GRAPH.resolve(["step_time"], given, {"shaped"})
    assert math.exp(model.log_time(theta)[0]) == pytest.approx(nodes["step_time"].value, rel=1e-9)


def test_known_coefficients_are_recovered_from_their_own_times() -> None:
    cases = spread_of_cases()
    chosen = [k for k in calibrate.COEFFICIENTS if k.name in ("sustained_share.hopper", "activation_passes")]
    model = calibrate.Model(cases, chosen)
    truth = model.prior + np.array([-0.1, 0.3])
    for c, time in zip(model.cases, np.exp(model.log_time(truth)), strict=True):
        c.measured = float(time)
    again = calibrate.Model(model.cases, chosen)
    assert calibrate.fit(again, strength=0.01) == pytest.approx(truth, abs=0.01)
    held = calibrate.held_out(again, calibrate.folds(again.cases, 3, 0), strength=0.01)
    assert np.abs(held).max() < 0.01


def test_folds_never_divide_a_group() -> None:
    cases = spread_of_cases()
    place = calibrate.folds(cases, 4, 1)
    assert set(place) == {0, 1, 2, 3}
    for group in {c.group for c in cases}:
        assert len({p for c, p in zip(cases, place, strict=True) if c.group == group}) == 1


def test_groups_count_by_the_root_of_their_size() -> None:
    cases = [case(), case(id="b"), case(id="c"), case(id="d"), case(id="e", hardware="B200")]
    assert list(calibrate.weights(cases)) == [0.5, 0.5, 0.5, 0.5, 1.0]


def test_scores_are_of_the_ratio() -> None:
    found = calibrate.score(np.log([1.1, 0.9, 1.0]))
    assert (found["median"], found["bias"]) == (pytest.approx(0.1), pytest.approx(0.0))


def test_there_are_at_most_forty_coefficients_and_all_are_known_quantities() -> None:
    assert len(calibrate.COEFFICIENTS) + len(calibrated_values.CAMPAIGNS) <= 40
    assert len({k.name for k in calibrate.COEFFICIENTS}) == len(calibrate.COEFFICIENTS)
    assert all(k.quantity in calibrate.GRAPH for k in calibrate.COEFFICIENTS)


def test_the_shipped_module_is_what_the_record_says() -> None:
    root = Path(calibrate.__file__).parents[1]
    made = yaml.safe_load((root / "calibration" / "shipped.yaml").read_text())
    assert calibrate.module_text(made) == (root / "aiplan" / "calibrated_values.py").read_text()
    assert set(made["coefficients"]) == {k.name for k in calibrate.COEFFICIENTS}
    held = made["held_out"]["grouped_5_fold"]
    assert held["dense"]["median"] < 0.055
    assert held["experts"]["median"] < 0.09
    assert held["vtrain_multi_node"]["mean"] < 0.09
    assert held["vtrain_single_node"]["mean"] < 0.0755
    assert held["megatron_2021_table"]["mean"] < 0.07
    assert all(
        part["median"] < 0.18
        for kind in ("family", "framework")
        for part in made["held_out"][f"left_out_{kind}"].values()
    )


def test_a_chip_that_was_never_measured_says_so() -> None:
    found = calibration.coefficients("mi300x-192gb", "cdna3", "bf16", 750.0, 1307e12, experts=False)
    assert "no run of mi300x-192gb was measured" in found["sustained_share"].source
    assert found["achievable_share"].value == pytest.approx(668 / 1300)
    known = calibration.coefficients("h100-sxm-80gb", "hopper", "bf16", 700.0, 989.4e12, experts=False)
    unsure, sure = found["prediction_factor"].spread, known["prediction_factor"].spread
    assert unsure is not None
    assert sure is not None
    assert unsure[1] / unsure[0] > sure[1] / sure[0]


def test_the_same_silicon_with_more_power_is_faster() -> None:
    less = calibration.coefficients("b300-sxm-270gb", "blackwell-ultra", "fp8", 1100.0, 2250e12, experts=False)
    more = calibration.coefficients("gb300-288gb", "blackwell-ultra", "fp8", 1400.0, 2500e12, experts=False)
    assert (more["power_headroom"].value or 0) > (less["power_headroom"].value or 0) == 1.0


def test_a_few_rows_of_a_slow_cluster_are_learned_and_leave_the_rest_alone() -> None:
    cases = spread_of_cases()[:9]
    model = calibrate.Model(cases, calibrate.own_coefficients())
    for c, time in zip(cases, np.exp(model.log_time(model.prior)), strict=True):
        c.measured = 1.25 * float(time)
    model, theta, errors = calibrate.refine(cases)
    found = dict(zip([k.name for k in model.coefficients], np.exp(theta), strict=True))
    assert 1.1 < found[calibration.OWN] < 1.3
    assert errors["before"]["median"] == pytest.approx(0.2)
    assert errors["left_out"]["median"] < 0.05
    for name in ("host_speed.grace", "sustained_share.tpu"):
        assert found[name] == pytest.approx(calibrated_values.FITTED[name], rel=1e-3)


def test_one_row_is_enough_to_refine_and_moves_less_than_many() -> None:
    one = case()
    base = calibrate.Model([one], calibrate.own_coefficients())
    one.measured = 1.25 * float(np.exp(base.log_time(base.prior))[0])
    model, theta, errors = calibrate.refine([one])
    assert "left_out" not in errors
    moved = math.exp(theta[[k.name for k in model.coefficients].index(calibration.OWN)])
    assert 1.0 < moved < 1.25


def test_a_calibration_file_is_read_and_its_mistakes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    made = {"calibration": 1, "date": "2026-11-27", "coefficients": {calibration.OWN: {"value": 1.2}}}
    path.write_text(yaml.safe_dump(made | {"campaigns": {"since_2024": {"value": 0.9, "p10": 0.8, "p90": 1.0}}}))
    found = calibration.read(str(path))
    given = calibration.coefficients(
        "h100-sxm-80gb", "hopper", "bf16", 700.0, 989.4e12, experts=False, calibration=found
    )
    assert given["software_factor"].value == 1.2
    assert "mine.yaml" in given["software_factor"].source
    assert calibration.campaign(calibration=found).value == 0.9
    for wrong, says in (
        ({"calibration": 2}, "is not a calibration"),
        (made | {"coefficients": {"half_token": {"value": 1}}}, "half_tokens"),
        (made | {"coefficients": {"half_tokens": {"value": -1}}}, "above 0"),
        (made | {"held_out": {"residuals": {"dense": [1.0]}}}, "not a pair"),
        (made | {"campaigns": {"since": {"value": 1}}}, "since_2024"),
    ):
        path.write_text(yaml.safe_dump(wrong))
        with pytest.raises(UserError, match=says):
            calibration.read(str(path))
