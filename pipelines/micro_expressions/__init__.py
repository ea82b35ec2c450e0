"""Micro-expressions: alignment, features, apex and interval spotting."""
