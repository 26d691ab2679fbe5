"""Encoders, projectors, and the slow copy with its queue of keys."""
