"""Calibration of trained networks: probabilities of classifiers, and the uncertainty of flow."""
