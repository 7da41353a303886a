"""API models by name: vocabulary, picture rule, context window, speeds; and what they cost, by genai-prices.

A model that nobody knows is an error with the nearest names. A price that nobody knows is None with a reason, never 0.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from aiplan import units, yamlio
from aiplan.errors import UserError, nearest
from aiplan.tokens import ratios, vision

WINDOWS = Path(__file__).with_name("windows.yaml")
VENDORS = ("openai", "anthropic", "google", "deepseek", "mistral", "x-ai", "cohere", "perplexity", "moonshotai", "groq",
           "together", "fireworks", "openrouter", "novita", "aws", "azure", "cloudflare", "databricks")  # fmt: skip
"""Whose price is taken for a name that several sell: its maker's, then the usual hosts'."""
OWN_PRICE = "your own price"
OWN_KEYS = {
    "provider": str, "id": str, "vocabulary": str, "picture": str, "vendor": str, "source": str,
    "window": "token", "answer_window": "token", "reading_speed": "token/s", "writing_speed": "token/s",
    "input": "USD/token", "output": "USD/token", "cached": "USD/token", "batch_input": "USD/token",
    "batch_output": "USD/token",
}  # fmt: skip
CHOICES = {"vocabulary": tuple(ratios.RATIOS), "picture": tuple(vision.RULES)}
_DATED = re.compile(r"(-latest|[-@]\d{8}|-\d{4}-\d{2}-\d{2}|-v\d+(:\d+)?)$")
_DATE = re.compile(r"\b20\d\d-[01]\d-[0-3]\d\b")


@dataclass(frozen=True, slots=True)
class Price:
    """What one request costs [USD], or why that is not known."""

    input: float | None
    output: float | None
    as_of: str = ""
    source: str = ""
    why_null: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> float | None:
        """Input and output."""
        return None if self.input is None or self.output is None else self.input + self.output


@dataclass(frozen=True, slots=True)
class Model:
    """One model of one provider."""

    name: str
    provider: str
    vocabulary: str
    picture: str
    vendor: str
    window: float | None
    answer_window: float
    """Part of the window that only an answer can take."""
    reading_speed: float | None
    writing_speed: float | None
    source: str
    own: dict[str, Any] = field(default_factory=dict)
    listed: Any = None

    def price(
        self,
        tokens: float,
        answer: float,
        *,
        cached: float = 0.0,
        batch: bool = False,
        when: datetime | None = None,
        sound: float = 0.0,
    ) -> Price:
        """Cost of one request of `tokens` with an answer of `answer` tokens.

        `cached` is the share of the tokens from the cache, `sound` that of sound.
        """
        if "input" in self.own or "output" in self.own:
            return self._own_price(tokens, answer, cached, batch)
        if self.listed is None:
            return Price(None, None, why_null=f"no price of {self.name} is listed; --prices FILE gives one")
        return _listed_price(self, tokens, answer, cached, batch, when, sound)

    def rates(
        self,
        price: Price,
        tokens: float,
        answer: float,
        *,
        cached: float = 0.0,
        batch: bool = False,
        request: float | None = None,
    ) -> tuple[float | None, float | None]:
        """USD for each token that is read and written, at a price; also where none is.

        `request` is the length of one request, where `tokens` are those of many.
        """
        if price.input is None or price.output is None:
            return None, None
        one = price
        if not tokens or not answer:
            one = self.price(request or tokens or 1000.0, 1000.0, cached=cached, batch=batch)
        read = price.input / tokens if tokens else one.input / (request or 1000.0) if one.input is not None else None
        written = price.output / answer if answer else one.output / 1000.0 if one.output is not None else None
        return read, written

    def _own_price(self, tokens: float, answer: float, cached: float, batch: bool) -> Price:
        own = self.own
        keys = ("batch_input", "batch_output") if batch else ("input", "output")
        rate, out = own.get(keys[0]), own.get(keys[1])
        if rate is None or (out is None and answer):
            return Price(None, None, why_null=f"your prices of {self.name} lack {keys[rate is not None]}")
        spent = tokens * (1 - cached) * rate + tokens * cached * own.get("cached", rate)
        return Price(spent, answer * (out or 0.0), "", own.get("price_source", OWN_PRICE))


class Registry:
    """All models that can be named: ours and the user's YAML over the price list."""

    def __init__(self, overlay: Path | None = None) -> None:
        data = yamlio.load(WINDOWS)
        self.as_of = str(data["as_of"])
        self.families = [(re.compile(f["match"]), f) for f in data["families"]]
        self.entries: dict[str, dict[str, Any]] = {n: _entry(n, e, str(WINDOWS)) for n, e in data["models"].items()}
        self.aliases: dict[str, str] = dict(data["aliases"])
        self.shown: list[str] = list(data["shown"])
        if overlay:
            self._overlay(overlay)
        self._index: dict[str, dict[str, Any]] = {}

    def _overlay(self, path: Path) -> None:
        data = yamlio.load(path)
        if not isinstance(data, dict) or not isinstance(data.get("models"), dict):
            raise UserError(f"{path}: own prices are a map 'models: {{name: {{input: $1/M tokens, ...}}}}'")
        for name, raw in data["models"].items():
            known = self.aliases.get(str(name), str(name))
            own = _entry(known, raw, str(path))
            self.entries[known] = self.entries.get(known, {}) | own | {"price_source": own.get("source", OWN_PRICE)}
            self.shown = [*dict.fromkeys([*self.shown, known])]

    def find(self, name: str) -> Model:
        """A model by name, `provider/name` or alias. Raises UserError with the nearest names."""
        typed = name.strip()
        known = self.aliases.get(typed.lower(), typed)
        known = known.lower() if known not in self.entries and known.lower() in self.entries else known
        entry = self.entries.get(known, {})
        provider, listed = self._listed(entry.get("id", known), entry.get("provider", ""))
        if listed is None and not entry:
            names = [*self.entries, *self.aliases, *self._names()]
            longer = sorted({n for n in names if typed and n.lower().startswith(typed.lower())}, key=len)[:3]
            near = f"; nearest: {', '.join(longer)}" if longer else nearest(typed, names)
            raise UserError(f"there is no model {name!r}{near or ': aiplan tokens --list-models names them'}")
        shown = known if entry or "/" in known else str(listed.id)
        family = self._family(shown, str(listed.id) if listed is not None else "")
        window = entry.get("window") or (listed.context_window if listed is not None else None)
        return Model(
            name=shown,
            provider=provider or entry.get("provider", ""),
            vocabulary=entry.get("vocabulary", family.get("vocabulary", "unknown")),
            picture=entry.get("picture", family.get("picture", "")),
            vendor=entry.get("vendor", family.get("vendor", "")),
            window=float(window) if window else None,
            answer_window=_answer_window(entry.get("answer_window", family.get("answer_window")), window),
            reading_speed=entry.get("reading_speed"),
            writing_speed=entry.get("writing_speed"),
            source=entry.get("source", "genai-prices" if window else ""),
            own=entry,
            listed=(provider, listed) if listed is not None else None,
        )

    def chosen(self, names: Sequence[str]) -> list[Model]:
        """The models of these names, each once; those of the table where there are none."""
        return list({model.name: model for model in map(self.find, names or self.shown)}.values())

    def _family(self, *names: str) -> dict[str, str]:
        for name in names:
            plain = name.rpartition("/")[2].lower()
            for pattern, family in self.families:
                if pattern.search(plain):
                    return dict(family)
        return {}

    def _listed(self, name: str, provider: str) -> tuple[str, Any]:
        """Provider and model of the price list; the maker's before those of hosts."""
        providers = {p.id: p for p in _snapshot().providers}
        for separator in "/:":
            head, mid, tail = name.partition(separator)
            if mid and head.lower() in providers and (found := self._in(providers[head.lower()], tail)) is not None:
                return head.lower(), found
        if provider:
            order = [provider] if provider in providers else []
        else:
            order = [*(v for v in VENDORS if v in providers), *(p for p in providers if p not in VENDORS)]
        for of in order:
            if (found := self._in(providers[of], name)) is not None:
                return of, found
        return "", None

    def _in(self, provider: Any, name: str) -> Any:
        """A provider's model by its id or the exact names that its rules accept, then without a date."""
        if (exact := next((m for m in provider.models if m.id == name), None)) is not None:
            return exact
        if provider.id not in self._index:
            index: dict[str, Any] = {}
            for key in (_same, _plain):
                for model in provider.models:
                    index.setdefault(key(model.id), model)
                    index.setdefault(key(model.id.rpartition("/")[2]), model)
                for model in provider.models:
                    for accepted in _accepted(model.match):
                        index.setdefault(key(accepted), model)
            self._index[provider.id] = index
        found = self._index[provider.id]
        return found.get(_same(name)) or found.get(_plain(name))

    def _names(self) -> list[str]:
        return [m.id for p in _snapshot().providers if p.id in VENDORS[:7] for m in p.models]

    def names(self) -> list[str]:
        """The models of the makers and those with an entry of ours."""
        return sorted({*self.entries, *self._names()})


def listing(overlay: Path | None = None) -> list[dict[str, Any]]:
    """All models that can be named, with their facts and prices per token [USD], for `--list-models`."""
    registry = Registry(overlay)
    out = []
    for name in registry.names():
        model = registry.find(name)
        price = model.price(1000, 1000)
        out.append(
            {
                "model": name,
                "provider": model.provider,
                "vocabulary": model.vocabulary,
                "context_window": model.window,
                "input": None if price.input is None else price.input / 1000,
                "output": None if price.output is None else price.output / 1000,
                "price_as_of": price.as_of or None,
            }
        )
    return out


def _entry(name: str, raw: Any, where: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise UserError(f"{where}: {name} is a map, not {raw!r}")
    out: dict[str, Any] = {}
    for key, value in raw.items():
        unit = OWN_KEYS.get(key)
        if unit is None:
            raise UserError(f"{where}: {name}: there is no key {key!r}{nearest(str(key), OWN_KEYS)}")
        if unit is str:
            out[key] = str(value)
            if key in CHOICES and out[key] not in CHOICES[key]:
                near = nearest(out[key], CHOICES[key])
                raise UserError(f"{where}: {name}: there is no {key} {out[key]!r}{near or _one_of(CHOICES[key])}")
        else:
            out[key] = units.parse(value, str(unit), what=f"{where}: {name}.{key}", bare=unit != "USD/token")
            if not 0 <= out[key] < 1e12:
                raise UserError(f"{where}: {name}.{key} is {value!r}, but must be at least 0")
    return out


def _one_of(names: Iterable[str]) -> str:
    return f"; one of {', '.join(names)}"


def _answer_window(room: Any, window: Any) -> float:
    """Of a window, where that is so large that the answer's part is the smaller one."""
    return float(room) if room and window and 2 * float(room) < float(window) else 0.0


def _same(name: str) -> str:
    """A name in one spelling of case and separators."""
    return re.sub(r"[._ ]", "-", name.strip().lower())


def _plain(name: str) -> str:
    """A name without its date and `latest`, which most often tell no prices apart."""
    plain = _same(name)
    while (cut := _DATED.sub("", plain)) != plain:
        plain = cut
    return plain


def _accepted(match: Any) -> list[str]:
    """The literal names in a matching rule of the price list."""
    out = []
    for key in ("equals", "starts_with"):
        if isinstance(value := getattr(match, key, None), str):
            out.append(value)
    for inner in getattr(match, "or_", None) or []:
        out += _accepted(inner)
    return out


@cache
def _snapshot() -> Any:
    _without_updates()
    # it has none, and looking for them reads what every installed package says of itself
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    try:
        from genai_prices.data_snapshot import get_snapshot
    except ImportError:
        raise UserError("prices need the package genai-prices: pip install genai-prices") from None
    return get_snapshot()


def _without_updates() -> None:
    """Keep out the part of the price list that fetches newer ones: it is never used, and a third of the start."""
    name = "genai_prices.update_prices"
    if name not in sys.modules and "genai_prices" not in sys.modules:
        sys.modules[name] = none = ModuleType(name)
        none.__getattr__ = lambda what: None  # type: ignore[method-assign]


@cache
def price_source() -> str:
    """Name and version of the price list."""
    from importlib.metadata import version

    return f"genai-prices {version('genai-prices')}"


def _listed_price(
    model: Model, tokens: float, answer: float, cached: float, batch: bool, when: datetime | None, sound: float
) -> Price:
    from genai_prices import Usage, calc_price

    provider, listed = model.listed
    now = when or datetime.now(tz=UTC)
    whole, hit = round(tokens), round(tokens * cached)
    parts = {"cache_read_tokens": hit} if hit else {}
    context = {"processing": "batch"} if batch else None
    base = listed.get_prices(now)
    notes: list[str] = []
    if batch:
        batched = listed.get_prices(now, context)
        if (batched.input_mtok, batched.output_mtok) == (base.input_mtok, base.output_mtok):
            notes.append(f"no batch price of {model.name} is listed: the usual price")
        base = batched
    if base.input_mtok is None or (base.output_mtok is None and answer):
        return Price(None, None, why_null=f"the price list has no price per token of {model.name}")
    if hit and base.cache_read_mtok is None:
        notes.append(f"no price of cached tokens of {model.name} is listed: the usual price")
        parts = {}
    if sound and base.input_audio_mtok is None:
        notes.append(f"no price of sound of {model.name} is listed: that of text")
    elif sound:
        parts = {"input_audio_tokens": round(tokens * sound)}
        if hit:
            notes.append(f"sound of {model.name} is priced as not cached")
    usage = Usage(input_tokens=whole, output_tokens=round(answer), **parts)
    try:
        found = calc_price(
            usage, model_ref=listed.id, provider_id=provider, genai_request_timestamp=now, price_context=context
        )
    except (LookupError, ValueError) as error:
        return Price(None, None, why_null=f"no price of {model.name}: {str(error)[:100]}")
    return Price(  # the list prices whole tokens
        float(found.input_price) * (tokens / whole if whole else 1.0),
        float(found.output_price) * (answer / round(answer) if round(answer) else 1.0),
        _as_of(listed, now.date()),
        f"{price_source()}, {provider}",
        notes=tuple(notes),
    )


def _as_of(listed: Any, today: date) -> str:
    """The newest day on which the price was checked or came into force, as far as the list says."""
    days = _DATE.findall(listed.price_comments or "")
    conditional = listed.prices if isinstance(listed.prices, list) else []
    for item in [*conditional, *(listed.price_variants or [])]:
        start = getattr(getattr(item, "constraint", None), "start_date", None)
        if start is not None:
            days.append(start.isoformat())
    return max((d for d in days if d <= today.isoformat()), default="")


def list_date() -> str:
    """The newest day on which any price of the makers in the list was checked or came into force."""
    today = datetime.now(tz=UTC).date()
    return max((_as_of(m, today) for p in _snapshot().providers if p.id in VENDORS[:5] for m in p.models), default="")
