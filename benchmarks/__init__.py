"""Measurements that the README and the docs rest on. Each module prints its own lines; see `__main__`."""
