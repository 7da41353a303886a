"""Scaling laws for people and programs: the list, one law, and all of them side by side."""

from __future__ import annotations

import csv
import io
import json
import math
import textwrap
from collections.abc import Sequence
from typing import Any

from aiplan import units
from aiplan.graph import GRAPH
from aiplan.output.plain import columns
from aiplan.output.structured import safe_cell
from aiplan.quantities.scaling import LAWS, Law, LawAnswer, compare_laws, spread_across_laws
from aiplan.quantities.scaling_experts import KRAJEWSKI_SHARE

SCHEMA = "aiplan.laws/1"
WIDTH = 80
CHINCHILLA = 5.76e23  # FLOP, the compute at which the laws are put side by side
LETTER = {"derived": "d", "from memory": "m", "doubtful": "?", "variant": "v"}
MEANING = {
    "derived": "a coefficient is our own fit to the printed table",
    "from memory": "a coefficient or a range is from memory",
    "doubtful": "its coefficients contradict its own paper; left out of the spread",
    "variant": "another fit of the same runs; left out of the spread",
}
FIELDS = (
    "law params active_params tokens tokens_p10 tokens_p90 training_flops tokens_per_param loss why_null note source "
    "marks"
).split()


# -- values ----------------------------------------------------------------------------------------------------


def span_text(span: tuple[float, float] | None, unit: str) -> str:
    """A range of fit for people."""
    return "unknown" if span is None else " to ".join(_round(end, unit) for end in dict.fromkeys(span))


def _round(value: float, unit: str) -> str:
    """A round number without its padding: 70 M, not 70.0 M."""
    number, gap, scale = units.show(value, unit).partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number}{gap}{scale}"


def interval_text(answer: LawAnswer) -> str:
    """The 80% interval of the tokens, or nothing; a scale that both ends share is said once."""
    if answer.p10 is None or answer.p90 is None:
        return ""
    low, high = units.show(answer.p10, "token"), units.show(answer.p90, "token")
    number, _, scale = low.partition(" ")
    return f"{number} to {high}" if scale and high.endswith(f" {scale}") else f"{low} to {high}"


def reference(law: Law) -> str:
    """The paper of a law, without the place in it."""
    return law.source.partition(",")[0].partition(" (")[0]


def equations(law: Law) -> list[str]:
    """The formulas of a law's form that its optimum rests on."""
    out = []
    for name in ("loss", "tokens", "params"):
        for formula in GRAPH[name].formulas:
            inputs = {n for n in formula.inputs if not n.startswith("law_")}
            if formula.rival == law.form and "=" in formula.equation and "loss" not in inputs:
                out.append(formula.equation)
                break
    return out


def usual_ratio(law: Law) -> float | None:
    """Tokens per parameter that the law holds best at Chinchilla's compute, with the active share of its own runs."""
    share = KRAJEWSKI_SHARE if law.form == "krajewski" else 1.0
    rows = spread_across_laws(training_flops=CHINCHILLA, active_share=share, everything=True)
    return next((tokens / params for name, params, tokens, _ in rows if name == law.name), None)


def to_dict(law: Law) -> dict[str, Any]:
    """A law for programs."""
    return {
        "law": law.name,
        "sentence": law.sentence,
        "form": law.form,
        "equations": equations(law),
        "coefficients": dict(law.coefficients),
        "has_loss": law.has_loss,
        "source": law.source,
        "params_range": law.params_range,
        "tokens_range": law.tokens_range,
        "covariance": law.covariance,
        "marks": list(law.marks),
        "note": law.note or None,
    }


def row_of(answer: LawAnswer) -> dict[str, Any]:
    """One law's answer for programs, in SI."""
    ratio = answer.tokens / answer.params if answer.tokens and answer.params else None
    return dict(
        zip(
            FIELDS,
            (
                answer.law.name,
                answer.params,
                answer.active_params,
                answer.tokens,
                answer.p10,
                answer.p90,
                answer.training_flops,
                ratio,
                answer.loss,
                answer.why_null,
                answer.note,
                answer.law.source,
                list(answer.law.marks),
            ),
            strict=True,
        )
    )


# -- the list --------------------------------------------------------------------------------------------------


def list_text() -> str:
    """All laws in a table of 80 columns."""
    rows = [
        (
            law.name,
            "yes" if law.has_loss else "no",
            reference(law),
            span_text(law.params_range, "param"),
            "".join(LETTER[m] for m in law.marks),
        )
        for law in LAWS.values()
    ]
    legend = [f"{letter} {mark}: {MEANING[mark]}" for mark, letter in LETTER.items()]
    return "\n".join([columns(("law", "loss", "from", "fitted params", "marks"), rows), "", *legend])


def laws_markdown() -> str:
    """All laws as a Markdown table, for the documentation."""
    lines = [
        "| law | what it is | loss | tokens a parameter at 5.76e23 FLOP | source | fitted on | marks and notes |",
        "| --- | --- | --- | ---: | --- | --- | --- |",
    ]
    for law in LAWS.values():
        fitted = [
            f"{span_text(span, unit)} {what}"
            for span, unit, what in ((law.params_range, "param", "parameters"), (law.tokens_range, "token", "tokens"))
            if span is not None
        ]
        notes = ". ".join(n[:1].upper() + n[1:] for n in (", ".join(law.marks), law.note) if n)
        ratio = usual_ratio(law)
        cells = (
            f"`{law.name}`",
            law.sentence,
            "yes" if law.has_loss else "no",
            units.show(ratio, "") if ratio else "none",
            law.source,
            ", ".join(fitted) or "unknown",
            f"{notes}." if notes else "",
        )
        lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    return "\n".join(lines)


def law_text(law: Law) -> str:
    """One law for people."""
    lines = [_hang("", f"{law.name}: {law.sentence}"), ""]
    lines += [_hang("  ", e) for e in equations(law)]
    lines += [f"  {name} = {value:.6g}" for name, value in law.coefficients.items()]
    ratio = usual_ratio(law)
    facts = [
        ("source", law.source),
        ("parameters", law.params_range and f"fitted on {span_text(law.params_range, 'param')}"),
        ("tokens", law.tokens_range and f"fitted on {span_text(law.tokens_range, 'token')}"),
        ("loss", "yes; compare it within this law only" if law.has_loss else "none"),
        ("optimum", f"{units.show(ratio, '')} tokens a parameter at 5.76e23 FLOP" if ratio else "none"),
        ("interval", "from the joint covariance of its coefficients" if law.covariance else "unknown"),
        *((m, MEANING[m]) for m in law.marks),
        ("note", law.note),
    ]
    lines += ["", *(_hang(f"{label:<12}", text) for label, text in facts if text)]
    return "\n".join(lines)


def _hang(start: str, text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start))


# -- side by side ----------------------------------------------------------------------------------------------


def headings(given: str) -> list[str]:
    """The columns of the comparison: what was given is not repeated in each row."""
    all_ = ["law", "params", "tokens", "p10 to p90", "FLOP", "per param", "loss"]
    return [h for h in all_ if h != {"params": "params", "training_flops": "FLOP", "loss": "loss"}[given]]


def _cells(answer: LawAnswer) -> dict[str, str]:
    ratio = answer.tokens / answer.params if answer.tokens and answer.params else None
    return {
        "law": f"{answer.law.name} *" if answer.note else answer.law.name,
        "params": units.show(answer.params, "param") if answer.params else "",
        "tokens": units.show(answer.tokens, "token"),
        "p10 to p90": interval_text(answer),
        "FLOP": units.show(answer.training_flops, "FLOP").removesuffix(" FLOP") if answer.training_flops else "",
        "per param": "" if ratio is None else units.show(ratio, ""),
        "loss": "" if answer.loss is None else units.show(answer.loss, ""),
    }


def compare_text(answers: Sequence[LawAnswer], given: str, title: str) -> str:
    """The answers in a table of 80 columns, with what must be known of them below."""
    heads = headings(given)
    rows = [[_cells(a)[h] for h in heads] for a in answers]
    table = columns(heads, rows, right=[i for i, h in enumerate(heads) if h not in ("law", "p10 to p90")])
    return "\n".join([_hang("", title), "", table, "", *(_hang("- ", note) for note in notes(answers))])


def notes(answers: Sequence[LawAnswer]) -> list[str]:
    """What a reader of the comparison must know."""
    out = []
    if any(a.note for a in answers):
        out.append("*: more than 100 times beyond the sizes or tokens that the law was fitted on")
    unknown = [a.law.name for a in answers if a.tokens and a.law.params_range is None and a.law.tokens_range is None]
    if unknown:
        out.append(f"{', '.join(unknown)}: we do not know on what sizes it was fitted")
    if any(a.loss is not None for a in answers):
        out.append("losses are of different data: compare them within one law only")
    for mark in ("doubtful", "variant"):
        names = [a.law.name for a in answers if mark in a.law.marks]
        if names:
            out.append(f"{', '.join(names)}: {mark}: {MEANING[mark]}")
    reasons: dict[str, list[str]] = {}
    for a in answers:
        if a.why_null:
            reasons.setdefault(a.why_null, []).append(a.law.name)
    for reason, names in reasons.items():
        out.append(reason if names == [reason.partition(" ")[0]] else f"{', '.join(names)}: {reason}")
    return out


def compare_markdown(answers: Sequence[LawAnswer], given: str, title: str) -> str:
    """The answers as a Markdown table."""
    heads = headings(given)
    lines = [f"**{title}**", "", f"| {' | '.join(heads)} |"]
    lines.append(f"| {' | '.join('---' if h in ('law', 'p10 to p90') else '---:' for h in heads)} |")
    lines += [f"| {' | '.join(_cells(a)[h] for h in heads)} |" for a in answers]
    return "\n".join([*lines, "", *(f"- {note.replace('*:', '`*`:')}" for note in notes(answers))])


def compare_json(answers: Sequence[LawAnswer], given: dict[str, float]) -> str:
    """The answers as one JSON object of SI values."""
    whole = {"schema": SCHEMA, "given": given, "laws": [row_of(a) for a in answers]}
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)


def compare_csv(answers: Sequence[LawAnswer]) -> str:
    """The answers as CSV, a row a law."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FIELDS)
    for answer in answers:
        row = row_of(answer) | {"marks": "; ".join(answer.law.marks)}
        writer.writerow(["" if cell is None else safe_cell(cell) for cell in row.values()])
    return out.getvalue().rstrip("\n")


def curves(
    answers: Sequence[LawAnswer], active_share: float
) -> tuple[list[tuple[str, list[tuple[float, float]]]], Any]:
    """Tokens against parameters by the laws of the spread, over decades around the answers, and where to mark them."""
    sizes = [a.params for a in answers if a.params]
    first = min(8, math.floor(math.log10(min(sizes, default=1e9))) - 1)
    last = max(13, math.ceil(math.log10(max(sizes, default=1e12))) + 1)
    lines: dict[str, list[tuple[float, float]]] = {}
    for exponent in range(first, last + 1):
        for answer in compare_laws(params=10.0**exponent, active_share=active_share):
            if answer.params and answer.tokens and not (answer.law.doubtful or answer.law.variant):
                lines.setdefault(answer.law.name, []).append((answer.params, answer.tokens))
    return list(lines.items()), sizes[0] if len(set(sizes)) == 1 else None
