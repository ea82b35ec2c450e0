"""Training of flow networks and classifiers with `model.fit`."""
