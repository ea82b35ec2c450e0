"""Image pairs whose flow is known exactly: moved portraits, moving shapes, rendered faces."""
