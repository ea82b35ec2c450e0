"""Evaluation of flow estimators and classifiers: protocols, scores and reports."""
