"""`aiplan init`: a starter scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aiplan.cli.options import BARE
from aiplan.errors import UserError, nearest

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


OF_DOCUMENTS = """\
# What reading documents costs, as a file. Answer it: aiplan run {file}   Check it, in CI too: aiplan check {file}
aiplan: 1
name: Reading our contracts
ask: tokens

# What is read: doc is a file, a pattern such as contracts/*.pdf or a folder, from this file's folder; all of it is one
# prompt. Where there are no documents yet, their size: document_words or document_tokens.
set:
  document_words: 63k
  # doc: contracts/*.pdf
  model: gpt-4o
  output: 500               # tokens of the answer, or a share such as 10%
  # cached: 50%             # share of the tokens that is read from a cache
  # batch: yes              # requests that may wait, at the price of batches
  # as: pdf                 # text, pdf or image
  # prices: our-prices.yaml # your own prices, windows and speeds

# What is uncertain: a 90% interval, {{low: .., mid: .., high: ..}}, or {{choice: [..]}}. The cost is then drawn 10,000
# times, which needs numpy: pip install 'aiplan[whatif]'. What moves it most: aiplan sensitivity {file}
# vary:
#   answer_tokens: 200 to 900
#   model: {{choice: [gpt-4o, gpt-4o-mini]}}

# A grid, one answer a point: a list, a..b by c, or a..b xN (each N times the one before).
# sweep:
#   model: [gpt-4o, gpt-4o-mini, claude-3-sonnet]
#   batch: [no, yes]

# What must hold; anything else fails the check, with exit code 1.
assert:
  - cost <= $0.25
  - context_share <= 80%

# What should hold: told, but no failure.
warn:
  - reading_time <= 10 s
"""
STARTERS = {"train": STARTER, "tokens": OF_DOCUMENTS}


@app.command()
def init(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="The file to write.")] = Path("plan.yaml"),
    ask: Annotated[str, typer.Option("--ask", help=f"What is asked: {' or '.join(STARTERS)}.")] = "train",
    schema: Annotated[
        str | None, typer.Option("--schema", metavar="PATH", help="Schema for editors, named in the first line.")
    ] = None,
) -> None:
    """Write a starter scenario with every part explained; an existing file is never overwritten."""
    from aiplan.output import clean

    if ask not in STARTERS:
        raise UserError(f"--ask {ask!r} is not one of {', '.join(STARTERS)}{nearest(ask, STARTERS, most=1)}")
    modeline = f"# yaml-language-server: $schema={clean(schema)}\n" if schema else ""
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(modeline + STARTERS[ask].format(file=clean(str(file))))
    except FileExistsError:
        raise UserError(f"{file} exists, and is not overwritten") from None
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}") from None
    print(f"written: {clean(str(file))}; next: aiplan run {clean(str(file))}")
