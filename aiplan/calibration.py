"""Fitted coefficients of the step time, as `aiplan calibrate` wrote them; the record is calibration/shipped.yaml."""

from __future__ import annotations

from aiplan.graph import default

DATE = "2026-11-24"
VALUES: dict[str, float] = {
    "sustained_share": 0.9,
    "power_exponent": 0.8,
    "precision_efficiency": 0.93,
    "half_tokens": 200.0,
    "half_width": 200.0,
    "expert_efficiency": 0.72,
    "attention_efficiency": 0.7,
    "unfused_passes": 12.0,
    "unfused_softmax_passes": 8.0,
    "sink_passes": 9.0,
    "activation_passes": 3.5,
    "casting_passes": 1.5,
    "permute_passes": 15.0,
    "memory_efficiency": 0.8,
    "scale_up_efficiency": 0.75,
    "scale_out_efficiency": 0.75,
    "link_latency": 1.0e-5,
    "exposed_tensor": 0.5,
    "exposed_pipeline": 0.4,
    "exposed_experts": 0.5,
    "data_overlap": 0.7,
    "host_layer_time": 4.0e-4,
    "host_expert_time": 2.0e-3,
    "step_overhead": 0.015,
    "straggling": 0.005,
    "expert_release_trend": 1.2,
}


def calibrated(name: str, sentence: str, *, unit: str = "") -> None:
    """Declare a coefficient that is fitted to measurements, with its fitted value as the default."""
    default(name, unit, VALUES[name], sentence, source=f"calibration {DATE}")
