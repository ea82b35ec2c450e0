"""The canonical face: where the 468 landmarks of a frontal, neutral, symmetric face lie.

These are the landmarks of the rendered faces' base head (`geometry.build_head`), so that rendered and
real faces are aligned to the same template. A test compares the table with that head.
"""

from functools import lru_cache
from importlib import resources

import numpy as np

#: Number of landmarks on the skin; Face Mesh adds ten of the irises.
COUNT = 468


def canonical_landmarks() -> np.ndarray:
    """Return the positions of the landmarks: float32 [468, 3], centimetres, x to the image's right, y down.

    Examples:
        >>> canonical_landmarks().shape
        (468, 3)
    """
    return _table()[:, :3].copy()


def mirror_landmarks() -> np.ndarray:
    """Return the index of each landmark's mirror image: int64 [468]. Those in the middle are their own.

    Examples:
        >>> int(mirror_landmarks()[61])  # the right and the left corner of the mouth
        291
    """
    return _table()[:, 3].astype(np.int64)


@lru_cache(maxsize=1)
def _table() -> np.ndarray:
    with resources.files("pipelines.landmarks").joinpath("canonical_face.csv").open() as file:
        return np.loadtxt(file, delimiter=",", skiprows=1, dtype=np.float32)
