"""Facts of an accelerator and its server that the catalogue supplies and no formula makes."""

from __future__ import annotations

from aiplan.graph import given

given("accelerator_memory_bandwidth", "B/s", "Bandwidth of one accelerator's memory.")
given("scale_up_bandwidth", "B/s", "One-way bandwidth of one accelerator to the others of its scale-up domain.")
given("scale_out_bandwidth", "B/s", "One-way bandwidth of one accelerator to the network between servers.")
given("accelerators_per_server", "", "Accelerators that are bought together in one server or rack.", bounds=(1.0, None))
