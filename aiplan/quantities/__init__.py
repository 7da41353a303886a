"""Flat physics: importing this package fills the graph with every quantity."""

from aiplan.quantities import (  # noqa: F401
    accelerator,
    architecture,
    batch,
    capex,
    carbon,
    communication_time,
    compute_time,
    cost,
    data,
    facts,
    flops,
    frontier,
    layout,
    memory,
    pipeline_time,
    power,
    precision,
    reliability,
    scaling,
    step_time,
)
