"""Levers on what reading documents costs: another model, batches, a cache, fewer tokens in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from aiplan import units
from aiplan.errors import UserError
from aiplan.tokens.asked import Documents, Read
from aiplan.tokens.models import Registry
from aiplan.whatif.asked import first_names, value_of
from aiplan.whatif.levers import Assumed, NotHere, Together

SHOWN = ("cost", "document_tokens", "reading_time", "answer_time")
ASSUMED = {
    "excerpts": Assumed(
        0.5, "", "share of the documents' tokens that is sent, where a search picks the parts", "our judgement"
    ),
    "answer": Assumed(0.5, "", "share of the answer's tokens that a shorter one needs", "our judgement"),
    "cached": Assumed(
        0.5,
        "",
        "share of the documents' tokens that is read from a cache",
        "our judgement; a text that every request begins with may be most of it",
    ),
}
TITLES = {
    "model": "cheapest model",
    "batch": "batch processing",
    "cached": "caching",
    "excerpts": "excerpts alone",
    "answer": "shorter answer",
    "text": "text instead of pages",
}


@dataclass(frozen=True, slots=True)
class State:
    """Documents on their way, and the answer about them."""

    asked: Documents
    read: Read

    def value(self, name: str) -> float | None:
        """A value of the answer."""
        return value_of(self.read, name)


@dataclass(slots=True)
class DocumentLevers:
    """The levers of documents; `models` are those to choose from."""

    asked: Documents
    own: Mapping[str, float] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    shown: tuple[str, ...] = field(default=SHOWN, init=False)
    ratios: Mapping[str, str] = field(default_factory=lambda: {"cost": "per dollar"}, init=False)
    assumed: Mapping[str, Assumed] = field(default_factory=lambda: ASSUMED, init=False)
    titles: Mapping[str, str] = field(default_factory=lambda: TITLES, init=False)
    together: tuple[Together, ...] = field(
        default=(Together("all but the model", ("model",)), Together("all together")), init=False
    )

    def start(self) -> State:
        """The documents as they are read, at the central values of what varies."""
        asked = self.asked
        settings = {**asked.settings, **first_names(asked.vary)}
        values = {**asked.values, **{i.name: i.centre for i in asked.vary if i.kind != "names"}}
        found = self._solved(replace(asked, settings=settings, values=values, vary=[]))
        if "model" not in settings:
            raise UserError(f"{asked.path}: what a lever does depends on the model: set model")
        return found

    def value(self, name: str) -> float:
        """What a lever rests on, the user's own where it is set."""
        return self.own.get(name, ASSUMED[name].value)

    def _solved(self, asked: Documents) -> State:
        return State(asked, asked.solve({}))

    def _set(self, state: State, name: str, choice: str) -> State:
        return self._solved(replace(state.asked, settings={**state.asked.settings, name: choice}))

    def _give(self, state: State, name: str, value: float) -> State:
        return self._solved(replace(state.asked, values={**state.asked.values, name: value}))

    def choose_model(self, state: State) -> tuple[State, str]:
        """The model that costs least, of those that take all of it."""
        now, best = str(state.asked.settings["model"]), state
        own = state.asked.settings.get("prices")
        for name in self.models or Registry(state.asked.path.parent / str(own) if own else None).shown:
            found = self._set(state, "model", name)
            whole = found.value("fits_context") == 1.0 and not any(
                w.code == "left-out" for w in found.read.result.warnings
            )
            if whole and (found.value("cost") or _MOST) < (best.value("cost") or _MOST):
                best = found
        if best is state:
            raise NotHere(f"{now} costs least already, of those that take all of it")
        name = best.read.result.choices["model"]
        return best, f"{name} instead of {now}: it costs least of those that take all of it; its quality is not judged"

    def batch(self, state: State) -> tuple[State, str]:
        """The price of requests that may wait."""
        found = self._set(state, "batch", "yes")
        return self._cheaper(state, found, "no lower price of batches is known"), "the price of requests that may wait"

    def cache(self, state: State) -> tuple[State, str]:
        """More of the documents read from a cache."""
        share = self.value("cached")
        if (state.value("cached_share") or 0.0) >= share:
            raise NotHere(f"{units.show(state.value('cached_share'), '', 'cached_share')} is read from a cache already")
        found = self._give(state, "cached_share", share)
        return (
            self._cheaper(state, found, "no lower price of cached tokens is known"),
            f"{share:.0%} of the documents' tokens from a cache; what keeping it there costs is not counted",
        )

    def send_excerpts(self, state: State) -> tuple[State, str]:
        """The parts that matter, without the rest."""
        share, tokens = self.value("excerpts"), state.value("document_tokens") or 0.0
        found = self._give(state, "document_tokens", tokens * share)
        return found, f"{share:.0%} of the documents' tokens, {units.show(tokens * share, 'token')}"

    def answer_shorter(self, state: State) -> tuple[State, str]:
        """A shorter answer."""
        share, tokens = self.value("answer"), state.value("answer_tokens") or 0.0
        if not tokens:
            raise NotHere("no answer is asked for")
        found = self._give(state, "answer_tokens", tokens * share)
        before, after = units.show(tokens, "token"), units.show(tokens * share, "token")
        return found, f"an answer of {after} tokens instead of {before}"

    def send_text(self, state: State) -> tuple[State, str]:
        """The text of pages, without their pictures."""
        if str(state.asked.settings.get("as", "text")) == "text":
            raise NotHere("documents are sent as text already")
        found = self._set(state, "as", "text")
        return self._cheaper(state, found, "their text costs no less"), "the text of the pages alone"

    def _cheaper(self, state: State, found: State, why_not: str) -> State:
        if (found.value("cost") or _MOST) >= (state.value("cost") or _MOST):
            raise NotHere(why_not)
        return found

    def each(self) -> dict[str, Callable[[State], tuple[State, str]]]:
        """The levers by name, in the order in which they are pulled together: tokens are counted by the model."""
        return {
            "text": self.send_text,
            "model": self.choose_model,
            "excerpts": self.send_excerpts,
            "answer": self.answer_shorter,
            "cached": self.cache,
            "batch": self.batch,
        }


_MOST = float("inf")
