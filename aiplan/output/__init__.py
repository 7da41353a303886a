"""Ways to print a result. Each format is a module of its own, imported when it is asked for."""

from __future__ import annotations

from aiplan.specs.result import Result


def render(results: list[Result], form: str, *, everything: bool = False, many: bool = False) -> str:
    """The text of one result or several in a format: table, json, jsonl, csv, md or yaml.

    `many` keeps the plural form of JSON even for a single result.
    """
    if form == "table":
        from aiplan.output.table import table

        return "\n\n".join(table(result, everything=everything) for result in results)
    if form == "md":
        from aiplan.output.markdown import markdown

        return "\n\n".join(markdown(result, everything=everything) for result in results)
    from aiplan.output import structured

    return structured.render(results, form, many=many)


def clean(text: str) -> str:
    """Text without control characters, which a terminal would obey, and not at first sight a command of a CI log.

    >>> clean("a\\x1b[31mb"), clean("::error::x")
    ('a[31mb', ': :error::x')
    """
    out = "".join(c for c in text if c.isprintable())
    return out.replace("::", ": :", 1) if out.lstrip().startswith("::") else out


def escaped(text: str) -> str:
    """Text for Markdown that is neither table, link, code nor HTML.

    >>> escaped("<b>|[x](y)`")
    '&lt;b&gt;\\\\|\\\\[x\\\\](y)\\\\`'
    """
    out = clean(text).replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in "|[]`*":
        out = out.replace(mark, f"\\{mark}")
    return out
