"""A validation report as a table, JSON, Markdown or a page with one picture."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from aiplan import __version__
from aiplan.output import clean
from aiplan.output.plain import columns
from aiplan.residuals import Residual, Summary, summary

if TYPE_CHECKING:
    from aiplan.validate import Report, Scored

HEADINGS = ("", "rows", "groups", "median", "mean", "p90", "bias", "flat rule", "in 80%")
PUBLISHED, ESTIMATED = "published (grades A and B)", "estimated (grade C)"
WHAT = {
    "training-throughput": "time per token per chip",
    "training-runs": "chip-hours",
    "training-memory": "memory per chip",
}
Cut = tuple[str, Callable[["Scored"], str]]


def render(report: Report, form: str) -> str:
    """The text of a report in a format: table, json, md or html."""
    return {"table": table, "json": as_json, "md": markdown, "html": page}[form](report)


# -- JSON ----------------------------------------------------------------------------------------------------------


def as_json(report: Report) -> str:
    """The report as the one object that other programs read."""
    return json.dumps(as_dict(report), indent=1, ensure_ascii=False, allow_nan=False)


def as_dict(report: Report) -> dict[str, Any]:
    """The report as plain data: errors are predicted / measured - 1 of time per token, of hours or of bytes."""
    from aiplan.validate import UNITS

    total = summary([s.residual for s in report.scored])
    flat = summary(flats(report.scored))
    predictions = [
        {
            "id": answer.row.id,
            "value": answer.value,
            "p10": answer.interval[0],
            "p90": answer.interval[1],
            "model": answer.case.model,
            "accelerator": answer.case.chip,
            "precision": answer.case.precision,
            "assumed": answer.case.assumed,
            "mark": answer.row.mark or None,
        }
        for answer in report.answers
    ]
    return {
        "schema": "aiplan.validation/1",
        "aiplan_version": __version__,
        "kind": report.kind,
        "unit": UNITS.get(report.kind),
        "rows": report.rows,
        "predicted": len(report.answers),
        "scored": len(report.scored),
        "refused": [{"id": name, "why": why} for name, why in report.refused],
        "predictions": predictions,
        "median_abs_error": total and total.median_abs_error,
        "mean_abs_error": total and total.mean_abs_error,
        "p90_abs_error": total and total.p90_abs_error,
        "bias": total and total.bias,
        "interval_coverage_80": coverage(report.scored),
        "baseline_median_abs_error": flat and flat.median_abs_error,
        "baseline_p90_abs_error": flat and flat.p90_abs_error,
        "unmarked": _plain(summary([s.residual for s in report.scored if not s.answer.row.mark])),
        "from_rates_of_flops": _plain(summary([s.residual for s in report.derived])),
        "groups": [
            {"model": name.partition(" | ")[0], "accelerator": name.partition(" | ")[2], **(_plain(found) or {})}
            for name, found in parts(report, ("group", lambda s: s.residual.group))
        ],
        "by": {
            cut[0]: [{"of": name, **(_plain(found) or {})} for name, found in parts(report, cut)]
            for cut in cuts(report)
        },
        "regimes": [
            {"of": list(regime), "groups": groups, "rows": rows, "p10": math.exp(-high), "p90": math.exp(-low)}
            for regime, groups, rows, low, high in (report.quantiles.table() if report.quantiles else [])
        ],
    }


def _plain(found: Summary | None) -> dict[str, Any] | None:
    return None if found is None else found._asdict()


# -- parts ---------------------------------------------------------------------------------------------------------


def cuts(report: Report) -> list[Cut]:
    """The ways in which errors are shown apart."""
    from aiplan.validate import source_of, width_of

    out: list[Cut] = [
        ("work", lambda s: s.residual.regimes[-2][1]),
        ("table", lambda s: s.answer.row.table),
        ("source", lambda s: source_of(s.answer.row)),
        ("chip", lambda s: s.answer.case.chip),
        ("precision", lambda s: width_of(s.answer.case)),
        ("scale", lambda s: scale_of(s.answer.case.accelerators)),
        ("layout", lambda s: s.residual.regimes[-3][2]),
        ("software", lambda s: s.answer.case.stack),
    ]
    if report.kind == "training-runs":  # nearly every run has a source of its own
        out = [("hours", hours_of), *out]
        out = [cut for cut in out if cut[0] not in ("table", "source", "software")]
    return out


def hours_of(scored: Scored) -> str:
    """Whether the hours of a run were published (grades A and B) or are somebody's estimate."""
    return ESTIMATED if scored.answer.row.about.get("validation_grade") == "C" else PUBLISHED


def scale_of(accelerators: float) -> str:
    """The range of sizes that a number of accelerators is in.

    >>> scale_of(64), scale_of(16384)
    ('9 to 64', 'above 4,096')
    """
    for low, high in ((1, 8), (9, 64), (65, 512), (513, 4096)):
        if accelerators <= high:
            return f"{low} to {high:,}"
    return "above 4,096"


def groups_of(scored: list[Scored], cut: Cut) -> list[tuple[str, list[Scored]]]:
    """The rows of each part, the largest part first."""
    out: dict[str, list[Scored]] = {}
    for s in scored:
        out.setdefault(cut[1](s), []).append(s)
    return sorted(out.items(), key=lambda each: (-len(each[1]), each[0]))


def parts(report: Report, cut: Cut) -> list[tuple[str, Summary]]:
    """The errors of each part, the largest part first."""
    found = [(name, summary([s.residual for s in rows])) for name, rows in groups_of(report.scored, cut)]
    return [(name, each) for name, each in found if each]


def flats(scored: list[Scored]) -> list[Residual]:
    """The residuals of the flat rule."""
    return [s.flat for s in scored if s.flat is not None]


def coverage(scored: list[Scored]) -> float | None:
    """The share of measurements that lie in their interval."""
    inside = [s.inside for s in scored if s.inside is not None]
    return sum(inside) / len(inside) if inside else None


def cells(name: str, scored: list[Scored]) -> tuple[str, ...]:
    """One row of a table of errors, with the flat rule's and the coverage of the intervals beside."""
    found, flat, share = summary([s.residual for s in scored]), summary(flats(scored)), coverage(scored)
    if found is None:
        return (name, *[""] * (len(HEADINGS) - 1))
    return (
        name,
        str(found.rows),
        str(found.groups),
        f"{found.median_abs_error:.1%}",
        f"{found.mean_abs_error:.1%}",
        f"{found.p90_abs_error:.1%}",
        f"{found.bias:+.1%}",
        f"{flat.median_abs_error:.1%}" if flat else "",
        f"{share:.0%}" if share is not None else "",
    )


def rows_of(report: Report, cut: Cut) -> list[tuple[str, ...]]:
    """A table of errors, one row for each part."""
    return [cells(name, rows) for name, rows in groups_of(report.scored, cut)]


def total_rows(report: Report) -> list[tuple[str, ...]]:
    """Errors of all rows, of those without a mark, and of those whose measurement is a rate of FLOPs."""
    out = [cells("all", report.scored)]
    unmarked = [s for s in report.scored if not s.answer.row.mark]
    if len(unmarked) < len(report.scored):
        out.append(cells("without marked rows", unmarked))
    return [*out, cells("from rates of FLOPs", report.derived)] if report.derived else out


def headline(report: Report) -> str:
    """The report in one sentence."""
    out = f"{report.kind}: {len(report.answers)} of {report.rows} rows predicted"
    found = summary([s.residual for s in report.scored])
    if found is None:
        return out + "; none has an outcome to compare with."
    flat = summary(flats(report.scored))
    beside = f", a flat rule {flat.median_abs_error:.1%}" if flat else ""
    what = WHAT.get(report.kind, report.kind)
    out += (
        f"; the error of {what} over {found.rows} rows is {found.median_abs_error:.1%} in the median and "
        f"{found.p90_abs_error:.1%} at p90{beside}"
    )
    if report.kind == "training-runs":
        known = summary([s.residual for s in report.scored if hours_of(s) == PUBLISHED])
        if known:
            out += f"; over the {known.rows} whose hours were published, {known.median_abs_error:.1%}"
    return out + "."


def reasons(report: Report) -> list[tuple[str, list[str]]]:
    """Refusals by reason, the commonest first."""
    out: dict[str, list[str]] = {}
    for name, why in report.refused:
        out.setdefault(why, []).append(name)
    return sorted(out.items(), key=lambda each: (-len(each[1]), each[0]))


# -- text ----------------------------------------------------------------------------------------------------------


def table(report: Report) -> str:
    """The report for a terminal."""
    import textwrap

    lines = textwrap.wrap(clean(headline(report)), 80)
    if report.scored:
        blocks: list[tuple[str, ...]] = [*total_rows(report)]
        for cut in cuts(report):
            blocks += [("", *[""] * 8), (f"by {cut[0]}", *[""] * 8), *rows_of(report, cut)]
        lines += ["", columns(HEADINGS, blocks, right=range(1, 9))]
        worst = sorted(parts(report, ("group", lambda s: s.residual.group)), key=lambda g: -g[1].median_abs_error)[:8]
        lines += ["", "Groups that are furthest off:"]
        lines += [f"  {clean(name)}: {g.median_abs_error:.1%} ({g.bias:+.1%}), {g.rows} rows" for name, g in worst]
    if report.refused:
        lines += ["", f"Refused, {len(report.refused)} rows:"]
        for why, names in reasons(report):
            shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
            lines += textwrap.wrap(clean(f"- {why}: {shown}"), 80, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines)


def markdown(report: Report) -> str:
    """The report as Markdown."""
    lines = [f"**{_md(headline(report))}**"]
    if report.scored:
        lines += ["", *md_table(HEADINGS, total_rows(report))]
        for cut in cuts(report):
            lines += ["", f"### By {cut[0]}", "", *md_table(HEADINGS, rows_of(report, cut))]
    if report.refused:
        lines += ["", "### Refused", ""]
        lines += [f"- {_md(why)}: {len(names)} rows" for why, names in reasons(report)]
    return "\n".join(lines)


def md_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table with numbers to the right."""
    rule = "| --- " + "| ---: " * (len(headings) - 1) + "|"
    return [f"| {' | '.join(headings)} |", rule, *(f"| {' | '.join(_md(cell) for cell in row)} |" for row in rows)]


def _md(text: str) -> str:
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|")


# -- page ----------------------------------------------------------------------------------------------------------

SIZE, MARGIN = 640, 60
COLOURS = {"dense": "#1b6ca8", "experts": "#c8553d", "adapters": "#4f8a3d"}
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:1rem 0}"
    "td,th{padding:.15rem .7rem;text-align:right;border-bottom:1px solid #ddd}"
    "td:first-child,th:first-child{text-align:left}"
    "svg{width:100%;max-width:640px;height:auto}text{font:12px sans-serif}"
)


def page(report: Report) -> str:
    """A page of its own: the sentence, predicted against measured, and the tables; no scripts, nothing fetched."""
    body = [f"<h1>aiplan validate: {_h(report.kind)}</h1>", f"<p>{_h(headline(report))}</p>"]
    if report.scored:
        body += [scatter(report), html_table(HEADINGS, total_rows(report))]
        for cut in cuts(report):
            body += [f"<h2>By {_h(cut[0])}</h2>", html_table(HEADINGS, rows_of(report, cut))]
    if report.refused:
        items = "".join(f"<li>{_h(why)}: {_h(', '.join(names))}</li>" for why, names in reasons(report))
        body += [f"<h2>Refused, {len(report.refused)} rows</h2>", f"<ul>{items}</ul>"]
    head = f'<meta charset="utf-8"><title>aiplan validate: {_h(report.kind)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(body) + "\n</body></html>"


def html_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An HTML table; every cell is escaped."""
    head = "".join(f"<th>{_h(cell)}</th>" for cell in headings)
    lines = ["<tr>" + "".join(f"<td>{_h(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    return f"<table><tr>{head}</tr>" + "".join(lines) + "</table>"


def scatter(report: Report) -> str:
    """Predicted against measured, both logarithmic, in the kind's own unit; on the line they agree."""
    from aiplan.validate import UNITS

    points = [(s.measured_value, s.answer.value, s) for s in report.scored]
    ends = [v for x, y, _ in points for v in (x, y)]
    low, high = math.floor(math.log10(min(ends))), math.ceil(math.log10(max(ends)))
    high = max(high, low + 1)
    inner = SIZE - 2 * MARGIN

    def at(value: float) -> float:
        return MARGIN + inner * (math.log10(value) - low) / (high - low)

    out = [f'<svg viewBox="0 0 {SIZE} {SIZE}" role="img" aria-label="predicted against measured">']
    for power in range(low, high + 1):
        place, label = at(10.0**power), f"{10.0**power:g}"
        lines = f"M{place:.1f} {MARGIN}V{SIZE - MARGIN}M{MARGIN} {SIZE - place:.1f}H{SIZE - MARGIN}"
        out.append(f'<path d="{lines}" stroke="#e5e5e5"/>')
        out.append(f'<text x="{place:.1f}" y="{SIZE - MARGIN + 18}" text-anchor="middle">{label}</text>')
        out.append(f'<text x="{MARGIN - 6}" y="{SIZE - place + 4:.1f}" text-anchor="end">{label}</text>')
    out.append(f'<path d="M{MARGIN} {SIZE - MARGIN}L{SIZE - MARGIN} {MARGIN}" stroke="#888" stroke-dasharray="4 4"/>')
    for x, y, s in points:
        colour = COLOURS.get(s.residual.regimes[-2][1], "#555")
        told = _h(f"{s.answer.row.id}: {s.residual.group}, measured {x:.4g}, predicted {y:.4g}")
        where, title = f'cx="{at(x):.1f}" cy="{SIZE - at(y):.1f}"', f"<title>{told}</title>"
        out.append(f'<circle {where} r="3" fill="{colour}" fill-opacity=".5">{title}</circle>')
    for i, (work, colour) in enumerate(COLOURS.items()):
        out.append(f'<circle cx="{MARGIN + 14}" cy="{MARGIN + 14 + 18 * i}" r="4" fill="{colour}"/>')
        out.append(f'<text x="{MARGIN + 24}" y="{MARGIN + 18 + 18 * i}">{work}</text>')
    unit = _h(UNITS.get(report.kind, ""))
    out.append(f'<text x="{SIZE / 2}" y="{SIZE - 12}" text-anchor="middle">measured, {unit}</text>')
    out.append(f'<text transform="translate(16 {SIZE / 2}) rotate(-90)" text-anchor="middle">predicted, {unit}</text>')
    return "\n".join([*out, "</svg>"])


def _h(text: str) -> str:
    return html.escape(clean(text), quote=True)
