"""MLSys.im on cases read as JSON from stdin: a list of {"id", "step_time"} or {"id", "refused"} on stdout.

Its `DistributedModel` with its own servers and networks and its default share of the peak, 0.5; communication is not
overlapped unless one asks, so it is not here. A plan that it finds too large for the memory counts as refused.
"""

from __future__ import annotations

import contextlib
import json
import sys
import warnings
from typing import Any


def step_time(case: dict[str, Any]) -> float:
    """Time of one step [s]. Raises ValueError with the reason where the tool cannot be asked."""
    from mlsysim.core.units import Q_
    from mlsysim.engine.solvers.distributed import DistributedModel
    from mlsysim.models.types import TransformerWorkload
    from mlsysim.systems.registry import Fabrics, Nodes
    from mlsysim.systems.types import Fleet

    known = {
        "a100-sxm-80gb": (Nodes.DGX_A100, Fabrics.InfiniBand_HDR),
        "h100-sxm-80gb": (Nodes.DGX_H100, Fabrics.InfiniBand_NDR),
        "b200-sxm-180gb": (Nodes.DGX_B200, Fabrics.InfiniBand_NDR),
    }
    if case["chip"] not in known:
        raise ValueError(f"it has no server of {case['chip']}")
    if case["cp"] > 1:
        raise ValueError("it has no context parallelism")
    if case["width"] not in ("16-bit", "fp8"):
        raise ValueError(f"it has no {case['width']} matrix work")
    node, fabric = known[case["chip"]]
    count = int(case["accelerators"])
    if count < node.accelerators_per_node:
        node = node.model_copy(update={"accelerators_per_node": count})
    if count % node.accelerators_per_node:
        raise ValueError(f"{count} accelerators are not whole servers")
    fleet = Fleet(name=case["id"], node=node, count=count // node.accelerators_per_node, fabric=fabric)
    model = TransformerWorkload(
        name=case["id"],
        architecture="Transformer",
        parameters=Q_(case["params"], "count"),
        layers=int(case["layers"]),
        hidden_dim=int(case["d_model"]),
        heads=int(case["heads"]),
        kv_heads=int(case["kv_heads"]),
        vocab_size=int(case["vocab"]),
    )
    pp, micro_batches = int(case["pp"]), int(case["micro_batches"])
    done = DistributedModel().solve(
        model,
        fleet,
        batch_size=int(case["micro_batch"] * micro_batches * case["dp"]),
        precision="fp8" if case["width"] == "fp8" else "fp16",
        tp_size=int(case["tp"]),
        pp_size=pp,
        v_stages=int(case["virtual_stages"]),
        microbatch_count=micro_batches,
        zero_stage=int(case["zero_stage"]),
        activation_recomputation=case["recompute"] > 1,
        gradient_accumulation_steps=micro_batches if pp == 1 else 1,
        seq_len=int(case["seq_len"]),
    )
    if not done.node_profile.feasible:
        needs = done.node_profile.memory_footprint.to("GB").magnitude
        raise ValueError(f"it needs {needs:,.0f} GB of memory")
    return float(done.step_latency_total.to("s").magnitude)


def main() -> int:
    """Answer all cases; exit code 3 where the package is not there."""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            from importlib.metadata import version

            import mlsysim.engine.solvers.distributed  # noqa: F401
        except ImportError:
            return 3
        warnings.simplefilter("ignore")
        answers = []
        for case in json.load(sys.stdin):
            try:
                answers.append({"id": case["id"], "step_time": step_time(case)})
            except ValueError as why:
                answers.append({"id": case["id"], "refused": str(why)})
    json.dump({"version": version("mlsysim"), "answers": answers}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
