"""Flow and results as images and HTML reports."""
