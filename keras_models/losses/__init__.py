"""Losses and metrics of flow networks; a metric calls the function that the loss calls."""
