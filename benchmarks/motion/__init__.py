"""Benchmarks of motion over a clip."""
