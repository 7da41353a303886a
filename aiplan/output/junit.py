"""JUnit XML, which Jenkins, GitLab and most others show as tests: a suite a plan, a case a condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiplan.output import clean

if TYPE_CHECKING:
    from aiplan.whatif.verdict import Verdict


def junit(verdicts: Sequence[Verdict]) -> str:
    """The verdicts as JUnit XML; a warning is a passed case with its text as output."""
    total = sum(len(v.lines) for v in verdicts)
    failures = sum(line.outcome == "FAILED" for v in verdicts for line in v.lines)
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="aiplan" tests="{total}" failures="{failures}">',
    ]
    for verdict in verdicts:
        wrong = sum(line.outcome == "FAILED" for line in verdict.lines)
        out.append(f'  <testsuite name="{xml(verdict.name)}" tests="{len(verdict.lines)}" failures="{wrong}">')
        for line in verdict.lines:
            case = f'    <testcase classname="{xml(verdict.name)}" name="{xml(line.text)}"'
            if line.outcome == "FAILED":
                place = f"{line.file}:{line.line}"
                out += [
                    f"{case}>",
                    f'      <failure message="{xml(line.message)}">{xml(place)}: {xml(line.message)}</failure>',
                    "    </testcase>",
                ]
            elif line.outcome == "warning":
                said = xml(f"warning: {line.message}")
                out += [f"{case}>", f"      <system-out>{said}</system-out>", "    </testcase>"]
            else:
                out.append(f"{case}/>")
        out.append("  </testsuite>")
    return "\n".join([*out, "</testsuites>"])


def xml(text: str) -> str:
    """Text for XML, without the characters that XML cannot hold.

    >>> xml('a < b & "c"\\x1b')
    'a &lt; b &amp; &quot;c&quot;'
    """
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
