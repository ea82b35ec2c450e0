"""Materials and textures of a rendered scene."""
