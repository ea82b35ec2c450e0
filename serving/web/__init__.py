"""The page that estimates flow in a browser: its files, model and runtime, and a server on loopback."""
