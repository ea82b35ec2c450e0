"""Corpora of face clips: clips with their annotations, frame pairs, splits by subject."""
