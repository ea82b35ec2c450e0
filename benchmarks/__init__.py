"""Benchmarks behind the numbers in README and docs; `python -m benchmarks` runs them, see `__main__`."""
