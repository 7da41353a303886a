"""Scenario files answered and checked: one plan, several named ones, or a grid of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aiplan.answer import answer, unplanned
from aiplan.errors import LayoutError, UserError
from aiplan.plan import Plan, facts, train
from aiplan.specs.question import CHOICES, Choices, Question, read_question
from aiplan.specs.result import Check, Result
from aiplan.specs.scenario import Scenario, Variant
from aiplan.whatif import assertions
from aiplan.whatif.assertions import Assertion
from aiplan.whatif.files import Keys, merge, place, read, read_all

if TYPE_CHECKING:
    from aiplan.catalog import Catalog
    from aiplan.whatif.draws import Draws, Model
    from aiplan.whatif.grid import Grid
    from aiplan.whatif.inputs import Input

T = TypeVar("T")
TYPED = Path("command line")
"""Where a scenario is that was typed and stands in no file."""

__all__ = ["Answered", "Over", "answer_one", "merge", "read", "read_all", "run", "run_all"]


@dataclass(frozen=True, slots=True)
class Answered:
    """A scenario's result and whether its plan can be; of a file with several plans, which one, and which point."""

    path: Path
    result: Result
    impossible: bool
    key: str = ""
    point: dict[str, str] = field(default_factory=dict)
    draws: Draws | None = None

    @property
    def failed(self) -> list[Check]:
        """Assertions that did not hold."""
        return [check for check in self.result.checks if check.kind == "assert" and not check.passed]

    @property
    def status(self) -> str:
        """What became of the plan."""
        return "impossible" if self.impossible else "failed" if self.failed else "ok"


@dataclass(slots=True)
class Over:
    """What a command line says over a file, and how many draws are made; `draws` None: only where something varies."""

    set: dict[str, Any] = field(default_factory=dict)
    limit: dict[str, Any] = field(default_factory=dict)
    vary: dict[str, Any] = field(default_factory=dict)
    sweep: dict[str, Any] = field(default_factory=dict)
    assert_: list[str] = field(default_factory=list)
    draws: int | None = None
    seed: int = 0
    most_points: int = 10_000
    bare: bool = False  # whether only conditions are looked at, so that intervals need not be known
    search: bool = False  # whether the layout is searched anew at each draw
    baseline: Callable[[str, str, str], Result | None] | None = None


def run(
    path: Path,
    catalog: Catalog,
    defaults: dict[str, Any] | None = None,
    *,
    settings: dict[str, Any] | None = None,
    limits: dict[str, Any] | None = None,
) -> Answered:
    """Answer a file that holds one plan; `settings` and `limits` of a command line win over the file."""
    answers = run_all(path, catalog, defaults, Over(set=settings or {}, limit=limits or {}))
    if len(answers) != 1:
        raise UserError(f"{path}: {len(answers)} plans, where one is asked")
    return answers[0]


def run_all(
    path: Path, catalog: Catalog, defaults: dict[str, Any] | None = None, over: Over | None = None
) -> list[Answered]:
    """Answer every plan of a file, and every point of a plan that is swept."""
    over = over or Over()
    out: list[Answered] = []
    for key, scenario in read_all(path).items():
        laid = overlaid(scenario, over)
        title = laid.name or path.stem
        if not laid.sweep:
            out.append(answer_one(path, key, laid, title, catalog, defaults, over))
            continue
        from aiplan.whatif import grid

        points = grid_from(path, key, laid, over.most_points)
        for point in map(points.at, points.kept()):
            named = f"{title}: {grid.title(point)}"
            out.append(answer_one(path, key, laid, named, catalog, defaults, over, point))
    return out


def overlaid(scenario: Scenario, over: Over) -> Scenario:
    """The scenario with what the command line says over it; what is set no longer varies, nor is it swept."""
    name_of = _name_of(scenario.ask)
    fixed, vary, sweep = {name_of(n) for n in over.set}, _called(over.vary, name_of), _called(over.sweep, name_of)

    def left(found: Mapping[str, Any], *told: Iterable[str]) -> dict[str, Any]:
        return {n: v for n, v in _called(found, name_of).items() if not any(n in names for names in told)}

    return scenario.model_copy(
        update={
            "set": {n: v for n, v in scenario.set.items() if n in over.set or name_of(n) not in fixed} | over.set,
            "limit": scenario.limit | over.limit,
            "vary": left(scenario.vary, fixed, sweep) | vary,
            "sweep": left(scenario.sweep, fixed, vary) | sweep,
            "skip": [_called(entry, name_of) for entry in scenario.skip],
            "assert_": [*scenario.assert_, *over.assert_],
        }
    )


def _name_of(ask: str) -> Callable[[str], str]:
    """What a key stands for where it varies or is swept."""
    if ask == "tokens":
        from aiplan.tokens.keys import canonical

        return canonical
    return str


def _called(found: Mapping[str, Any], name_of: Callable[[str], str]) -> dict[str, Any]:
    return {name_of(name): value for name, value in found.items()}


def grid_from(path: Path, key: str, scenario: Scenario, most: int) -> Grid:
    """The grid of a scenario's sweep. Raises UserError with the place of what is wrong."""
    from aiplan.whatif import grid

    choices = choices_of("tokens") if scenario.ask == "tokens" else grid.NAMED
    both = [name for name in scenario.sweep if name in scenario.vary]
    if both:
        raise UserError(f"{_at(path, key, ('vary', both[0]))}: {both[0]} is both swept and varied")
    axes = [
        _placed(path, key, ("sweep", name), grid.read_axis, name, raw, most=most, choices=choices)
        for name, raw in scenario.sweep.items()
    ]
    return grid.grid_of(axes, scenario.skip, most=most, where=str(path), choices=choices)


def answer_one(
    path: Path,
    key: str,
    scenario: Scenario,
    title: str | None,
    catalog: Catalog,
    defaults: dict[str, Any] | None,
    over: Over,
    point: Any = None,
) -> Answered:
    """Answer one plan, at one point of its sweep where it has one."""
    if "tokens" in (scenario.ask, scenario.ours and scenario.ours.ask):
        import aiplan.tokens.formulas  # noqa: F401  (its quantities may be named in assertions)
    parsed = conditions(path, key, scenario, over)
    names = list(dict.fromkeys(a.quantity for a, _ in parsed))
    main = Variant(set=scenario.set, limit=scenario.limit)
    draws: Draws | None = None
    if scenario.ask == "tokens":
        result, impossible, draws = _tokens(path, key, main, scenario, names, title, over, point or {})
    else:
        question = question_of(path, key, main, scenario.ask)
        if point:
            from aiplan.whatif import grid

            question = grid.at_point(question, point)
        bare = over.bare and not any(a.percentile for a, _ in parsed)
        over_ = replace(over, bare=bare)
        try:
            result, impossible, draws = _solve(
                path, key, question, scenario, names, title, catalog, defaults, over_, repair=not point
            )
        except LayoutError as error:
            if not point:
                raise
            result, impossible = unplanned(question, names, title, str(error)), True
    texts = {name: step.text for name, step in (point or {}).items()}
    needs = any(a.relative is not None for a, _ in parsed)
    where = ", ".join(f"{name} {text}" for name, text in texts.items())
    baseline = over.baseline(key, where, result.name or "") if over.baseline and needs else None
    result.checks = [a.check(result, kind, baseline) for a, kind in parsed]
    if scenario.claim:
        result.claim = scenario.claim.model_dump()
    if scenario.ours:
        beside = [assertions.parse(text, str(path)) for text in scenario.ours.assert_]
        more = list(dict.fromkeys([*names, *(a.quantity for a in beside)]))
        asked = scenario.ours.ask or scenario.ask
        if asked == "tokens":
            ours, _, _ = _tokens(path, key, scenario.ours, Scenario(aiplan=1), more, "ours", Over(), {})
        else:
            ours_question = question_of(path, key, scenario.ours, asked, above=("ours",))
            plain = Scenario(aiplan=1, ask=asked)
            ours, _, _ = _solve(path, key, ours_question, plain, more, "ours", catalog, defaults, Over())
        result.ours = ours
        result.checks += [_of_ours(a.check(ours)) for a in beside]
    return Answered(path, result, impossible, key, texts, draws)


def _tokens(
    path: Path,
    key: str,
    variant: Variant,
    scenario: Scenario,
    names: list[str],
    title: str | None,
    over: Over,
    point: Mapping[str, Any],
) -> tuple[Result, bool, Draws | None]:
    from aiplan.tokens.scenario import solve

    settings = variant.set | {name: step.choice for name, step in point.items() if step.choice is not None}
    values = {name: step.value for name, step in point.items() if step.choice is None}
    draws: Draws | None = None
    if not scenario.vary and over.draws is None:
        result, lost = solve(settings, variant.limit, names, title or path.stem, path, values=values)
    else:
        from aiplan.tokens.asked import Documents
        from aiplan.whatif.percentiles import checked_count

        documents = Documents(settings, varied(path, key, scenario), path, variant.limit, values, title or path.stem)
        result, lost, draws = documents.drawn(names, count=checked_count(over.draws), seed=over.seed)
    result.inputs |= {name: step.text for name, step in point.items()}
    return result, lost, draws


def varied(path: Path, key: str, scenario: Scenario) -> list[Input]:
    """What varies in a scenario. Raises UserError with the place of what is wrong."""
    from aiplan.whatif.inputs import read_input

    choices = choices_of(scenario.ask)
    out = []
    for name, raw in scenario.vary.items():
        out.append(_placed(path, key, ("vary", name), read_input, name, raw, choices=choices))
    return out


def choices_of(ask: str) -> Choices:
    """What may be chosen by name in an answer of this kind."""
    if ask == "tokens":
        import aiplan.tokens.formulas  # noqa: F401  (its quantities may vary too)
        from aiplan.tokens.keys import CHOICES as of_documents

        return of_documents
    return CHOICES


def conditions(path: Path, key: str, scenario: Scenario, over: Over) -> list[tuple[Assertion, str]]:
    """The scenario's conditions, parsed. Raises UserError with the place of one that cannot be read."""
    relative = over.baseline is not None
    out = []
    for kind, texts in (("assert", scenario.assert_), ("warn", scenario.warn)):
        for i, text in enumerate(texts):
            keys: Keys = (kind, i)
            if kind == "assert" and i >= len(texts) - len(over.assert_):
                found = assertions.parse(text, "--assert", relative=relative)
            else:
                found = _placed(path, key, keys, assertions.parse, text, relative=relative)
            out.append((found, kind))
    return out


def question_of(path: Path, key: str, variant: Variant, ask: str, above: Keys = ()) -> Question:
    """The question that a variant of a scenario asks. Raises UserError with the place of what is wrong."""
    try:
        return read_question(variant.set, variant.limit, ask=ask, where=str(path))
    except UserError:
        for name, raw in variant.set.items():
            _placed(path, key, (*above, "set", name), read_question, {name: raw})
        for name, raw in variant.limit.items():
            _placed(path, key, (*above, "limit", name), read_question, {}, {name: raw})
        raise


def _where(path: Path, key: str, question: Question, catalog: Catalog, over: Over) -> str:
    """Which file, and of a name that the catalogue does not have which place in it, a plan's error is of."""
    if path == TYPED:
        return ""
    for kind in ("accelerator", "model", "site"):
        if name := question.choices.get(kind):
            try:
                catalog.id_of(kind, name)
            except UserError:
                if kind in {**over.set, **over.sweep, **over.vary}:
                    return ""
                places = [(word, kind) for word in ("set", "sweep", "vary")]
                return f"{place(path, *((('plans', key, *keys)) for keys in places if key), *places)}: "
    return f"{path}: {f'plan {key}: ' if key else ''}"


def _at(path: Path, key: str, keys: Keys) -> str:
    return place(path, *((("plans", key, *keys),) if key else ()), keys)


def _placed(path: Path, key: str, keys: Keys, read: Callable[..., T], *what: Any, **more: Any) -> T:
    """What `read` makes of something in the file; where it fails it is called again with the place of the key."""
    try:
        return read(*what, where=str(path), **more)
    except UserError:
        return read(*what, where=_at(path, key, keys), **more)


def _of_ours(check: Check) -> Check:
    """A condition on our own answer, told apart from those on the claim's."""
    return replace(check, text=f"{check.text}, in our own answer", message=f"in our own answer, {check.message}")


def _solve(
    path: Path,
    key: str,
    question: Question,
    scenario: Scenario,
    names: list[str],
    title: str | None,
    catalog: Catalog,
    defaults: dict[str, Any] | None,
    over: Over,
    *,
    repair: bool = False,
) -> tuple[Result, bool, Draws | None]:
    asks = None
    if question.ask == "facts":
        if not names:
            raise UserError(f"{path}: 'ask: facts' answers the quantities that assertions name, and there are none")
        asks = names

    def plan_of(asked: Question) -> Plan:
        try:
            if asks is not None:
                return facts(asked, catalog, asks, defaults)
            return train(asked, catalog, defaults, more=names, repair=repair)
        except UserError as error:
            if isinstance(error, LayoutError) and not repair:
                raise
            raise type(error)(f"{_where(path, key, asked, catalog, over)}{error}") from None

    if not scenario.vary and over.draws is None:
        plan = plan_of(question)
        return answer(plan, ask=question.ask, asks=asks, name=title, bare=over.bare), plan.impossible, None
    from aiplan.whatif.draws import central, model_of, simulate
    from aiplan.whatif.percentiles import checked_count, drawn

    vary = varied(path, key, scenario)
    count = checked_count(over.draws, search=over.search)

    def under(names: dict[str, str]) -> Plan:
        return plan_of(central(question, vary, names))

    def ready(plan: Plan) -> Model:
        return model_of(plan, vary, search=over.search)

    plan, found = simulate(under, ready, vary, count=count, seed=over.seed, search=over.search)
    return drawn(plan, found, vary, ask=question.ask, asks=asks, name=title), plan.impossible, found
