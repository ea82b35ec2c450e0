"""Models and their versions: finding them on disk, loading, polling, replacing and publishing them."""
