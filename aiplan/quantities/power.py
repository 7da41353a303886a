"""Power from the chip to the fence of the site, and the energy of a run.

The chain is chip (thermal design power), server, network and storage, facility; each step is one factor. Peak power
sizes the site, average power gives the energy.
"""

from __future__ import annotations

from aiplan.graph import default, given, quantity
from aiplan.maths import ceil

DAY = 86400.0  # s
EPOCH_COST = "Cottier et al. 2024 (arXiv 2405.21015), cost model of Epoch AI"

given("accelerator_tdp", "W", "Thermal design power of one accelerator.")
given("pue", "", "Power of the whole facility over that of its IT equipment.", bounds=(1.0, None))
given(
    "power_utilization",
    "",
    "Average power in training over the rated power: about 0.75 for GPUs, 0.43 for TPUs.",
    bounds=(0.0, 1.0),
)
given("site_capacity", "W", "Power that one site can feed.")
default(
    "server_power_ratio",
    "",
    1.8,
    "Rated power of a server over that of its accelerators, where the server is not known.",
    source=f"{EPOCH_COST}: 1.8 for GPUs; 1.82 DGX H100, 2.03 DGX A100, 1.56 TPU v4 and later",
    spread=(1.56, 2.03),
)
default(
    "it_overhead",
    "",
    1.14,
    "Power of all IT equipment over that of the servers: network and storage.",
    source="Epoch AI, AI chip counts, from CoreWeave's S-1 filing (1.472 kW an H100); range 1.08-1.3",
    spread=(1.08, 1.3),
)


@quantity("W", source="rated power of the usual server")
def server_power_per_accelerator(accelerator_tdp: float, server_power_ratio: float) -> float:
    """Rated power of a server, shared among its accelerators.

        accelerator_tdp * server_power_ratio

    >>> server_power_per_accelerator(700.0, 1.8)
    1260.0
    """
    return accelerator_tdp * server_power_ratio


@quantity("W", source="definition")
def accelerator_power(accelerators: float, accelerator_tdp: float) -> float:
    """Thermal design power of all accelerators, without the servers around them.

        accelerators * accelerator_tdp

    >>> accelerator_power(1000.0, 700.0)
    700000.0
    """
    return accelerators * accelerator_tdp


@quantity("W", source="servers, and network and storage in proportion")
def it_power(accelerators: float, server_power_per_accelerator: float, it_overhead: float) -> float:
    """Rated power of all IT equipment: servers, network and storage.

        accelerators * server_power_per_accelerator * it_overhead

    >>> it_power(1000.0, 1000.0, 1.25)
    1250000.0
    """
    return accelerators * server_power_per_accelerator * it_overhead


@quantity("W", source="definition of PUE")
def facility_power(it_power: float, pue: float) -> float:
    """Peak power that the grid must be able to deliver, cooling and losses included.

        it_power * pue

    >>> facility_power(1e6, 1.25)
    1250000.0
    """
    return it_power * pue


@quantity("W", source=f"{EPOCH_COST}: average over rated power in training")
def average_power(facility_power: float, power_utilization: float) -> float:
    """Power of the whole facility on average over the run.

        facility_power * power_utilization

    >>> average_power(1e6, 0.75)
    750000.0
    """
    return facility_power * power_utilization


@quantity("J", source="definition")
def energy(average_power: float, training_days: float) -> float:
    """Electrical energy of the run, the whole facility included.

        average_power * training_days * 86400

    >>> energy(1e6, 1.0)
    86400000000.0
    """
    return average_power * training_days * DAY


@quantity("", source="whole sites")
def sites(facility_power: float, site_capacity: float) -> float:
    """Sites of this capacity that feed the cluster.

        ceil(facility_power / site_capacity)

    >>> sites(1.1e9, 1e9)
    2.0
    """
    count: float = ceil(facility_power / site_capacity)
    return count


def power_per_accelerator(energy: float, accelerator_hours: float) -> float:
    """Average power [W] that an accelerator draws in a run with this energy [J] and these accelerator-hours.

        energy / (accelerator_hours * 3600)

    What published pairs of energy and hours imply: 362 W a V100 for GPT-3, 400 W an A100 for BLOOM.

    >>> power_per_accelerator(3.6e6, 2.0)
    500.0
    """
    return energy / (accelerator_hours * 3600.0)
