"""Measurements: pure functions of tensors, and the dataclasses that hold what they find."""
