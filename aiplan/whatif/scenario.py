"""Scenario files: read, merged with their base, answered, and checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from aiplan import yamlio
from aiplan.answer import answer
from aiplan.errors import UserError, nearest
from aiplan.plan import facts, train
from aiplan.specs.question import read_question
from aiplan.specs.result import Check, Result
from aiplan.specs.scenario import Scenario, Variant
from aiplan.whatif import assertions

if TYPE_CHECKING:
    from aiplan.catalog import Catalog

MOST_BASES = 8


@dataclass(frozen=True, slots=True)
class Answered:
    """A scenario's result and whether its plan can be."""

    path: Path
    result: Result
    impossible: bool

    @property
    def failed(self) -> list[Check]:
        """Assertions that did not hold."""
        return [check for check in self.result.checks if check.kind == "assert" and not check.passed]


def read(path: Path) -> Scenario:
    """A scenario from a file, merged with its bases. Raises UserError with the place of what is wrong."""
    data = _merged(path, root=_root(path), chain=())
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        raise UserError(_explain(path, error)) from None


def _merged(path: Path, *, root: Path, chain: tuple[Path, ...]) -> dict[str, Any]:
    here = path.resolve()
    if here in chain:
        raise UserError(f"{path}: base files go in a circle: {' -> '.join(p.name for p in (*chain, here))}")
    if len(chain) > MOST_BASES:
        raise UserError(f"{path}: more than {MOST_BASES} base files above one another")
    data = yamlio.load(path)
    if not isinstance(data, dict):
        raise UserError(f"{path}: a scenario is a map that begins with 'aiplan: 1', not {type(data).__name__}")
    base = data.get("base")
    if base is None:
        return data
    if not isinstance(base, str):
        raise UserError(f"{path}: base is the path of one file, not {base!r}")
    parent = (path.parent / base).resolve()
    if not parent.is_relative_to(root):
        raise UserError(f"{path}: base {base!r} is outside {root}")
    if not parent.is_file():
        raise UserError(f"{path}: there is no base file {base!r}")
    return merge(_merged(parent, root=root, chain=(*chain, here)), data)


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Two maps as one: maps merge deep, lists and scalars replace, null removes.

    >>> merge({"set": {"params": "1T", "pue": 1.2}}, {"set": {"pue": None}})
    {'set': {'params': '1T'}}
    """
    out = dict(base)
    for key, value in over.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict):
            below = out.get(key)
            out[key] = merge(below if isinstance(below, dict) else {}, value)
        else:
            out[key] = value
    return out


def _root(path: Path) -> Path:
    """The folder that base files must stay in: the checkout or the scenarios folder, else the file's own."""
    here = path.resolve().parent
    for folder in (here, *here.parents):
        if (folder / ".git").exists() or (folder / "aiplan.yaml").exists() or folder.name == "scenarios":
            return folder
    return here


def _explain(path: Path, error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        names = [f.alias or n for n, f in Scenario.model_fields.items()]
        key = str(first["loc"][-1])
        hint = nearest(key, names) if len(first["loc"]) == 1 else ""
        return f"{path}: there is no key {key!r}{hint or '; allowed: ' + ', '.join(names)}"
    if first["type"] == "missing":
        return (
            f"{path}: the key {place!r} is missing{'; a scenario begins with aiplan: 1' if place == 'aiplan' else ''}"
        )
    return f"{path}: {place}: {first['msg'][:1].lower()}{first['msg'][1:]}, but it is {str(first['input'])[:60]!r}"


def run(
    path: Path,
    catalog: Catalog,
    defaults: dict[str, Any] | None = None,
    *,
    settings: dict[str, Any] | None = None,
    limits: dict[str, Any] | None = None,
) -> Answered:
    """Answer a scenario; `settings` and `limits` of a command line win over the file."""
    scenario = read(path)
    if "tokens" in (scenario.ask, scenario.ours and scenario.ours.ask):
        import aiplan.tokens.formulas  # noqa: F401  (its quantities may be named in assertions)
    parsed = [(assertions.parse(text, str(path)), "assert") for text in scenario.assert_]
    parsed += [(assertions.parse(text, str(path)), "warn") for text in scenario.warn]
    names = list(dict.fromkeys(a.quantity for a, _ in parsed))
    main = Variant(set=scenario.set | (settings or {}), limit=scenario.limit | (limits or {}))
    result, impossible = _solve(main, scenario.ask, names, scenario.name or path.stem, path, catalog, defaults)
    result.checks = [a.check(result, kind) for a, kind in parsed]
    if scenario.claim:
        result.claim = scenario.claim.model_dump()
    if scenario.ours:
        beside = [assertions.parse(text, str(path)) for text in scenario.ours.assert_]
        more = list(dict.fromkeys([*names, *(a.quantity for a in beside)]))
        ours, _ = _solve(scenario.ours, scenario.ours.ask or scenario.ask, more, "ours", path, catalog, defaults)
        result.ours = ours
        result.checks += [_of_ours(a.check(ours)) for a in beside]
    return Answered(path, result, impossible)


def _of_ours(check: Check) -> Check:
    """A condition on our own answer, told apart from those on the claim's."""
    return replace(check, text=f"{check.text}, in our own answer", message=f"in our own answer, {check.message}")


def _solve(
    variant: Variant,
    ask: str,
    names: list[str],
    title: str,
    path: Path,
    catalog: Catalog,
    defaults: dict[str, Any] | None,
) -> tuple[Result, bool]:
    if ask == "tokens":
        from aiplan.tokens.scenario import solve

        return solve(variant.set, variant.limit, names, title, path)
    question = read_question(variant.set, variant.limit, ask=ask, where=str(path))
    if ask == "facts":
        if not names:
            raise UserError(f"{path}: 'ask: facts' answers the quantities that assertions name, and there are none")
        plan = facts(question, catalog, names, defaults)
        return answer(plan, ask=ask, asks=names, name=title), plan.impossible
    plan = train(question, catalog, defaults, more=names)
    return answer(plan, ask=ask, name=title), plan.impossible
