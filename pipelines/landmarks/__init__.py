"""Facial landmarks: detection, topology, smoothing, head motion."""
