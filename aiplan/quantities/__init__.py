"""Flat physics: importing this package fills the graph with every quantity."""

from aiplan.quantities import (  # noqa: F401
    accelerator,
    architecture,
    capex,
    carbon,
    cost,
    data,
    flops,
    layout,
    memory,
    power,
    reliability,
    scaling,
    step_time,
)
