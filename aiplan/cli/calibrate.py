"""`aiplan calibrate`: coefficients of the step time from measurements."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


@app.command()
def calibrate(
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Table of measured steps or whole runs; may be repeated.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Calibration file to write.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Fit from the priors instead of refining the shipped coefficients.")
    ] = False,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Divisions into folds, with --fresh.")] = 5,
    ship: Annotated[
        bool, typer.Option("--ship", help="Fit our own tables, in a checkout, and keep the result.")
    ] = False,
) -> None:
    """Refine the coefficients of the step time with runs that you measured, and print the error on held-out ones.

    A few rows of your cluster suffice. The file that --out writes is used by: aiplan train --calibration FILE
    """
    from importlib.util import find_spec

    from aiplan.errors import UserError

    if find_spec("numpy") is None or find_spec("scipy") is None:
        raise UserError("calibrate needs numpy and scipy: pip install aiplan[calibrate]")
    if not data and not ship:
        raise UserError("calibrate needs --data FILE, a table of measured runs")
    from aiplan import calibrate as fitting
    from aiplan import campaigns, measurements
    from aiplan.calibration import SHIPPED
    from aiplan.calibration_cases import cases_of
    from aiplan.catalog import data_root, open_catalog

    catalog, _ = open_catalog()
    rows: dict[str, list[measurements.Row]] = {"training-throughput": [], "training-runs": []}
    if ship:
        rows = {kind: measurements.shipped(kind) for kind in rows}
    for path in data or ():
        kind, read = measurements.read_with_kind(path, None)
        if kind not in rows:
            raise UserError(f"{path} is a table of {kind}; calibrate fits {' and '.join(rows)}")
        rows[kind] += read
    cases, refused = cases_of(rows["training-throughput"], catalog)
    runs = campaigns.campaigns(rows["training-runs"], catalog)
    if not cases and not runs:
        why = next(iter(refused.values()), "whole runs need chip_hours, tokens, a chip and a model")
        raise UserError(f"no row of {', '.join(str(path) for path in data or ())} can be used: {why}")
    made: dict[str, Any] = {"calibration": 1, "date": fitting.today(), "rows": 0, "coefficients": {}}
    if cases and (fresh or ship):
        if len({c.group for c in cases}) < 5:
            raise UserError("calibrate --fresh needs measured rows of at least five different models or chips")
        model = fitting.Model(cases)
        theta = fitting.fit(model)
        made |= fitting.record(model, theta, fitting.evaluate(cases, seeds=seeds))
    elif cases:
        made |= fitting.record(*fitting.refine(cases))
    if runs:
        fitted = campaigns.fit(runs, fitting.cost_band(made)) if fresh or ship else {}
        made["campaigns"] = fitting.rounded(fitted or campaigns.refine(runs, SHIPPED.campaigns))
    if out is not None:
        fitting.write_record(out, made)
    if ship:
        fitting.write_record(data_root() / "calibration" / "shipped.yaml", made)
        module = Path(fitting.__file__).with_name("calibrated_values.py")
        module.write_text(fitting.module_text(made), encoding="utf-8")
    unused = sum(len(r) for r in rows.values()) - len(cases) - len(runs)
    print(f"{len(cases)} rows and {len(runs)} whole runs fitted, {unused} not usable")
    _show(made)
    if unused and not ship:
        print(f"not usable: {next(iter(refused), '')}: {next(iter(refused.values()), '')}", file=sys.stderr)


def _show(made: dict[str, Any]) -> None:
    """Tables of the coefficients, the errors on held-out rows and the efficiency of campaigns."""
    from aiplan.output.plain import columns

    moved = [(n, f"{r['value']:g}", f"{r['prior']:g}", f"{r['z']:+.1f}") for n, r in made["coefficients"].items()]
    if moved:
        print(columns(("coefficient", "value", "prior", "z"), moved, right=(1, 2, 3)))
    sets = {k: v for k, v in made.get("held_out", {}).items() if k != "residuals"}
    if sets and "median" in next(iter(sets.values())):
        sets = {"of these rows": sets}
    for kind, each in sets.items():
        scores = [
            (n.replace("_", " "), f"{s['rows']:.0f}", *(f"{s[k]:.1%}" for k in ("median", "mean", "p90")),
             f"{s['bias']:+.1%}")
            for n, s in each.items()
        ]  # fmt: skip
        print(f"\nError of held-out rows, {kind.replace('_', ' ')}")
        print(columns(("set", "rows", "median", "mean", "p90", "bias"), scores, right=(1, 2, 3, 4, 5)))
    kept = [
        (n.replace("_", " "), f"{r['rows']:.0f}", *(f"{r.get(k, r['value']):.3f}" for k in ("value", "p10", "p90")))
        for n, r in made.get("campaigns", {}).items()
    ]
    if kept:
        print("\nPredicted over published hours of whole runs")
        print(columns(("runs", "rows", "median", "p10", "p90"), kept, right=(1, 2, 3, 4)))
