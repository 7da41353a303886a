"""`aiplan init`: a starter scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aiplan.cli.options import BARE
from aiplan.errors import UserError

app = typer.Typer(**BARE)

STARTER = """\
# A plan as a file. Answer it: aiplan run {file}   Check it, in CI too: aiplan check {file}
aiplan: 1
name: Our next model

# What is fixed: any quantity with its unit, and choices by name (accelerator, site, model, precision, law, ...).
set:
  params: 70B
  tokens: 2T
  accelerator: h100
  site: us
  # electricity_price: $0.06/kWh
  # accelerator_price: $27k

# Upper bounds; they size what is left open, here the number of accelerators.
limit:
  training_days: 60
  # run_cost: $2M
  # facility_power: 2 MW

# What is uncertain: a 90% interval, {{low: .., mid: .., high: ..}}, or {{choice: [..]}}. The plan is then drawn 10,000
# times, which needs numpy: pip install 'aiplan[whatif]'
# vary:
#   electricity_price: $0.05/kWh to $0.09/kWh

# A grid of plans, one a point: a list, a..b by c, or a..b xN (each N times the one before).
# sweep:
#   accelerator: [h100, gb200]

# What must hold; anything else fails the check, with exit code 1.
assert:
  - fits
  - run_cost <= $2M
  - facility_power <= 2 MW

# What should hold: told, but no failure.
warn:
  - run_cost.p90 <= $2M
"""


@app.command()
def init(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="The file to write.")] = Path("plan.yaml"),
    schema: Annotated[
        str | None, typer.Option("--schema", metavar="PATH", help="Schema for editors, named in the first line.")
    ] = None,
) -> None:
    """Write a starter scenario with every part explained; an existing file is never overwritten."""
    from aiplan.output import clean

    modeline = f"# yaml-language-server: $schema={clean(schema)}\n" if schema else ""
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(modeline + STARTER.format(file=clean(str(file))))
    except FileExistsError:
        raise UserError(f"{file} exists, and is not overwritten") from None
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}") from None
    print(f"written: {clean(str(file))}; next: aiplan run {clean(str(file))}")
