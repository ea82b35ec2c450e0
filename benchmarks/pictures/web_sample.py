"""Sample pair of the page in the browser: a rendered person before and at the apex of a smile.

Run `python -m benchmarks.pictures.web_sample serving/web/page`; it writes `sample1.png` and `sample2.png`.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.pictures.moving_picture import clip

_PERSON = (3, 20, "happiness", 1)  # seed, number of the subject, emotion, variant
_FRAMES = 4  # of which the third is the apex


def sample_pair() -> tuple[np.ndarray, np.ndarray]:
    """Render both frames, uint8 [256, 256, 3], RGB."""
    frames = clip(*_PERSON, frames=_FRAMES)
    return frames[0][0], frames[2][0]


if __name__ == "__main__":
    for number, frame in enumerate(sample_pair(), start=1):
        # Small files rather than fast ones.
        Image.fromarray(frame).save(Path(sys.argv[1]) / f"sample{number}.png", optimize=True)
