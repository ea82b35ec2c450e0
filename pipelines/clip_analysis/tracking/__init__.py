"""A face followed through a clip: landmarks, reference frames, and motion against them."""
