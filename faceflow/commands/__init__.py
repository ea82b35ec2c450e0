"""The commands of the command line. Each parses its arguments, calls the other packages, and reports."""
