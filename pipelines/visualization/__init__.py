"""Visualization of flow and results as images and HTML reports."""
