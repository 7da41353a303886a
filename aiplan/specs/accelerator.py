"""An accelerator as its datasheet has it, and what it means for a plan."""

from __future__ import annotations

import statistics
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from aiplan.errors import UserError, nearest
from aiplan.graph import Given
from aiplan.specs.base import Bandwidth, Bytes, Date, Entry, FlopRate, Id, NullableValues, Part, Ratio, Usd, Watts
from aiplan.specs.server import Server

Precision = Literal["fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "fp6", "fp4", "int8"]

# In order of preference: training in 8 bit is for the user to choose, except where a chip has nothing wider.
TRAINING_PRECISIONS = ("bf16", "fp16", "tf32", "fp32", "fp8")

_EPOCH = "Epoch AI, cost of training frontier models (arXiv 2405.21015), cost model"
# Price of a server over the sum of its accelerators' prices.
SERVER_OVERHEAD, SERVER_OVERHEAD_SOURCE = 1.64, f"{_EPOCH}: servers over their GPUs"
# Share of the network in a cluster's cost; where a rack's own fabric is in its price only the scale-out part is left.
NETWORK_SHARE, NETWORK_SHARE_SOURCE = 0.19, f"{_EPOCH}: interconnect share of cluster cost"
RACK_NETWORK_SHARE = 0.146
RACK_NETWORK_SHARE_SOURCE = "bill of materials of a 100k-H100 cluster, 2024-08: switches, cables, optics"
# Average draw in training over the server's rated power.
UTILIZATION, UTILIZATION_SPREAD = 0.75, (0.70, 0.85)
UTILIZATION_SOURCE = f"{_EPOCH}: average of rated power in training; 0.76 measured on H100 nodes (arXiv 2506.14551)"

HOUR = 3600.0


class Memory(Part):
    """Memory of one accelerator."""

    capacity: Bytes | None = None
    """Capacity as marketed, of one accelerator."""
    kind: str | None = None
    """HBM3, GDDR6X, ..."""
    bandwidth: Bandwidth | None = None
    """Peak bandwidth."""
    bus_bits: int | None = Field(default=None, ge=1)
    """Width of the bus [bit], of all stacks or chips together; with the bandwidth it gives the rate of a pin."""


class ScaleUp(Part):
    """The fast network within a server, rack or pod."""

    link: str | None = None
    """NVLink 4, ICI, ..."""
    bandwidth: Bandwidth | None = None
    """One way, of one accelerator, the sum of its links. Datasheets often give both ways together."""
    domain: int | None = None
    """Accelerators that it joins."""
    topology: str | None = None
    """NVSwitch, 3D torus, ..."""


class ScaleOut(Part):
    """The network between servers, racks or pods."""

    bandwidth: Bandwidth | None = None
    """One way, of one accelerator, in the usual server."""


class Price(Part):
    """One price of one accelerator, with its date."""

    kind: Literal["purchase", "on-demand", "reserved", "spot"]
    """What is paid for."""
    covers: Literal["chip", "server", "rack"] | None = None
    """Of a purchase: what one accelerator's share includes; overheads apply only to what is not covered."""
    usd: Usd | None = None
    """Of a purchase: the price; where absent the middle of low and high."""
    usd_per_hour: Usd | None = None
    """Of a rental: the price of an hour."""
    low: Usd | None = None
    """Lower end, in the same unit."""
    high: Usd | None = None
    """Upper end, in the same unit."""
    as_of: Date
    """When it was seen."""
    where: str | None = None
    """Seller, or cloud and region."""
    source: str
    """Key of `sources`, or the source itself."""
    note: str | None = None
    """How the figure came about."""
    announced: bool = False
    """Quoted before the thing was to be had."""

    @model_validator(mode="after")
    def _complete(self) -> Price:
        bought = self.kind == "purchase"
        if bought and self.covers is None:
            raise ValueError("a purchase says what it covers: chip, server or rack")
        if (self.usd_per_hour if bought else self.usd) is not None or (self.value is None):
            raise ValueError(f"a {self.kind} price has {'usd' if bought else 'usd_per_hour'}, or low and high")
        return self

    @property
    def value(self) -> float | None:
        """The price itself [USD, or USD an hour]."""
        single = self.usd if self.usd is not None else self.usd_per_hour
        if single is None and self.low is not None and self.high is not None:
            return (self.low + self.high) / 2
        return single


class Achieved(Part):
    """A measured share of the peak."""

    value: Ratio
    """Median."""
    low: Ratio | None = None
    """10th percentile."""
    high: Ratio | None = None
    """90th percentile."""
    source: str
    """Where it was measured, with the date."""


class Accelerator(Entry):
    """One accelerator: a GPU, a TPU chip, a CPU."""

    vendor: str
    """Who makes it, in lower case."""
    family: str | None = None
    """Generation: hopper, blackwell, tpu, ..."""
    released: Date | None = None
    """First availability."""
    status: str = "shipping"
    """shipping, announced, discontinued, ..."""
    peak: Annotated[dict[Precision, FlopRate], NullableValues()]
    """Dense peak of the matrix units by precision (for int8 integer operations); sparse peaks stand apart.

    null names a precision that the chip computes in, but for which no dense peak is published."""
    unpublished: tuple[Precision, ...] = ()
    """Precisions whose dense peak is not published: those that are null in `peak`."""
    sparse_peak: dict[Precision, FlopRate] = Field(default_factory=dict)
    """Peak with structured sparsity."""
    memory: Memory = Memory()
    """Memory of one accelerator."""
    scale_up: ScaleUp = ScaleUp()
    """The fast network within a server, rack or pod."""
    scale_out: ScaleOut = ScaleOut()
    """The network beyond it."""
    tdp: Watts | None = None
    """Rated power of the accelerator alone."""
    server: Id | None = None
    """Id of the usual server or rack."""
    server_overhead: Ratio | None = None
    """Price of a server over its accelerators' prices, where it differs from the usual."""
    server_power_ratio: Ratio | None = None
    """Rated power of a server over its accelerators', where its server's own is unknown and it is not a GPU's usual."""
    prices: tuple[Price, ...] = ()
    """Purchase and rental prices of one accelerator."""
    mfu: dict[Precision, Achieved] = Field(default_factory=dict)
    """Share of the peak achieved in published training runs, by precision."""
    power_utilization: Achieved | None = None
    """Average over rated power in training, where it differs from the usual of a GPU."""

    _server: Server | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _name_nulls(cls, raw: Any) -> Any:
        peak = raw.get("peak") if isinstance(raw, dict) else None
        if not isinstance(peak, dict) or None not in peak.values():
            return raw
        known = {precision: value for precision, value in peak.items() if value is not None}
        return raw | {"peak": known, "unpublished": tuple(p for p in peak if p not in known)}

    def in_server(self, server: Server | None) -> Accelerator:
        """The same accelerator with its server looked up."""
        self._server = server
        return self

    @property
    def server_spec(self) -> Server | None:
        """The server named by `server`, once the catalogue has looked it up."""
        return self._server


def best_precision(spec: Accelerator) -> str:
    """The first of bf16, fp16, tf32, fp32 and fp8 that the chip has; training in fp4 is for the user to choose."""
    for precision in TRAINING_PRECISIONS:
        if precision in spec.peak:
            return precision
    if not spec.peak:
        raise UserError(f"{spec.id}: {no_peak(spec)}: give --precision and peak_flops, or another accelerator")
    has = ", ".join(spec.peak)
    raise UserError(f"{spec.id} has none of {', '.join(TRAINING_PRECISIONS)} ({has}): give --precision")


def main_precision(spec: Accelerator) -> str | None:
    """The precision that a chip is known by: the best for training, else the first that has a dense peak."""
    return next((p for p in TRAINING_PRECISIONS if p in spec.peak), next(iter(spec.peak), None))


def no_peak(spec: Accelerator, precision: str | None = None) -> str:
    """Why there is no dense peak, as the tail of a message; a sparse one is named."""
    at = f" at {precision}" if precision and (spec.peak or precision not in spec.unpublished) else ""
    sparse = {p: v for p, v in spec.sparse_peak.items() if precision in (None, p)}
    said = ", ".join(f"{value / 1e15:.4g} PFLOP/s at {p}" for p, value in sparse.items())
    return f"no dense peak{at} is published" + (f"; its {said} is sparse" if said else "")


def peak_of(spec: Accelerator, precision: str, sparsity: str = "none") -> float:
    """Peak [FLOP/s] of one accelerator at a precision; an error lists the precisions that it has."""
    peaks = {str(p): peak for p, peak in (spec.sparse_peak if sparsity == "2:4" else spec.peak).items()}
    if precision in peaks:
        return peaks[precision]
    if sparsity != "2:4" and (precision in spec.unpublished or not peaks):
        raise UserError(f"{spec.id}: {no_peak(spec, precision)}: give peak_flops, or another accelerator")
    what = "sparse peak" if sparsity == "2:4" else "dense peak"
    has = f"it has {', '.join(peaks)}" if peaks else "it has none"
    raise UserError(f"{spec.id} has no {what} at {precision}; {has}{nearest(precision, peaks, most=1)}")


def purchase_price(spec: Accelerator, as_of: str | None = None) -> Price | None:
    """The latest purchase price, the first listed of equally dated ones; not after `as_of` where one is that old."""
    bought = [p for p in spec.prices if p.kind == "purchase"]
    bought = [p for p in bought if as_of is None or p.as_of <= as_of] or bought
    return max(bought, key=lambda p: p.as_of, default=None)


def rental_prices(spec: Accelerator, as_of: str | None = None) -> list[Price]:
    """The on-demand prices, else the reserved ones, of the latest year that has any (not after `as_of`)."""
    for kind in ("on-demand", "reserved"):
        rows = [p for p in spec.prices if p.kind == kind]
        rows = [p for p in rows if as_of is None or p.as_of <= as_of] or rows
        if rows:
            year = max(p.as_of[:4] for p in rows)
            return [p for p in rows if p.as_of[:4] == year]
    return []


# Memory that training can fill over what is stated (p10, p90), by the unit in which it is stated.
_RESERVE = "the allocator reserves 2.8% to 9.3% more than it gives out (Megatron-LM on B200, SimuMax 4dcaae5)"
USABLE = {
    "GB": (1.01, 0.97, 1.04, f"sold in GB, built in GiB: an H100 of 80 GB shows 81,559 MiB; {_RESERVE}"),
    "GiB": (0.95, 0.91, 0.98, f"stated in GiB; {_RESERVE}"),
}


def expand_accelerator(
    spec: Accelerator, precision: str, sparsity: str = "none", as_of: str | None = None, *, need_peak: bool = True
) -> dict[str, Given]:
    """The quantities that choosing an accelerator gives, each with its source; unknown ones are null and say why.

    `as_of` (a date) takes the prices of that time. `reference_mfu` and `server_power_per_accelerator` are absent
    where they are unknown, since a default or a formula stands in for them. Without `need_peak` a chip that has no
    dense peak at the precision is no error, its `peak_flops` null.
    """
    out: dict[str, Given] = {}

    def put(name: str, value: float | None, missing: str, source: str = "", **more: tuple[float, float] | None) -> None:
        if value is None:
            out[name] = Given(None, "catalog", spec.id, why_null=f"{spec.id} has no {missing} in the catalogue")
        else:
            out[name] = Given(value, "catalog", source or sheet, spread=more.get("spread"))

    sheet = _datasheet(spec)
    peak_source = sheet + (" (sparse peak)" if sparsity == "2:4" else "")
    if need_peak or precision in (spec.sparse_peak if sparsity == "2:4" else spec.peak):
        put("peak_flops", peak_of(spec, precision, sparsity), "peak", peak_source)
    else:
        out["peak_flops"] = Given(None, "catalog", spec.id, why_null=f"{spec.id}: {no_peak(spec, precision)}")
    bf16 = spec.peak.get("bf16") or spec.peak.get("fp16")
    put("peak_flops_bf16", bf16, "16-bit peak")
    put("accelerator_memory", spec.memory.capacity, "memory capacity")
    share, low, high, why = USABLE["GiB" if spec.memory.capacity and spec.memory.capacity % 2**30 == 0 else "GB"]
    put("usable_memory_share", share, "", why, spread=(low, high))
    put("accelerator_memory_bandwidth", spec.memory.bandwidth, "memory bandwidth")
    put("accelerator_tdp", spec.tdp, "rated power")
    put("scale_up_bandwidth", spec.scale_up.bandwidth, "scale-up bandwidth")
    put("scale_up_domain", float(spec.scale_up.domain or 1), "scale-up domain")
    put("scale_out_bandwidth", spec.scale_out.bandwidth, "scale-out bandwidth")
    out |= _server_quantities(spec)
    if spec.server_power_ratio is not None:
        put("server_power_ratio", spec.server_power_ratio, "", spec.origin("server_power_ratio"))
    out |= _money(spec, as_of)
    drawn = spec.power_utilization
    if drawn is None:
        out["power_utilization"] = Given(UTILIZATION, "catalog", UTILIZATION_SOURCE, spread=UTILIZATION_SPREAD)
    else:
        put("power_utilization", drawn.value, "", _cite(spec, drawn.source), spread=_spread(drawn))
    # 16-bit formats run at the same rate, so a run in one of them speaks for the other.
    mfu = {str(p): reached for p, reached in spec.mfu.items()}
    reached = mfu.get(precision) or (mfu.get("bf16") if precision == "fp16" else None)
    if reached is not None:
        put("reference_mfu", reached.value, "", _cite(spec, reached.source), spread=_spread(reached))
    return out


def _datasheet(spec: Accelerator) -> str:
    """The sources that are not those of a price, a measurement or one field alone."""
    others = {p.source for p in spec.prices} | {m.source for m in spec.mfu.values()} | set(type(spec).model_fields)
    if spec.power_utilization is not None:
        others.add(spec.power_utilization.source)
    texts = [text for key, text in spec.sources.items() if key not in others] or list(spec.sources.values())
    return f"{spec.id}: {'; '.join(texts)}" if texts else spec.id


def _server_quantities(spec: Accelerator) -> dict[str, Given]:
    server = spec.server_spec
    if server is None:
        return {"accelerators_per_server": Given(1.0, "catalog", f"{spec.id}: no usual server in the catalogue")}
    out = {"accelerators_per_server": Given(float(server.accelerators), "catalog", server.origin())}
    if server.max_power is not None:
        share = server.max_power / server.accelerators
        out["server_power_per_accelerator"] = Given(share, "catalog", server.origin("max_power"))
    return out


def _money(spec: Accelerator, as_of: str | None) -> dict[str, Given]:
    out: dict[str, Given] = {}
    none = f"{spec.id} has no %s price in the catalogue"
    price = purchase_price(spec, as_of)
    if price is None:
        out["accelerator_price"] = Given(None, "catalog", spec.id, why_null=none % "purchase")
    else:
        source = _cite(spec, price.source, price.as_of)
        out["accelerator_price"] = Given(price.value, "catalog", source, spread=_spread(price))
    covers = price.covers if price else "chip"
    if covers != "chip":
        out["server_price_overhead"] = Given(1.0, "catalog", f"{spec.id}: its price is a share of a {covers}")
    elif spec.server_overhead is not None:
        out["server_price_overhead"] = Given(spec.server_overhead, "catalog", spec.origin("server_overhead"))
    else:
        out["server_price_overhead"] = Given(SERVER_OVERHEAD, "catalog", SERVER_OVERHEAD_SOURCE)
    server = spec.server_spec
    if server is not None and server.network_share is not None:
        share = Given(server.network_share, "catalog", server.origin("network_share"))
    elif covers == "rack":
        share = Given(RACK_NETWORK_SHARE, "catalog", RACK_NETWORK_SHARE_SOURCE)
    else:
        share = Given(NETWORK_SHARE, "catalog", NETWORK_SHARE_SOURCE)
    out["network_share"] = share

    rents = rental_prices(spec, as_of)
    hourly = [p.value for p in rents if p.value is not None]
    if not hourly:
        out["rental_price"] = Given(None, "catalog", spec.id, why_null=none % "rental")
        return out
    low = min(p.low if p.low is not None else p.value or 0.0 for p in rents)
    high = max(p.high if p.high is not None else p.value or 0.0 for p in rents)
    many = f"median of {len(rents)} {rents[0].kind} prices" if len(rents) > 1 else f"{rents[0].kind} price"
    where = ", ".join(dict.fromkeys(p.where or "" for p in rents)).strip(", ")
    latest = max(p.as_of for p in rents)
    source = f"{spec.id}: {many}{f' ({where})' if where else ''}, {latest}"
    spread = (low / HOUR, high / HOUR) if low < high else None
    out["rental_price"] = Given(statistics.median(hourly) / HOUR, "catalog", source, spread=spread)
    return out


def _cite(spec: Accelerator, source: str, as_of: str = "") -> str:
    text = spec.sources.get(source, source)
    return f"{spec.id}: {text}" + (f", {as_of}" if as_of and as_of not in text else "")


def _spread(of: Price | Achieved) -> tuple[float, float] | None:
    return (of.low, of.high) if of.low is not None and of.high is not None and of.low < of.high else None


def doubts(spec: Accelerator) -> list[str]:
    """What looks like one of the known traps of datasheets, or lacks its source."""
    from aiplan.specs.accelerator_doubts import doubts as found

    return found(spec)
