import cv2
import numpy as np
import pytest

from pipelines.synthetic.renderer.rendered_pair import get_actor, get_background
from pipelines.synthetic.renderer.sampling import draw_scene_pair


@pytest.fixture(scope="session")
def shot():
    """Draw a shot without rendering it: `shot(k, mixture="default", size=256)`."""

    def draw(k, mixture="default", size=256, photometric=False):
        rng = np.random.default_rng([90, k])
        return draw_scene_pair(get_actor(90, k), get_background(90, k), rng, size, mixture, photometric)

    return draw


@pytest.fixture(scope="session")
def sample():
    """Bilinear look-up of an image [H, W, ...] at positions [..., 2] in pixels."""

    def look_up(image, positions):
        x, y = (np.ascontiguousarray(positions[..., k], np.float32) for k in (0, 1))
        return cv2.remap(image.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    return look_up
