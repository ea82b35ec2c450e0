"""From frames to answers with a trained network or a classical method."""
