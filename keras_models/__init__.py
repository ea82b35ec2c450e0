"""Networks, losses, metrics, training and evaluation. Imports `pipelines` and nothing above."""
