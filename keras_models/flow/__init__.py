"""Optical-flow networks, one module each."""
