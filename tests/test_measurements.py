"""The shipped tables and their reading: nothing that was measured is an input, and a bad file is one sentence."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from aiplan.catalog import Catalog
from aiplan.errors import UserError
from aiplan.measured_chips import Refused, normal_precision, precision_of
from aiplan.measured_shapes import case_of, model_of, recompute_of, zero_stage_of
from aiplan.measured_stacks import stack_of
from aiplan.measurements import (
    ABOUT,
    FAR,
    GIB,
    INPUTS,
    OUTCOMES,
    Row,
    evidence,
    evidence_note,
    folder,
    marks,
    number_of,
    read,
    read_with_kind,
    shipped,
)
from aiplan.quantities.architecture import count_params


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog()


def by_id(kind: str) -> dict[str, Row]:
    return {row.id: row for row in shipped(kind)}


# -- the shipped tables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("training-throughput.csv", 932), ("vtrain-a100-multi.csv", 62), ("vtrain-a100-single.csv", 930),
        ("training-runs.yaml", 100), ("memory-b200-simumax.csv", 43), ("memory-h100-nanotron.csv", 26),
        ("our-h100-steps.csv", 82),
    ],
)  # fmt: skip
def test_every_row_of_a_shipped_table_is_read(table: str, rows: int) -> None:
    assert len(read(folder() / table)) == rows


def test_ids_are_unique_within_a_kind() -> None:
    for kind in ("training-throughput", "training-runs", "training-memory"):
        names = [row.id for row in shipped(kind)]
        assert len(names) == len(set(names))


def test_every_mark_is_of_a_row_that_is_there() -> None:
    known = {row.id for kind in ("training-throughput", "training-runs") for row in shipped(kind)}
    assert set(marks()) <= known
    assert by_id("training-throughput")["thr-0941"].mark.startswith("its columns disagree")
    assert by_id("training-throughput")["thr-0001"].mark == ""


def test_rows_with_evaluation_in_their_time_are_marked_as_their_notes_say() -> None:
    said = {row.id for row in shipped("training-throughput") if "INCLUDES eval" in row.about.get("notes", "")}
    marked = {name for name, why in marks().items() if "evaluation" in why}
    assert said == marked
    assert len(said) == 19


def test_exact_reprints_that_are_marked_are_exact() -> None:
    rows = by_id("training-throughput")
    for name in [name for name, why in marks().items() if "re-print" in why]:
        row = rows[name]
        same = [other for other in rows.values() if other.inputs == row.inputs and other.outcomes == row.outcomes]
        assert len(same) > 1, name


def test_the_simumax_table_is_the_same_runs_as_the_throughput_table() -> None:
    known = {
        (row.outcomes["step_time_s"], row.outcomes["memory_gib_per_chip"])
        for row in shipped("training-throughput")
        if "SimuMax" in row.inputs.get("framework", "")
    }
    table = read(folder() / "memory-b200-simumax.csv")
    mine = {(round(row.outcomes["step_time_s"], 6), row.outcomes["memory_gib_per_chip"]) for row in table}
    assert mine == known
    first = table[0]
    assert {k: first.inputs[k] for k in ("model", "n_layers", "tp", "pp", "dp", "n_chips", "global_batch_seqs")} == {
        "model": "llama3-70b-truncated-12L", "n_layers": "12", "tp": "1", "pp": "2", "dp": "4", "n_chips": "8",
        "global_batch_seqs": "16",
    }  # fmt: skip


def test_nanotron_shapes_count_to_the_stated_sizes(catalog: Catalog) -> None:
    for row in read(folder() / "memory-h100-nanotron.csv"):
        case = case_of(row.inputs, catalog)
        shape = {k: v for k, v in case.given.items() if k in count_params.__globals__["SHAPE"]}
        assert count_params(**shape).total == pytest.approx(number_of(row.inputs["params_total"]), rel=0.005)


def test_memory_rows_are_those_with_a_measured_memory() -> None:
    rows = shipped("training-memory")
    assert len(rows) == 136 + 26
    assert all(row.outcomes["memory_gib_per_chip"] * GIB > 1e9 for row in rows)


# -- inputs and outcomes -----------------------------------------------------------------------------------------


def test_no_outcome_is_an_input() -> None:
    assert not set(INPUTS) & set(OUTCOMES)
    assert not set(INPUTS) & set(ABOUT)
    for kind in ("training-throughput", "training-runs", "training-memory"):
        for row in shipped(kind):
            assert set(row.inputs) <= set(INPUTS)


def test_a_column_that_is_not_known_reaches_nobody(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("model,hardware,n_chips,speed_measured,tok_s\nllama-3-8b,h100,8,12345,9\n", "utf-8")
    (row,) = read(file)
    assert row.inputs == {"model": "llama-3-8b", "hardware": "h100", "n_chips": "8"}
    assert row.outcomes == {}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_spellings_of_columns(tmp_path: Path, delimiter: str) -> None:
    file = tmp_path / "t.csv"
    cells = [["ID", "Model", "Hardware", "N chips", "MFU-pct"], ["a", "x", "h100", "8", "41"]]
    file.write_text("\ufeff" + "\n".join(delimiter.join(line) for line in cells) + "\n\n", "utf-8")
    (row,) = read(file)
    assert row.id == "a"
    assert row.inputs["n_chips"] == "8"
    assert row.outcomes == {"mfu_pct": 41.0}


def test_yaml_and_csv_of_the_same_rows_are_the_same(tmp_path: Path) -> None:
    with (folder() / "vtrain-a100-multi.csv").open(newline="") as file:
        rows = [{k: v for k, v in row.items() if v != ""} for row in csv.DictReader(file)]
    other = tmp_path / "vtrain-a100-multi.yaml"
    other.write_text(json.dumps({"rows": rows}), "utf-8")
    ours = [(row.id, row.inputs, row.outcomes) for row in read(folder() / "vtrain-a100-multi.csv")]
    assert [(row.id, row.inputs, row.outcomes) for row in read(other)] == ours


def test_rows_without_an_id_are_numbered(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("hardware,n_chips\nh100,8\nh100,16\n", "utf-8")
    assert [row.id for row in read(file)] == ["row 1", "row 2"]


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("hardware,n_chips,tokens_per_s_per_chip", "training-throughput"),
        ("hardware,n_chips,memory_gib_per_chip", "training-memory"),
        ("hardware,n_chips,training_tokens,chip_hours", "training-runs"),
        ("hardware,tok_s,isl", "inference-throughput"),
        ("hardware,ttft_ms,tpot_ms", "inference-latency"),
    ],
)
def test_the_kind_follows_from_the_columns(tmp_path: Path, header: str, kind: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(header + "\n" + ",".join("1" for _ in header.split(",")) + "\n", "utf-8")
    assert read_with_kind(file, None)[0] == kind


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.csv", b"", "empty"),
        ("t.csv", b"# only a comment\n", "empty"),
        ("t.csv", b"a,b\n1,2\n", "none of its columns"),
        ("t.csv", b"hardware,hardware\nh100,h100\n", "twice"),
        ("t.csv", b"hardware,n_chips\nh100,8,9\n", "row 2"),
        ("t.csv", b'hardware,n_chips\n"h100,8\n', "not a CSV table"),
        ("t.csv", b"hardware\x00,n_chips\n", "NUL"),
        ("t.csv", b"hardware,n_chips\n\xff\xfe,8\n", "UTF-8"),
        ("t.csv", b"model_b,gas,mem_gb\n9,1,1\n", "not as in the table"),
        ("t.csv", b"case,real_ms,real_alloc_gib\nllama9,1,1\n", "not as in the table"),
        ("t.yaml", b"hardware: h100\nn_chips: 8\n", "list of rows"),
        ("t.yaml", b"- [1, 2]\n", "list of rows"),
        ("t.yaml", b"- {hardware: h100\n", "t.yaml"),
    ],
)
def test_a_file_that_is_no_table_is_one_sentence(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(UserError, match=says) as error:
        read(file)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read(tmp_path / "none.csv")
    with pytest.raises(UserError, match="not a regular file"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e9", 1e9), ("70B", 70e9), ("1,024", 1024.0), ("1_000", 1000.0), ("", None), ("-1", None), ("inf", None),
     ("nan", None), ("1e999", None), ("B", None), ("8 chips", None)],
)  # fmt: skip
def test_numbers_in_cells(text: str, value: float | None) -> None:
    assert number_of(text) == value


# -- from inputs to a case ---------------------------------------------------------------------------------------


def test_every_precision_that_the_tables_spell_is_known() -> None:
    spelled = {row.inputs["precision"] for row in shipped("training-throughput") if "precision" in row.inputs}
    assert all(normal_precision(text) for text in spelled)


@pytest.mark.parametrize(
    ("precision", "chip", "gives"),
    [("fp16", "tpu-v5p", "bf16"), ("MXFP8", "gb200", "fp8"), ("", "h100", "bf16"), ("NVFP4", "gb300", "fp4")],
)
def test_precision_on_a_chip(catalog: Catalog, precision: str, chip: str, gives: str) -> None:
    inputs = {"precision": precision} if precision else {}
    assert precision_of(inputs, catalog.find("accelerator", chip))[0] == gives


def test_a_precision_that_the_chip_has_not_is_refused(catalog: Catalog) -> None:
    with pytest.raises(Refused, match="a100-sxm-80gb has no peak at fp8"):
        precision_of({"precision": "fp8"}, catalog.find("accelerator", "a100"))


def test_all_texts_about_sharding_and_recomputation_are_understood() -> None:
    for row in shipped("training-throughput"):
        sharding, again = row.inputs.get("fsdp_or_zero", ""), row.inputs.get("recompute", "")
        assert not sharding or zero_stage_of(sharding) is not None
        assert not again or recompute_of(again) is not None


def case(catalog: Catalog, **inputs: str) -> dict[str, float]:
    return case_of({"model": "llama-3-8b", "hardware": "h100", "n_chips": "64", **inputs}, catalog).given


def test_the_catalogue_gives_the_shape_that_a_row_leaves_blank(catalog: Catalog) -> None:
    given = case(catalog)
    assert given["layers"] == 32
    assert given["kv_heads"] == 8
    assert given["params"] == pytest.approx(8.03e9, rel=0.001)


def test_columns_win_over_the_catalogue(catalog: Catalog) -> None:
    assert case(catalog, n_layers="4")["layers"] == 4
    assert case(catalog, vocab="131072")["vocab"] == 131072


def test_a_variant_in_brackets_is_the_model_itself(catalog: Catalog) -> None:
    model = model_of("DeepSeekV3 (tokendrop)", catalog)
    assert model is not None
    assert model.id == "deepseek-v3"


def test_a_truncated_expert_model_keeps_one_dense_layer(catalog: Catalog) -> None:
    given = case(catalog, model="deepseek-v3-truncated-4L", n_layers="4")
    assert given["layers"] == 4
    assert given["dense_layers"] == 1
    assert given["params"] < 60e9


def test_gated_or_not_is_what_counts_to_the_parameters(catalog: Catalog) -> None:
    columns = {"n_layers": "80", "d_model": "8192", "n_heads": "64", "vocab": "50368"}
    plain = case(catalog, model="MPT-70b", params_total="64862437376", d_ff="32768", **columns)
    assert (plain["gated_mlp"], plain["tied_embeddings"]) == (0.0, 1.0)
    gated = case(catalog, model="mine", params_total="68.98B", d_ff="28672", n_kv_heads="8", **columns)
    assert gated["gated_mlp"] == 1.0


def test_an_unknown_model_with_experts_gets_a_made_up_shape(catalog: Catalog) -> None:
    found = case_of(
        {"model": "mine", "hardware": "h100", "n_chips": "64", "params_total": "100B", "params_active": "10B"}, catalog
    )
    assert found.invented
    assert found.routed
    assert found.given["active_params"] == 10e9
    assert "shape" in found.assumed


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"hardware": ""}, "hardware is blank"),
        ({"hardware": "GPU 9000"}, "'GPU 9000' is not in the catalogue"),
        ({"hardware": "A100 then H100"}, "more than one kind"),
        ({"model": "nobody's"}, "neither its parameters nor its shape"),
        ({"n_chips": ""}, "n_chips is blank"),
        ({"n_chips": "many"}, "n_chips is 'many', not a number"),
        ({"n_chips": "-8"}, "not a number of at least 0"),
        ({"n_chips": "7.5"}, "not a whole number"),
        ({"tp": "128"}, "more ranks than 64 chips"),
        ({"precision": "ternary"}, "'ternary' is not one that we know"),
    ],
)
def test_refusals_are_named(catalog: Catalog, inputs: dict[str, str], why: str) -> None:
    row = {"model": "llama-3-8b", "hardware": "h100", "n_chips": "64", **inputs}
    with pytest.raises(Refused, match=why):
        case_of({k: v for k, v in row.items() if v}, catalog)


def test_what_is_blank_is_assumed_and_named(catalog: Catalog) -> None:
    found = case_of({"model": "llama-3-8b", "hardware": "h100", "n_chips": "64", "tp": "2"}, catalog)
    assert {"precision", "pp", "cp", "batch_tokens", "seq_len"} <= found.assumed.keys()
    searched = case_of({"model": "llama-3-8b", "hardware": "h100", "n_chips": "64"}, catalog)
    assert searched.assumed["layout"] == "blank: found by our search"


def test_the_layout_has_as_many_ranks_as_there_are_chips(catalog: Catalog) -> None:
    for row in shipped("training-throughput"):
        try:
            found = case_of(row.inputs, catalog)
        except Refused:
            continue
        g = found.given
        if "dp" in g:
            assert g["tp"] * g["pp"] * g["cp"] * g["dp"] == found.accelerators, row.id


def test_a_wrong_number_of_replicas_is_put_right_and_named(catalog: Catalog) -> None:
    found = case_of(by_id("training-throughput")["thr-0941"].inputs, catalog)
    assert found.given["dp"] == 4
    assert "dp" in found.assumed
    cores = case_of(by_id("training-throughput")["thr-1036"].inputs, catalog)
    assert cores.given["tp"] == 16
    assert "cores" in cores.assumed["tp"]


def test_stacks_follow_from_the_framework() -> None:
    assert stack_of({"framework": "Megatron-DeepSpeed", "precision": "bf16"}).traits["unfused_attention"] == 1.0
    assert not stack_of({"framework": "Megatron-Bridge", "precision": "fp16"}).traits
    assert not stack_of({}).traits


# -- evidence ----------------------------------------------------------------------------------------------------


def test_the_nearest_row_of_a_measured_case_is_itself() -> None:
    found = evidence({"params": 70.55e9}, "h100-sxm-80gb", "fp8", 64)
    assert found[0].distance < 0.01
    assert "LLAMA3_70B on 64 h100-sxm-80gb" in found[0].says
    assert [e.distance for e in found] == sorted(e.distance for e in found)


def test_evidence_prefers_the_same_family_and_the_same_kind_of_work() -> None:
    dense = evidence({"params": 235e9}, "gb200-186gb", "fp8", 64)
    routed = evidence({"params": 235e9, "active_params": 22e9}, "gb200-186gb", "fp8", 64)
    assert "Qwen3_235B" in routed[0].says
    assert all("Qwen3" not in e.says for e in dense)


def test_a_case_far_from_all_measurements_says_so() -> None:
    found = evidence({"params": 100e12}, "gb200-186gb", "fp4", 1e6)
    assert found[0].distance > FAR
    assert evidence_note(found).startswith("No measurement is near")
    assert evidence_note(evidence({"params": 70.55e9}, "h100-sxm-80gb", "fp8", 64)).startswith(
        "The nearest measurement is close"
    )


# -- recipes -----------------------------------------------------------------------------------------------------


def our_step(**changed: str) -> dict[str, str]:
    row = next(row for row in read(folder() / "our-h100-steps.csv") if row.inputs["recipe"] == "bf16_adam")
    return {**row.inputs, **changed}


def test_a_stated_recipe_gives_the_bytes_of_a_parameter(catalog: Catalog) -> None:
    given = case_of(our_step(), catalog).given
    assert [given[f"bytes_per_{name}"] for name in ("weight", "gradient", "optimizer_state")] == [2, 2, 4]
    assert "bytes_per_weight" not in case_of(our_step(recipe=""), catalog).given


def test_an_unknown_recipe_is_refused_with_what_is_known(catalog: Catalog) -> None:
    with pytest.raises(Refused, match="recipe 'adamw' is not one of mixed_adam, "):
        case_of(our_step(recipe="adamw"), catalog)
