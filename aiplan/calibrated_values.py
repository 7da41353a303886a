"""Written by `aiplan calibrate --ship` from calibration/shipped.yaml; not edited by hand."""

DATE = "2026-11-27"
FITTED: dict[str, float] = {
    "sustained_share.ampere": 0.9885,
    "sustained_share.hopper": 0.8821,
    "sustained_share.blackwell": 0.859,
    "sustained_share.tpu": 0.9438,
    "sustained_share.trainium": 0.6117,
    "power_exponent": 1.147,
    "precision_efficiency.fp8": 0.9062,
    "precision_efficiency.fp4": 0.7492,
    "precision_efficiency.fp4_ultra": 0.5132,
    "half_tokens": 208.9,
    "half_width": 415.8,
    "expert_efficiency": 0.8732,
    "attention_efficiency": 0.6161,
    "attention_efficiency.composer": 0.4235,
    "attention_efficiency.composer_hopper": 0.2686,
    "unfused_passes": 17.02,
    "sink_passes": 10.48,
    "activation_passes": 3.883,
    "casting_passes": 1.195,
    "permute_passes": 10.83,
    "scale_up_efficiency": 0.7601,
    "scale_out_efficiency": 0.7597,
    "link_latency": 1.012e-05,
    "exposed_tensor": 0.4486,
    "exposed_tensor.old": 1.006,
    "exposed_experts": 0.4831,
    "data_overlap": 0.7028,
    "host_layer_time": 0.0004076,
    "host_layer_time.old": 0.002496,
    "host_expert_time": 0.007423,
    "host_speed.grace": 2.603,
    "step_overhead": 0.01172,
    "expert_release_trend": 1.217,
    "software_factor.composer": 1.074,
    "software_factor.deepspeed": 1.179,
    "software_factor.simumax": 1.287,
}
# Measured over predicted time of held-out rows: 10th and 90th percentile.
RESIDUALS: dict[str, tuple[float, float]] = {
    "dense": (0.9013, 1.137),
    "experts": (0.7939, 1.192),
    "unseen": (0.8144, 1.143),
}
# Predicted over published hours of whole runs: median, 10th and 90th percentile.
CAMPAIGNS: dict[str, tuple[float, float, float]] = {
    "before_2024": (0.5667, 0.4789, 0.6637),
    "since_2024": (0.7767, 0.4902, 1.236),
    "known_layout": (1.225, 1.015, 2.21),
}
