"""What the hardware and the building cost to buy."""

from __future__ import annotations

from aiplan.graph import default, given, quantity

given("accelerator_price", "USD", "Purchase price of one accelerator, or of its share of what is bought with it.")
given(
    "server_price_overhead",
    "",
    "Price of a server over that of its accelerators; 1 where the accelerator's price covers the server.",
    bounds=(1.0, None),
)
given(
    "network_share",
    "",
    "Share of the network in the cost of the cluster; 0 where the accelerator's price covers it.",
    bounds=(0.0, 1.0),
)
default(
    "building_cost_per_watt",
    "USD/W",
    10.2,
    "Cost of building a datacenter per watt of its peak power, without IT equipment.",
    source="Epoch AI, Frontier Data Centers, 2025-12: mode of 16 sites, range 8.1-21.7",
    spread=(8.1, 21.7),
)


@quantity("USD", source="definition")
def accelerator_capex(accelerators: float, accelerator_price: float) -> float:
    """Purchase price of all accelerators.

        accelerators * accelerator_price

    >>> accelerator_capex(1000.0, 30000.0)
    30000000.0
    """
    return accelerators * accelerator_price


@quantity("USD", source="Cottier et al. 2024 (arXiv 2405.21015), cost model of Epoch AI")
def cluster_capex(accelerator_capex: float, server_price_overhead: float, network_share: float) -> float:
    """Purchase price of accelerators, servers and network.

        accelerator_capex * server_price_overhead / (1 - network_share)

    A network_share of 0.19 of the cluster is 23.5% on top of the servers.

    >>> cluster_capex(1e6, 1.6, 0.2)
    2000000.0
    """
    return accelerator_capex * server_price_overhead / (1.0 - network_share)


@quantity("USD", source="in proportion to peak power")
def building_capex(facility_power: float, building_cost_per_watt: float) -> float:
    """Cost of the building, its power and its cooling.

        facility_power * building_cost_per_watt

    >>> building_capex(1e6, 10.0)
    10000000.0
    """
    return facility_power * building_cost_per_watt


@quantity("USD", source="definition")
def capex(cluster_capex: float, building_capex: float) -> float:
    """Cost of buying the cluster and building its datacenter.

        cluster_capex + building_capex

    >>> capex(3.0, 1.0)
    4.0
    """
    return cluster_capex + building_capex


@quantity("FLOP/s/USD", source="definition")
def peak_flops_per_usd(peak_flops: float, accelerator_price: float) -> float:
    """Dense peak of one accelerator per purchase price.

        peak_flops / accelerator_price

    >>> peak_flops_per_usd(1e15, 25000.0)
    40000000000.0
    """
    return peak_flops / accelerator_price


@quantity("FLOP/J", source="definition")
def peak_flops_per_watt(peak_flops: float, accelerator_tdp: float) -> float:
    """Dense peak of one accelerator per thermal design power.

        peak_flops / accelerator_tdp

    >>> peak_flops_per_watt(7e14, 700.0)
    1000000000000.0
    """
    return peak_flops / accelerator_tdp
