"""Pictures of the README and the pages, made anew."""
