import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.image.sizes import check_same_size


def test_frames_of_one_size():
    check_same_size(np.zeros((7, 9, 3), np.uint8), np.ones((7, 9, 3), np.uint8))


@pytest.mark.parametrize(
    ("other", "says"),
    [((7, 8, 3), "9x7 and 8x7"), ((8, 7, 3), "9x7 and 7x8"), ((7, 9, 4), "9x7x3 and 9x7x4")],
)
def test_frames_of_two_sizes(other, says):
    with pytest.raises(InputError, match=f"the two frames differ in size: {says}"):
        check_same_size(np.zeros((7, 9, 3), np.uint8), np.zeros(other, np.uint8))
