"""Carbon of the electricity and of the hardware, and the water of a run.

Location-based: the average intensity of the grid, not that of contracts.
"""

from __future__ import annotations

from aiplan.graph import default, given, quantity

DAYS_PER_YEAR = 365.25
ECOLOGITS = "ecologits 0.11.3: 273 kg an accelerator of the H100 class, 5,700 kg a server of eight without them"

given("grid_carbon", "kg/J", "Carbon dioxide equivalent of electricity from the grid, by location.")
given("wue", "m3/J", "Water that the site evaporates per energy of its IT equipment.")
given("grid_water", "m3/J", "Water that power stations consume per electrical energy.")
default(
    "embodied_carbon_per_accelerator",
    "kg",
    273.0 + 5700.0 / 8.0,
    "Carbon dioxide equivalent of making one accelerator and its share of the server.",
    source=f"{ECOLOGITS}; published figures run from 150 to 1,500 kg, from memory",
    spread=(150.0, 1500.0),
)
default(
    "hardware_lifetime_years",
    "year",
    5.0,
    "Years that an accelerator serves.",
    source="annual reports: Amazon 5 years, Meta 5.5, Microsoft and Alphabet 6; sceptics 2-3",
    spread=(3.0, 6.0),
)


@quantity("kg", source="average intensity of the grid, by location")
def carbon(energy: float, grid_carbon: float) -> float:
    """Carbon dioxide equivalent of the electricity of the run.

        energy * grid_carbon

    >>> round(carbon(3.6e6, 0.4 / 3.6e6), 6)
    0.4
    """
    return energy * grid_carbon


@quantity("kg", source="share of the hardware's life")
def embodied_carbon(
    accelerators: float,
    embodied_carbon_per_accelerator: float,
    training_days: float,
    hardware_lifetime_years: float,
) -> float:
    """Carbon dioxide equivalent of making the hardware, for the share of its life that the run takes.

        accelerators * embodied_carbon_per_accelerator * training_days / (365.25 * hardware_lifetime_years)

    >>> embodied_carbon(10.0, 1000.0, 365.25, 5.0)
    2000.0
    """
    share = training_days / (DAYS_PER_YEAR * hardware_lifetime_years)
    return accelerators * embodied_carbon_per_accelerator * share


@quantity("m3", source="Li et al. 2023 (arXiv 2304.03271), from memory")
def water(energy: float, pue: float, wue: float, grid_water: float) -> float:
    """Water consumed at the site and at the power stations.

        energy / pue * wue + energy * grid_water

    The water of a site is counted per energy of its IT equipment, that of the grid per energy of the facility.

    >>> round(water(3.6e6, 1.25, 1e-3 / 3.6e6, 2e-3 / 3.6e6), 6)
    0.0028
    """
    return energy / pue * wue + energy * grid_water


def implied_intensity(carbon: float, energy: float) -> float:
    """Intensity [kg/J] of the electricity that a published pair of carbon [kg] and energy [J] implies.

        carbon / energy

    >>> round(implied_intensity(400.0, 3.6e9) * 3.6e6, 6)
    0.4
    """
    return carbon / energy
