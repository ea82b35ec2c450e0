"""The commands of the command line, one module each. They parse, call the packages below, and report."""
