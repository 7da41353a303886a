"""Writes docs/essay.md anew from scenarios/essay/: `python -m aiplan.essaydoc`, in a checkout.

Each file there states one claim, reproduces it under its own assumptions, and asks the same question under ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aiplan.catalog import Catalog
from aiplan.output import clean
from aiplan.output.sections import range_text, value_text
from aiplan.specs.result import Check, Result
from aiplan.whatif.scenario import Answered, run

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "essay.md"
LEDGER = ROOT / "scenarios" / "essay"

# Scenarios in the order in which a reader wants them; further ones follow by name.
ORDER = (
    "memory-1t-fp32 h100-peak a100-peak h100-card ten-thousand-h100 gpt4-time gpt4-compute gpt4-300-times gpt4-capex "
    "gpt4-hardware-cost gpt4-serving reporting-threshold run-100t run-100t-fastest run-100t-experts "
    "run-100t-few-tokens capex-100t next-generation-cost site-sizes site-sizes-50mw site-sizes-australia us-grid "
    "model-sizes-xor model-sizes-snake model-sizes-mnist model-sizes-imagenet model-sizes-youtube-ranking "
    "model-sizes-gpt-4 model-sizes-future characters-per-token token-facts token-facts-sentence "
    "token-facts-paragraph token-facts-brave-new-world books-per-window context-and-speed enterprise-corpus lease"
).split()
VERDICTS = ("holds", "loose", "wrong")

HEAD = """<!-- Written by `python -m aiplan.essaydoc` from scenarios/essay/; edit the scenarios, not this page. -->

# The essay's figures, one by one

The essay "Comprehensive Thoughts on AI" (5 August 2024) asks what models of the next sizes take in compute, memory,
power and money. Each of its figures is a scenario in [scenarios/essay](../scenarios/essay): the figure reproduced under
the essay's own assumptions, as assertions, and our own answer to the same question beside it, with the interval from
the 10th to the 90th percentile where one is known.

    aiplan run scenarios/essay/run-100t.yaml
    aiplan check scenarios/essay/*.yaml

The verdict is `holds`, `loose` where the figure holds only under assumptions that a plan should not make, or `wrong`;
a wrong figure is not reproduced: the scenario asserts the right one. {count}.
`aiplan check` also holds our own answers to the figures that the last column quotes.

| claim | the essay says | reproduced | verdict | our own answer | why |
| --- | --- | --- | --- | --- | --- |
"""
AFTER = ", in our own answer"  # how a check of our own answer is told apart


def page(folder: Path = LEDGER) -> str:
    """The whole page."""
    rows = sorted(answers(folder), key=_place)
    told = [row.result.claim["verdict"] for row in rows if row.result.claim]
    count = ", ".join(f"{told.count(verdict)} `{verdict}`" for verdict in VERDICTS)
    return HEAD.format(count=f"Of {len(told)} scenarios: {count}") + "".join(_row(row) for row in rows)


def answers(folder: Path = LEDGER) -> list[Answered]:
    """Every scenario of the ledger that states a claim, answered with our own catalogue."""
    catalog = Catalog()
    found = [run(path, catalog) for path in sorted(folder.glob("*.yaml"))]
    return [answered for answered in found if answered.result.claim]


def _place(answered: Answered) -> tuple[int, str]:
    stem = answered.path.stem
    return (ORDER.index(stem) if stem in ORDER else len(ORDER), stem)


def _row(answered: Answered) -> str:
    result, claim = answered.result, answered.result.claim or {}
    reproduced = _named([c for c in result.checks if not c.text.endswith(AFTER)])
    link = f"[{answered.path.stem}](../scenarios/essay/{answered.path.name})"
    ours = _values(result.ours, _named(result.checks), spread=True) if result.ours else ""
    cells = (
        link,
        _text(claim["says"]),
        _values(result, reproduced),
        f"**{claim['verdict']}**",
        ours,
        _text(claim["because"]),
    )
    return f"| {' | '.join(cells)} |\n"


def _named(checks: list[Check]) -> list[str]:
    """Quantities that the checks name, each once."""
    return list(dict.fromkeys(check.text.split()[0].partition(".")[0] for check in checks))


def _values(result: Result, names: list[str], *, spread: bool = False) -> str:
    lines = []
    for name in names:
        value = result.quantities.get(name)
        if value is None:
            continue
        between = f" ({range_text(name, value)})" if spread and range_text(name, value) else ""
        lines.append(f"`{name}` {_text(value_text(name, value))}{_text(between)}")
    return "<br>".join(lines)


def _text(text: str) -> str:
    """Text that is neither table, HTML nor a formula of Markdown."""
    safe = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|")
    return safe.replace("$", "\\$").replace("*", "\\*")


def main() -> int:
    """Write the page; with --check only say whether it is stale."""
    fresh = page()
    if "--check" in sys.argv[1:]:
        stale = not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != fresh
        print(f"{PAGE.relative_to(ROOT)} is {'stale: run python -m aiplan.essaydoc' if stale else 'fresh'}")
        return int(stale)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(fresh, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
