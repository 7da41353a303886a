"""Doubts about an accelerator's file: the known traps of datasheets, each said with the source of the figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiplan.specs.accelerator import Accelerator, Price

# Bits a second of one pin of the bus, by kind of memory [Gb/s]: what its standard and its shipping parts span.
PIN_RATES: dict[str, tuple[float, float]] = {
    "hbm4": (6.0, 11.7),
    "hbm3e": (5.8, 9.8),
    "hbm3": (5.1, 6.7),
    "hbm2e": (2.4, 3.8),
    "hbm2": (1.4, 2.45),
    "gddr7": (24.0, 36.0),
    "gddr6x": (18.0, 24.0),
    "gddr6": (10.0, 20.5),
    "gddr5": (4.0, 9.0),
    "lpddr5x": (7.0, 10.8),
    "lpddr5": (5.0, 6.6),
    "ddr5": (3.9, 8.8),
}
BOTH_WAYS = (("nvlink 3", 600e9), ("nvlink 4", 900e9), ("nvlink 5", 1.8e12), ("nvlink 6", 3.6e12))


def doubts(spec: Accelerator) -> list[str]:
    """What looks like one of the known traps of datasheets, or lacks its source."""
    sheet = _sources(spec)
    out = [f"{doubt}{sheet}" for doubt in (*_peaks(spec), *_memory(spec), *_rest(spec))]
    out += _prices(spec)
    for precision, reached in spec.mfu.items():
        if not 0 < reached.value < 1:
            out.append(f"mfu.{precision} is {reached.value:.3g}, not a share between 0 and 1 ({reached.source})")
    if not spec.sources:
        out.append("sources is empty: say where the numbers come from, with a date")
    if spec.released is None:
        out.append("released is unknown")
    return out


def pin_rate(spec: Accelerator) -> float | None:
    """Bits a second of one pin of the memory bus [Gb/s], where bandwidth and bus are known."""
    memory = spec.memory
    if memory.bandwidth is None or memory.bus_bits is None:
        return None
    return memory.bandwidth * 8 / memory.bus_bits / 1e9


def _peaks(spec: Accelerator) -> list[str]:
    out: list[str] = []
    for precision, sparse in spec.sparse_peak.items():
        dense = spec.peak.get(precision)
        if dense is not None and sparse <= dense:
            out.append(f"sparse_peak.{precision} is not above the dense peak: are they exchanged?")
        elif dense is not None and not 1.2 <= sparse / dense <= 4.1:
            out.append(f"sparse_peak.{precision} is {sparse / dense:.3g} times the dense peak; 2 times is usual")
    sixteen = spec.peak.get("bf16") or spec.peak.get("fp16")
    if sixteen and not spec.sparse_peak and spec.tdp and sixteen / spec.tdp > 2.5e12:
        out.append("16-bit peak over tdp is above 2.5 TFLOP/s/W: is it the sparse peak?")
    eight = spec.peak.get("fp8")
    if sixteen and eight and eight / sixteen > 2.2:
        out.append(f"fp8 is {eight / sixteen:.3g} times the 16-bit peak, more than twice: is it the sparse peak?")
    if spec.unpublished:
        sparse_only = [p for p in spec.unpublished if p in spec.sparse_peak]
        known = f"; only a sparse one at {', '.join(sparse_only)}" if sparse_only else ""
        out.append(f"no dense peak is published at {', '.join(spec.unpublished)}{known}")
    elif not spec.peak:
        out.append("no dense peak is known")
    return out


def _memory(spec: Accelerator) -> list[str]:
    memory, up = spec.memory, spec.scale_up.bandwidth
    if memory.capacity is None or memory.bandwidth is None:
        return ["memory.capacity or memory.bandwidth is unknown"]
    if "sram" in (memory.kind or "").lower():
        return []
    out: list[str] = []
    if not 1e9 <= memory.capacity <= 2e12:
        out.append(f"memory.capacity is {memory.capacity / 1e9:.4g} GB: is the unit right?")
    elif up is not None and memory.bandwidth < up:
        out.append("memory.bandwidth is below scale_up.bandwidth: is the unit right?")
    rate = pin_rate(spec)
    kind = next((k for k in PIN_RATES if (memory.kind or "").lower().startswith(k)), None)
    if rate is not None and kind is not None and not PIN_RATES[kind][0] <= rate <= PIN_RATES[kind][1]:
        low, high = PIN_RATES[kind]
        out.append(f"memory.bandwidth over bus_bits is {rate:.3g} Gb/s a pin; {memory.kind} has {low:g} to {high:g}")
    return out


def _rest(spec: Accelerator) -> list[str]:
    out: list[str] = []
    link, up = (spec.scale_up.link or "").lower(), spec.scale_up.bandwidth
    for name, both in BOTH_WAYS:
        if name in link and up is not None and up >= both * 0.99:
            out.append(f"scale_up.bandwidth is both ways of {spec.scale_up.link}; give one way, half of it")
    if spec.tdp is not None and not 5 <= spec.tdp <= 25e3:
        out.append(f"tdp is {spec.tdp:.4g} W: of one accelerator?")
    return out


def _prices(spec: Accelerator) -> list[str]:
    out: list[str] = []
    for i, price in enumerate(spec.prices):
        low, high, value = price.low, price.high, price.value
        found: list[str] = []
        if low is not None and high is not None and low > high:
            found.append("low is above high")
        elif value is not None and ((low or 0) > value or (high is not None and high < value)):
            found.append("the price is not between low and high")
        if price.kind == "purchase" and value is not None and not 50 <= value <= 3e6:
            found.append(f"{value:.4g} USD for one accelerator?")
        if price.kind != "purchase" and value is not None and not 0.01 <= value <= 100:
            found.append(f"{value:.4g} USD an hour for one accelerator?")
        if _too_early(spec, price):
            found.append(f"dated {price.as_of}, before the release in {spec.released}")
        out += [f"prices[{i}]: {problem} ({spec.sources.get(price.source, price.source)})" for problem in found]
    return out


def _too_early(spec: Accelerator, price: Price) -> bool:
    """Whether a price is older than the thing; dates are compared as far as both are given."""
    if spec.released is None or price.announced:
        return False
    length = min(len(spec.released), len(price.as_of))
    return price.as_of[:length] < spec.released[:length]


def _sources(spec: Accelerator) -> str:
    used = {p.source for p in spec.prices} | {m.source for m in spec.mfu.values()} | set(type(spec).model_fields)
    if spec.power_utilization is not None:
        used.add(spec.power_utilization.source)
    texts = [text for key, text in spec.sources.items() if key not in used]
    return f" ({'; '.join(texts)})" if texts else ""
