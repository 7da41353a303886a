"""Written by `aiplan calibrate --ship` from calibration/shipped.yaml; not edited by hand."""

DATE = "2026-11-27"
FITTED: dict[str, float] = {
    "sustained_share.ampere": 0.9867,
    "sustained_share.hopper": 0.8935,
    "sustained_share.blackwell": 0.8586,
    "sustained_share.tpu": 0.9404,
    "sustained_share.trainium": 0.5977,
    "power_exponent": 1.216,
    "precision_efficiency.fp8": 0.8912,
    "precision_efficiency.fp4": 0.7417,
    "precision_efficiency.fp4_ultra": 0.5042,
    "half_tokens": 219.2,
    "half_width": 380.2,
    "expert_efficiency": 0.8764,
    "attention_efficiency": 0.6191,
    "attention_efficiency.composer": 0.428,
    "attention_efficiency.composer_hopper": 0.2649,
    "unfused_passes": 17.11,
    "sink_passes": 11.5,
    "activation_passes": 4.123,
    "casting_passes": 1.214,
    "permute_passes": 10.82,
    "scale_up_efficiency": 0.7665,
    "scale_out_efficiency": 0.8485,
    "link_latency": 9.082e-06,
    "exposed_tensor": 0.4091,
    "exposed_tensor.old": 1.017,
    "exposed_experts": 0.5051,
    "data_overlap": 0.7531,
    "host_layer_time": 0.0004084,
    "host_layer_time.old": 0.002502,
    "host_expert_time": 0.007454,
    "host_speed.grace": 2.616,
    "step_overhead": 0.01182,
    "straggling": 0.004678,
    "expert_release_trend": 1.227,
    "software_factor.composer": 1.085,
    "software_factor.deepspeed": 1.188,
    "software_factor.simumax": 1.3,
}
# Measured over predicted time of held-out rows: 10th and 90th percentile.
RESIDUALS: dict[str, tuple[float, float]] = {
    "dense": (0.9039, 1.133),
    "experts": (0.7923, 1.189),
    "unseen": (0.8451, 1.156),
}
# Predicted over published hours of whole runs: median, 10th and 90th percentile.
CAMPAIGNS: dict[str, tuple[float, float, float]] = {
    "before_2024": (0.5787, 0.4911, 0.6949),
    "since_2024": (0.7589, 0.5712, 1.032),
    "known_layout": (1.267, 1.267, 1.267),
}
