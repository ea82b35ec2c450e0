"""Images of README and docs."""
