"""Classifiers of micro-expressions, one module each."""
