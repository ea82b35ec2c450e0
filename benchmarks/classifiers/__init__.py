"""Classifiers of micro-expressions, on rendered and on real people."""
