"""Other networks, in PyTorch and an environment of their own."""
