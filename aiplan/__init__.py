"""aiplan: an AI compute and cost planner."""

__version__ = "0.1.0"
