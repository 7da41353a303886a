"""Written by `aiplan calibrate --ship` from calibration/shipped.yaml; not edited by hand."""

DATE = "2026-11-27"
FITTED: dict[str, float] = {
    "sustained_share.ampere": 0.9908,
    "sustained_share.hopper": 0.872,
    "sustained_share.blackwell": 0.861,
    "sustained_share.tpu": 0.9473,
    "sustained_share.trainium": 0.619,
    "power_exponent": 1.119,
    "precision_efficiency.fp8": 0.9263,
    "precision_efficiency.fp4": 0.732,
    "precision_efficiency.fp4_ultra": 0.5212,
    "half_tokens": 193.8,
    "half_width": 427.0,
    "expert_efficiency": 0.8425,
    "attention_efficiency": 0.6567,
    "attention_efficiency.composer": 0.412,
    "attention_efficiency.composer_hopper": 0.2696,
    "unfused_passes": 16.82,
    "sink_passes": 11.61,
    "activation_passes": 3.761,
    "casting_passes": 3.557,
    "permute_passes": 12.17,
    "scale_up_efficiency": 0.7321,
    "scale_out_efficiency": 0.6696,
    "link_latency": 1.114e-05,
    "exposed_tensor": 0.5213,
    "exposed_tensor.old": 0.9796,
    "exposed_experts": 0.7263,
    "data_overlap": 0.6854,
    "host_layer_time": 0.0004076,
    "host_layer_time.old": 0.0025,
    "host_expert_time": 0.004717,
    "host_product_time": 0.0002348,
    "host_speed.grace": 1.621,
    "step_overhead": 0.01147,
    "software_factor.composer": 1.057,
    "software_factor.deepspeed": 1.163,
    "software_factor.simumax": 1.272,
}
# Measured over predicted time of held-out rows: 10th and 90th percentile.
RESIDUALS: dict[str, tuple[float, float]] = {
    "dense": (0.9179, 1.127),
    "experts": (0.8964, 1.176),
    "unseen": (0.8546, 1.147),
}
# Predicted over published hours of whole runs: median, 10th and 90th percentile.
CAMPAIGNS: dict[str, tuple[float, float, float]] = {
    "before_2024": (0.566, 0.4722, 0.6821),
    "since_2024": (0.7803, 0.5075, 1.074),
    "known_layout": (1.218, 0.9968, 1.882),
}
