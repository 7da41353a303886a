"""`aiplan calibrate`: coefficients of the step time from measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


@app.command()
def calibrate(
    data: Annotated[list[Path], typer.Option("--data", help="Table of measured runs; may be repeated.")],
    out: Annotated[Path | None, typer.Option("--out", help="Calibration file to write.")] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Divisions into folds.")] = 5,
    ship: Annotated[bool, typer.Option("--ship", help="Write our own calibration, in a checkout.")] = False,
) -> None:
    """Fit the coefficients of the step time to measured runs, and print the error on held-out ones.

    aiplan calibrate --data measurements/training-throughput.csv --out mine.yaml
    """
    from importlib.util import find_spec

    from aiplan.errors import UserError

    if find_spec("numpy") is None or find_spec("scipy") is None:
        raise UserError("calibrate needs numpy and scipy: pip install aiplan[calibrate]")
    from aiplan import calibrate as fitting
    from aiplan.calibration_cases import read_cases
    from aiplan.catalog import data_root, open_catalog
    from aiplan.output.plain import columns

    catalog, _ = open_catalog()
    cases, refused = [], 0
    for path in data:
        if not path.is_file():
            raise UserError(f"there is no file {path}")
        read, left_out = read_cases(path, catalog)
        usable = [c for c in read if c.measured is not None and c.measured > 0]
        refused += len(left_out) + len(read) - len(usable)
        cases += usable
    if len({c.group for c in cases}) < 5:
        raise UserError("calibrate needs measured rows of at least five different models or chips")
    model = fitting.Model(cases)
    theta = fitting.fit(model)
    errors = fitting.evaluate(cases, seeds=seeds)
    made = fitting.record(cases, theta, errors)
    if out is not None:
        fitting.write_record(out, made)
    if ship:
        fitting.write_record(data_root() / "calibration" / "shipped.yaml", made)
        module = Path(fitting.__file__).with_name("calibrated_values.py")
        module.write_text(fitting.module_text(made), encoding="utf-8")
    print(f"{len(cases)} rows in {made['groups']} groups fitted, {refused} rows not usable, {len(theta)} coefficients")
    rows = [(n, f"{r['value']:g}", f"{r['prior']:g}", f"{r['z']:+.1f}") for n, r in made["coefficients"].items()]
    print(columns(("coefficient", "value", "prior", "z"), rows, right=(1, 2, 3)))
    for kind in ("grouped_5_fold", "left_out_family", "left_out_framework"):
        scores = [
            (n, f"{s['rows']:.0f}", *(f"{s[k]:.1%}" for k in ("median", "mean", "p90")), f"{s['bias']:+.1%}")
            for n, s in errors[kind].items()
        ]
        print(f"\nError of held-out rows, {kind.replace('_', ' ')}")
        print(columns(("set", "rows", "median", "mean", "p90", "bias"), scores, right=(1, 2, 3, 4, 5)))
