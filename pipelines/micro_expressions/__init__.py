"""Micro-expressions: from two frames of a face to the features that classifiers look at."""
