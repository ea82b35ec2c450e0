"""Motion of a clip against a reference frame: tracking, tables, events, pictures."""
