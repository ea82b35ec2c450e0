"""The command line. It holds no logic of its own: each command calls the packages below."""
