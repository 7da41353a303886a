"""Flat physics: importing this package fills the graph with every quantity."""

from aiplan.quantities import (  # noqa: F401
    architecture,
    capex,
    carbon,
    communication_time,
    compute_time,
    cost,
    data,
    flops,
    layout,
    memory,
    pipeline_time,
    power,
    reliability,
    scaling,
    step_time,
)
