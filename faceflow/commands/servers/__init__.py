"""Commands that serve until they are told to end: models, and the page in the browser."""
