"""llm-analysis on cases read as JSON from stdin: a list of {"id", "step_time"} or {"id", "refused"} on stdout.

Its package counts attention and an MLP of 4 d_model, over the peak times a share that the user gives; its README names
0.5 for training with Megatron-LM. It has no pipeline bubble and no overlap, and knows 16-bit matrix work only.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from typing import Any

EFFICIENCY = 0.5
GPUS = {"a100-sxm-80gb": "a100-sxm-80gb", "a100-sxm-40gb": "a100-sxm-40gb", "h100-sxm-80gb": "h100-sxm-80gb"}


def step_time(case: dict[str, Any]) -> float:
    """Time of one step [s]. Raises ValueError with the reason where the tool cannot be asked."""
    from llm_analysis.analysis import ActivationRecomputation, DSZeRO, LLMAnalysis
    from llm_analysis.config import DtypeConfig, ModelConfig, ParallelismConfig, get_gpu_config_by_name

    if case["chip"] not in GPUS:
        raise ValueError(f"it has no {case['chip']}")
    if case["width"] != "16-bit":
        raise ValueError("it knows 16-bit matrix work only")
    if case["cp"] > 1:
        raise ValueError("it has no context parallelism")
    model = ModelConfig(
        name=case["id"],
        num_layers=int(case["layers"]),
        n_head=int(case["heads"]),
        hidden_dim=int(case["d_model"]),
        vocab_size=int(case["vocab"]),
        max_seq_len=int(case["seq_len"]),
        num_key_value_heads=int(case["kv_heads"]),
        ffn_embed_dim=int(case["d_ff"]),
        expansion_ratio=case["d_ff"] / case["d_model"],
    )
    tp, pp, dp = int(case["tp"]), int(case["pp"]), int(case["dp"])
    analysis = LLMAnalysis(
        model,
        get_gpu_config_by_name(GPUS[case["chip"]]),
        DtypeConfig(),
        ParallelismConfig(tp_size=tp, pp_size=pp, dp_size=dp, sp_size=tp),
        flops_efficiency=EFFICIENCY,
    )
    summary = analysis.training(
        batch_size_per_gpu=int(case["micro_batch"]),
        gradient_accumulation_steps=int(case["micro_batches"]),
        global_batch_size=int(case["micro_batch"] * case["micro_batches"]) * dp,
        seq_len=int(case["seq_len"]),
        activation_recomputation=ActivationRecomputation(int(case["recompute"])),
        ds_zero=DSZeRO(int(case["zero_stage"])),
    )
    return float(summary["latency_per_iter"])


def main() -> int:
    """Answer all cases; exit code 3 where the package is not there."""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            from importlib.metadata import version

            import llm_analysis.analysis  # noqa: F401
        except ImportError:
            return 3
        logging.disable(logging.CRITICAL)
        answers = []
        for case in json.load(sys.stdin):
            try:
                answers.append({"id": case["id"], "step_time": step_time(case)})
            except (ValueError, AssertionError) as why:
                answers.append({"id": case["id"], "refused": str(why) or "an assertion of its own failed"})
    json.dump({"version": version("llm-analysis"), "answers": answers}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
