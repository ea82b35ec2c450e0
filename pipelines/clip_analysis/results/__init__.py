"""Files that an analysis writes: report, ELAN file, Parquet tables, summary of a folder."""
