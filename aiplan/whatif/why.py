"""The derivation of a quantity: formula, numbers, units and sources, as a tree."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from aiplan import evidence, units
from aiplan.errors import UserError
from aiplan.graph import GRAPH, Node
from aiplan.output import clean
from aiplan.plan import Plan
from aiplan.whatif.asked import Derived


def tree(plan: Derived, name: str) -> dict[str, Any]:
    """The derivation of one quantity of a plan as nested maps; a quantity that was shown before has no `inputs`."""
    if name not in plan.nodes:
        raise UserError(f"{name} has no value in this plan: {plan.unresolved.get(name, GRAPH[name].sentence)}")
    return _branch(plan, name, set())


def _branch(plan: Derived, name: str, seen: set[str]) -> dict[str, Any]:
    node: Node = plan.nodes[name]
    out: dict[str, Any] = {
        "quantity": name,
        "value": node.value,
        "unit": node.unit,
        "origin": node.origin,
        "sentence": GRAPH[name].sentence,
    }
    if node.why_null:
        out["why_null"] = node.why_null
    if node.formula:
        out["formula"] = node.formula.name
        out["equation"] = node.formula.equation
    if node.source:
        out["source"] = node.source
    if name not in seen:
        seen.add(name)
        out["inputs"] = [_branch(plan, source, seen) for source in node.inputs if source in plan.nodes]
    return out


DEEPEST = 9  # levels that are indented; what lies deeper stands under them


def _numbers(branch: dict[str, Any]) -> str | None:
    """The equation with the values of its inputs in place of their names."""
    below = {b["quantity"]: b for b in branch.get("inputs", ())}
    equation = branch.get("equation") or ""

    def shown(match: re.Match[str]) -> str:
        found = below.get(match[0])
        return match[0] if found is None else units.show(found["value"], found["unit"], match[0])

    out = re.sub(r"[A-Za-z_][A-Za-z0-9_]*", shown, equation)
    return None if out == equation else out


def text(branch: dict[str, Any], *, depth: int = 0, most: int | None = None, width: int = 80) -> str:
    """The tree for people, indented, down to `most` levels."""
    pad = "  " * min(depth, DEEPEST)
    name, value = branch["quantity"], branch["value"]
    shown = "unknown" if value is None else units.show(value, branch["unit"], name)
    origin = "" if branch["origin"] == "formula" else f"  [{branch['origin']}]"
    lines = [f"{pad}{name}  {shown}{origin}"]
    hidden = "inputs" not in branch and "formula" in branch
    if hidden:
        lines[0] += "  (derived above)"
    details = [branch["sentence"]] if depth == 0 and branch["sentence"] else []
    details += [f"since {branch['why_null']}"] if "why_null" in branch else []
    details += [f"= {branch['equation']}"] if branch.get("equation") and not hidden else []
    details += [f"= {numbers}"] if not hidden and (numbers := _numbers(branch)) else []
    details += [f"source: {branch['source']}"] if branch.get("source") and not hidden else []
    for line in details:
        lines.append(
            textwrap.fill(
                clean(line),
                width,
                initial_indent=f"{pad}    ",
                subsequent_indent=f"{pad}      ",
                break_long_words=False,
            )
        )
    if most is None or depth < most:
        lines += [text(below, depth=depth + 1, most=most, width=width) for below in branch.get("inputs", ())]
    return "\n".join(lines)


def evidence_of(plan: Plan, branch: dict[str, Any]) -> list[evidence.Evidence]:
    """The measured rows nearest to a plan, where a derivation rests on its predicted step time."""

    def rests(at: dict[str, Any]) -> bool:
        return at["quantity"] == "step_time" or any(rests(below) for below in at.get("inputs", ()))

    return evidence.of_plan(plan) if rests(branch) else []


def evidence_text(near: list[evidence.Evidence]) -> str:
    """The nearest rows for people; nothing where there are none."""
    if not near:
        return ""
    lines = ["", "", "Evidence for step_time", textwrap.fill(clean(evidence.note(near)), 80)]
    lines += [textwrap.fill(clean(f"- {e.says} ({e.id}, distance {e.distance:.1f})"), 80, subsequent_indent="  ")
              for e in near[1:]]  # fmt: skip
    return "\n".join(lines)
