"""`aiplan sweep`: each row is a plan of its own; fronts, bests, formats, files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.helpers import aiplan, train

GRID = ("sweep", "--params", "70B", "--sweep", "accelerator=h100,gb200", "--sweep", "training_days=30..90 by 30")


def rows_of(*words: str) -> list[dict[str, str]]:
    """The rows of a sweep as CSV."""
    return list(csv.DictReader(io.StringIO(aiplan(*words, "-f", "csv").out)))


def test_each_row_is_what_train_says() -> None:
    """A point of the grid solves for accelerators exactly as a plan does."""
    rows = aiplan(*GRID, "--json").json["rows"]
    assert [row["point"]["accelerator"] for row in rows] == ["h100"] * 3 + ["gb200"] * 3
    one = train("--params 70B --accelerator gb200 --deadline 60")
    same = rows[4]["result"]["quantities"]
    assert same == one.json["quantities"]


def test_front_and_best() -> None:
    """No row of the front is beaten, every other row is; the best has the lowest value."""
    done = aiplan(*GRID, "--pareto", "run_cost,accelerators", "--best-of", "run_cost", "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    scores = [(float(r["run_cost"]), float(r["accelerators"])) for r in rows]
    for score, row in zip(scores, rows, strict=True):
        beaten = any(o[0] <= score[0] and o[1] <= score[1] and o != score for o in scores)
        assert beaten == (row["front"] == "0")
    assert 0 < sum(row["front"] == "1" for row in rows) < len(rows)
    best = next(s for s, row in zip(scores, rows, strict=True) if row["best run_cost"] == "1")
    assert best[0] == min(s[0] for s in scores)
    assert "best run_cost: row" in aiplan(*GRID, "--best-of", "run_cost").out


def test_what_breaks_a_limit_or_a_condition_is_no_choice() -> None:
    """Neither on the front nor the best, though it costs least."""
    words = ("sweep", "--params", "70B", "--accelerator", "h100", "--sweep", "accelerators=64,512,2048")
    marks = ("--pareto", "run_cost,training_days", "--best-of", "run_cost", "--json")
    assert [row["front"] for row in aiplan(*words, *marks).json["rows"]] == [True, True, True]
    for more, word in ((("--deadline", "60d"), "impossible"), (("--assert", "training_days <= 60"), "failed")):
        rows = aiplan(*words, *marks, *more).json["rows"]
        assert [row["plan"] for row in rows] == [word, "ok", "ok"]
        assert [row["front"] for row in rows] == [False, True, True]
        assert [row.get("best", []) for row in rows] == [[], ["run_cost"], []]


def test_layouts_are_compared_side_by_side(tmp_path: Path) -> None:
    """Each row is what a plan with that layout says, in a small grid and in one that is evaluated at once."""
    fleet = "--model llama-3.1-8b --tokens 1T --accelerator h100"
    layouts = ("tp=2,pp=4", "tp=4,pp=2,vp=4", "tp=8,dp=8")
    words = ("sweep", *fleet.split(), "--sweep", f"layout={'; '.join(layouts)}", "--show", "step_time,mfu")
    rows = list(csv.DictReader(io.StringIO(aiplan(*words, "--accelerators", "64", "-f", "csv").out)))
    assert [row["layout"] for row in rows] == list(layouts)
    for row in rows:
        alone = train(f"{fleet} --accelerators 64 --layout {row['layout']}")
        for name in ("step_time", "mfu"):
            assert float(row[name]) == alone.value(name)
    many = aiplan(*words, "--accelerators", "64", "--sweep", "pue=1.1..1.4 by 0.01", "-f", "csv")
    found = list(csv.DictReader(io.StringIO(many.out)))
    assert len(found) == 93
    assert [float(row["step_time"]) for row in found[::31]] == [float(row["step_time"]) for row in rows]
    file = tmp_path / "plan.yaml"
    file.write_text(
        "aiplan: 1\nset: {model: llama-3.1-8b, tokens: 1T, accelerators: 64, layout: 'cp=2'}\n"
        "sweep: {layout: ['tp=2, pp=4', 'tp=3']}\nskip: [{layout: 'tp=3'}]\nassert: [fits]\n"
    )
    done = aiplan("check", str(file), "--format", "json")
    assert (done.code, done.out.count("layout tp=2,pp=4")) == (0, 1)


def test_a_layout_that_cannot_be_built_is_an_impossible_point() -> None:
    """In every form, however many points there are: the others stand, and the reason is told."""
    fleet = ("sweep", "--model", "llama-3.1-8b", "--tokens", "1T", "--accelerator", "h100")
    few = (*fleet, "--sweep", "layout=tp=3;tp=2;tp=2,pp=40;ep=2", "--accelerators", "64")
    words = ["impossible", "ok", "impossible", "impossible"]
    rows = list(csv.DictReader(io.StringIO(aiplan(*few, "-f", "csv").out)))
    assert [row["plan"] for row in rows] == words
    assert [row["binding"] for row in rows] == ["layout", "", "layout", "layout"]
    whole = aiplan(*few, "--json").json["rows"]
    assert [row["plan"] for row in whole] == words
    assert "does not divide 64" in whole[0]["result"]["quantities"]["run_cost"]["why_null"]
    assert aiplan("train", *few[1:7], "--accelerators", "64", "--layout", "tp=3").code == 2
    for axis, first, *ends in (("accelerators", 64, 75, 140), ("heads", 8, 20, 90)):
        more = ("--layout", "tp=4,pp=2", *(() if axis == "accelerators" else ("--accelerators", "64")))
        one, many = (
            rows_of(*fleet, *more, "--sweep", f"{axis}={first}..{end} by 1", "--show", "step_time") for end in ends
        )
        for a, b in zip(one, many, strict=False):
            assert (a["plan"], a["binding"]) == (b["plan"], b["binding"])
            assert a["step_time"] == b["step_time"] == "" or float(a["step_time"]) == pytest.approx(
                float(b["step_time"])
            )
        assert {row["plan"] for row in one} == {"ok", "impossible"}


def test_wrong_layouts_are_one_line() -> None:
    """A member twice, one that is swept too."""
    words = ("sweep", "--model", "llama-3.1-8b", "--tokens", "1T", "--accelerators", "64")
    for axes, said in (
        (("layout=tp=2,tp=4",), "tp is set twice"),
        (("layout=tp=2;tp=4", "tp=1,2"), "tp is swept, and in a layout that is swept too"),
    ):
        done = aiplan(*words, *(word for axis in axes for word in ("--sweep", axis)))
        assert (done.code, len(done.err.splitlines()), said in done.err) == (2, 1, True), done.err


def test_more_is_better_where_it_is() -> None:
    """The best by mfu is the highest."""
    rows = aiplan(*GRID, "--best-of", "mfu", "--json").json["rows"]
    shares = [row["result"]["quantities"]["mfu"]["value"] for row in rows]
    assert shares[next(i for i, row in enumerate(rows) if row.get("best"))] == max(shares)


def test_lines_are_one_object_each() -> None:
    """JSON lines with the point, what became of it, and the contract's result."""
    lines = [json.loads(line) for line in aiplan(*GRID, "-f", "jsonl").out.splitlines()]
    assert len(lines) == 6
    assert lines[0]["result"]["schema"] == "aiplan.result/1"
    assert lines[0]["point"] == {"accelerator": "h100", "training_days": "30.0 days"}


def test_a_file_with_a_grid(tmp_path: Path) -> None:
    """sweep answers it in rows, check holds its assertions at every point, run prints the table."""
    file = tmp_path / "grid.yaml"
    file.write_text(
        "aiplan: 1\nset: {params: 70B, tokens: 1T}\n"
        "sweep:\n  accelerator: [h100, a100]\n  accelerators: 512..1024 x2\n"
        "skip:\n  - {accelerator: a100, accelerators: 512}\nassert: [training_days <= 20]\n"
    )
    rows = aiplan("sweep", str(file), "--json").json["rows"]
    assert [list(row["point"].values()) for row in rows] == [["h100", "512"], ["h100", "1,024"], ["a100", "1,024"]]
    checked = aiplan("check", str(file))
    assert checked.code == 1
    assert checked.out.count("training_days <= 20") == 3
    shown = aiplan("run", str(file))
    assert shown.code == 1
    assert shown.out.splitlines()[0].split() == "accelerator accelerators accelerators training_days".split() + (
        "facility_power capex run_cost fits plan".split()
    )
    pinned = aiplan("sweep", str(file), "--accelerators", "64", "--json")
    assert (pinned.code, "skip: accelerators is not swept" in pinned.err) == (2, True)


def test_uncertain_inputs_at_every_point() -> None:
    """Under draws a row shows the median and the p90."""
    varied = ("--vary", "pue=1.1 to 1.4", "--draws", "99")
    done = aiplan("sweep", "--params", "7B", "--sweep", "accelerator=h100,a100", *varied)
    assert done.code == 0
    assert "run_cost.p90" in done.out
    rows = list(
        csv.DictReader(io.StringIO(aiplan(*GRID, "--vary", "pue=1.1 to 1.4", "--draws", "50", "-f", "csv").out))
    )
    assert all(float(r["run_cost.p10"]) < float(r["run_cost"]) < float(r["run_cost.p90"]) for r in rows)


def test_impossible_points_are_rows_too() -> None:
    """A plan that cannot be is told in its row; the exit is 3 only where none can."""
    words = ("sweep", "--params", "10T", "--accelerator", "h100", "--tokens", "1T")
    done = aiplan(*words, "--sweep", "accelerators=8,65536", "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [row["plan"] for row in rows] == ["impossible", "ok"]
    assert done.code == 0
    assert aiplan(*words, "--sweep", "accelerators=8,16").code == 3


def test_wrong_grids_exit_2() -> None:
    """One line on standard error."""
    for words, said in (
        (("--params", "7B"), "nothing is swept"),
        (("--params", "7B", "--sweep", "accelerator=h100,nonesuch"), "nonesuch"),
        (("--params", "7B", "--sweep", "pue=1.1..1.5 by 0.0001", "--max-points", "100"), "above the cap"),
        (("--params", "7B", "--sweep", "pue=1.1,1.2", "--pareto", "runcost"), "nearest: run_cost"),
        (("--params", "7B", "--sweep", "pue=1.1,1.2", "--vary", "pue=1.1 to 1.3"), "both swept and varied"),
    ):
        done = aiplan("sweep", *words)
        assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
        assert said in done.err
