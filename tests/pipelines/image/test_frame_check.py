import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.image.frame_check import check_frames
from pipelines.labels import METHODS, make_label

FRAME = np.zeros((7, 9, 3), np.uint8)


def test_frames_of_one_size():
    check_frames(FRAME, FRAME + 1)


@pytest.mark.parametrize(("other", "says"), [((7, 8, 3), "9x7 and 8x7"), ((8, 7, 3), "9x7 and 7x8")])
def test_frames_of_two_sizes(other, says):
    with pytest.raises(InputError, match=f"the two frames differ in size: {says}"):
        check_frames(FRAME, np.zeros(other, np.uint8))


NO_FRAMES = {
    "uint8 of 7x9": FRAME[..., 0],
    "uint8 of 7x9x1": FRAME[..., :1],
    "uint8 of 7x9x4": np.zeros((7, 9, 4), np.uint8),
    "float32 of 7x9x3": FRAME.astype(np.float32),
    "uint16 of 7x9x3": FRAME.astype(np.uint16),
}


@pytest.mark.parametrize("says", NO_FRAMES)
@pytest.mark.parametrize("order", [1, -1])
def test_what_is_no_frame(says, order):
    with pytest.raises(InputError, match=rf"uint8 of the shape \(H, W, 3\), but one is {says}"):
        check_frames(*(FRAME, NO_FRAMES[says])[::order])


@pytest.mark.parametrize("method", METHODS)
def test_labels_are_not_made_of_what_is_no_frame(method):
    # A float image in [0, 1] looked like noise to `refined`, and grey images gave an error of OpenCV.
    landmarks = np.random.default_rng(0).uniform(1, 6, (478, 2))
    with pytest.raises(InputError, match="float32"):
        make_label(method, *[FRAME.astype(np.float32)] * 2, landmarks, landmarks)
