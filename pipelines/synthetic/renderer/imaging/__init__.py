"""Camera, rasteriser, light, exact motion, and photometric degradation."""
