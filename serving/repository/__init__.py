"""Models and their versions: on disk, loaded, watched, replaced."""
