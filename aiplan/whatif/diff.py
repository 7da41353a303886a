"""Two plans compared: what changed, by how much, which inputs made it so, and which assertions turned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiplan.errors import UserError
from aiplan.plan import TRAIN
from aiplan.specs.result import Result
from aiplan.whatif.asked import again, first_names, value_of
from aiplan.whatif.baseline import Known

if TYPE_CHECKING:
    from aiplan.catalog import Catalog

SAME = 1e-9
MOST_INPUTS = 40
MAIN = ("run_cost", "training_days", "cost", "document_tokens")  # the first that both sides have is looked at
FILES = ("doc", "tokenizer", "prices")
SIZES = ("documents", "document_bytes", "document_words", "document_pages", "document_images")
PROGRAM = "program or catalogue"
TOGETHER = "several inputs together"


@dataclass(frozen=True, slots=True)
class Change:
    """A quantity that changed; None where it has no value."""

    name: str
    unit: str
    before: float | None
    after: float | None

    @property
    def share(self) -> float | None:
        """The change as a share of what it was."""
        if self.before is None or self.after is None or self.before == 0:
            return None
        return self.after / self.before - 1


@dataclass(slots=True)
class Cause:
    """An input that changed as it was written, None where it was not; and what of the change it makes."""

    name: str
    before: str | None
    after: str | None
    amount: float | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Turned:
    """An assertion that holds on one side alone, or is there on one side alone; None where it is not."""

    text: str
    before: bool | None
    after: bool | None
    message: str


@dataclass(slots=True)
class Difference:
    """One plan before and after; a plan that is on one side alone has nothing on the other."""

    name: str
    before: Result | None
    after: Result | None
    of: str = "run_cost"
    changes: list[Change] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)
    turned: list[Turned] = field(default_factory=list)

    def change(self, name: str) -> Change | None:
        """The change of one quantity, where it changed."""
        return next((c for c in self.changes if c.name == name), None)


def differences(
    before: Sequence[Known], after: Sequence[Known], catalog: Catalog, defaults: dict[str, Any] | None
) -> list[Difference]:
    """The plans of both sides in pairs: by key and point, else by title; a single plan each is a pair anyway."""
    out: list[Difference] = []
    left = list(before)
    for new in after:
        old = _partner(left, new, len(before) == len(after) == 1)
        if old is not None:
            left.remove(old)
        name = new.result.name or new.key or new.point or "plan"
        out.append(_difference(name, old, new, catalog, defaults))
    gone = [Difference(old.result.name or old.key or old.point or "plan", old.result, None) for old in left]
    return [*out, *gone]


def _partner(left: list[Known], new: Known, only: bool) -> Known | None:
    if only:
        return left[0]
    for old in left:
        if (old.key, old.point) == (new.key, new.point) and (new.key or new.point):
            return old
    return next((old for old in left if old.result.name and old.result.name == new.result.name), None)


def _difference(
    name: str, old: Known | None, new: Known, catalog: Catalog, defaults: dict[str, Any] | None
) -> Difference:
    before, after = old.result if old else None, new.result
    out = Difference(name, before, after)
    if old is None or before is None:
        return out
    out.changes = changes(before, after)
    out.turned = turned(before, after)
    known = (*MAIN, *(change.name for change in out.changes))
    out.of = next((n for n in known if _value(before, n) is not None and _value(after, n) is not None), "run_cost")

    def at(inputs: Mapping[str, Any]) -> float | None:
        return _answer(after.ask, inputs, out.of, catalog, defaults)

    out.causes = causes(old, new, out.of, at)
    return out


def _value(result: Result, name: str) -> float | None:
    return result.quantities[name].value if name in result.quantities else None


def changes(before: Result, after: Result) -> list[Change]:
    """Every quantity that differs, in the order of a plan's answer."""
    names = [n for n in TRAIN if n in before.quantities or n in after.quantities]
    names += [n for n in (*after.quantities, *before.quantities) if n not in names]
    out = []
    for name in dict.fromkeys(names):
        old, new = _value(before, name), _value(after, name)
        if old == new or (old is not None and new is not None and abs(new - old) <= SAME * max(abs(old), abs(new))):
            continue
        found = after.quantities.get(name) or before.quantities[name]
        out.append(Change(name, found.unit, old, new))
    return out


def turned(before: Result, after: Result) -> list[Turned]:
    """Assertions that came out otherwise, are new and fail, or are gone."""
    old = {c.text: c for c in before.checks if c.kind == "assert" and "baseline" not in c.text}
    new = {c.text: c for c in after.checks if c.kind == "assert"}
    out = []
    for text, check in new.items():
        was = old[text].passed if text in old else None
        if was != check.passed and not (was is None and check.passed):
            out.append(Turned(text, was, check.passed, check.message))
    out += [Turned(text, check.passed, None, "no longer asserted") for text, check in old.items() if text not in new]
    return out


# -- causes ----------------------------------------------------------------------------------------------------


def causes(old_side: Known, new_side: Known, of: str, at: Callable[[Mapping[str, Any]], float | None]) -> list[Cause]:
    """What was written otherwise, and what each makes of the change of `of`.

    Each input is changed first, with all others as they were, and last, with all others as they are now; the mean of
    both is its part, so no order is preferred. What is left is what several do together, and what is not in the
    inputs at all: the program or the catalogue, where the first side was saved. `at` answers inputs.
    """
    before, after = old_side.result, new_side.result
    old, new = _typed(old_side), _typed(new_side)
    changed = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
    out = [Cause(name, _said(old.get(name)), _said(new.get(name))) for name in changed]
    start, end = _value(before, of), _value(after, of)
    if start is None or end is None or before.ask != after.ask or before.ask == "facts" or len(changed) > MOST_INPUTS:
        return out
    total = end - start
    first, last = at(old), at(new)
    if first is None or last is None:
        return out
    explained = 0.0
    for cause in out:
        ahead = at(_with(old, new, cause.name)) if len(changed) > 1 else last
        behind = at(_with(new, old, cause.name)) if len(changed) > 1 else first
        parts = [part for part in (_minus(ahead, first), _minus(last, behind)) if part is not None]
        if parts:
            cause.amount = sum(parts) / len(parts)
            explained += cause.amount
    rest = (last - first) - explained
    if len(changed) > 1 and abs(rest) > 1e-3 * abs(total):
        out.append(Cause(TOGETHER, None, None, rest))
    drift = total - (last - first)
    if abs(drift) > 1e-6 * max(abs(start), abs(end)):
        out.append(Cause(PROGRAM, before.aiplan_version or None, after.aiplan_version or None, drift))
    if total:
        for cause in out:
            cause.share = None if cause.amount is None else cause.amount / total
    out.sort(key=lambda c: -abs(c.amount or 0.0))
    return out


@dataclass(frozen=True, slots=True)
class Files:
    """Files that an input names: the same where their names and their sizes are, wherever they lie."""

    text: str
    sizes: tuple[float | None, ...]
    folder: Path | None = field(compare=False)
    tokens: float | None = field(compare=False)

    def __str__(self) -> str:
        words = self.sizes[SIZES.index("document_words")] if self.sizes else None
        return self.text if words is None else f"{self.text} ({words:,.0f} words)"

    def settings(self, name: str) -> dict[str, Any]:
        """What to set to read them again; of documents that are no longer there, how long they were."""
        if self.folder is None and name == "doc":
            return {} if self.tokens is None else {"document_tokens": self.tokens}
        return {name: str((self.folder or Path()) / self.text)}


def _typed(side: Known) -> dict[str, Any]:
    found = side.result
    out = {n: value for n, value in found.inputs.items() if n not in ("draws", "seed", "search_each_draw")}
    if found.ask == "tokens":
        sizes = tuple(_value(found, name) for name in SIZES)
        for name in (n for n in FILES if n in out):
            of = sizes if name == "doc" else ()
            out[name] = Files(str(out[name]), of, side.folder, _value(found, "document_tokens"))
    return out


def _said(value: Any) -> str | None:
    return None if value is None else str(value)


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _with(base: Mapping[str, Any], other: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The inputs with one of them as on the other side, where it may be absent."""
    out = {n: v for n, v in base.items() if n != name}
    return out | ({name: other[name]} if name in other else {})


def _answer(
    ask: str, inputs: Mapping[str, Any], of: str, catalog: Catalog, defaults: dict[str, Any] | None
) -> float | None:
    """An answer to the question that these inputs ask, at the central values of what varies; None if there is none."""
    plain: dict[str, Any] = {}
    for name, value in inputs.items():
        plain |= value.settings(name) if isinstance(value, Files) else {name: value}
    try:
        asked = again(ask, plain, catalog, defaults)
        return value_of(asked.solve(first_names(asked.vary), [of]), of)
    except UserError:
        return None
