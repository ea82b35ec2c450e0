import threading

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="session")
def dis():
    """An estimator that knows nothing of faces or clips: OpenCV's DIS."""
    own = threading.local()  # its intermediate results are those of one thread

    def algorithm():
        if not hasattr(own, "dis"):
            own.dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
            own.dis.setFinestScale(0)
            own.dis.setPatchStride(2)
            own.dis.setVariationalRefinementIterations(20)
        return own.dis

    def estimate(frame1, frame2):
        grey = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (frame1, frame2))
        return algorithm().calc(*grey, None), np.ones(frame1.shape[:2], bool)

    return estimate


@pytest.fixture(scope="session")
def moved(portrait, portrait_landmarks):
    """A function of an affine motion [3, 2] and of a smile in pixels: frame, landmarks, and the true flow."""
    from pipelines.image.bicubic import sample_bicubic
    from pipelines.image.warping import invert_flow, pixel_grid

    size = portrait.shape[:2]
    grid = pixel_grid(size)
    image = portrait.astype(np.float32)

    def move(affine=((0, 0), (0, 0), (0, 0)), smile=0.0):
        flow = (grid @ np.array(affine)[:2] + affine[2]).astype(np.float32)
        for landmark, direction in ((61, (-0.8, -0.6)), (291, (0.8, -0.6))):
            squared = np.square(grid - portrait_landmarks[landmark]).sum(axis=-1)
            flow += smile * np.exp(-squared / (2 * 12**2))[..., None] * np.float32(direction)
        frame = np.clip(np.rint(sample_bicubic(image, grid + invert_flow(flow))), 0, 255).astype(np.uint8)
        at = portrait_landmarks.round().astype(int).clip(0, size[0] - 1)
        return frame, portrait_landmarks + flow[at[:, 1], at[:, 0]], flow

    return move


@pytest.fixture(scope="session")
def expressive_landmarks():
    """Landmarks of a rendered face by its units: `expressive_landmarks(AU12=1.0)`, float32 [478, 2]."""
    from dataclasses import replace

    from pipelines.synthetic.renderer.clip_script import draw_clip
    from pipelines.synthetic.renderer.geometry.facial_expression import expression

    frame = draw_clip(2, 0, kind="micro", frames=12, size=256).at(0)
    return lambda **units: replace(frame, state=expression(**units)).landmarks
