"""Flat physics: importing this package fills the graph with every quantity."""

from aiplan.quantities import (  # noqa: F401
    accelerator,
    architecture,
    batch,
    capex,
    carbon,
    cost,
    data,
    facts,
    flops,
    frontier,
    layout,
    memory,
    power,
    precision,
    reliability,
    scaling,
    step_time,
)
