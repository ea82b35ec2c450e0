"""Tracking of a face through a clip: landmarks, reference frames, and motion relative to them."""
