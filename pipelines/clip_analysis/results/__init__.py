"""Files that an analysis writes: the report, the ELAN file."""
