from pathlib import Path

import numpy as np
import pytest

from benchmarks.pictures.web_sample import sample_pair
from pipelines.io.images import read_image

PAGE = Path(__file__).parents[2] / "serving" / "web" / "page"


@pytest.mark.slow
def test_the_sample_of_the_page_is_what_the_renderer_gives():
    for number, frame in enumerate(sample_pair(), start=1):
        np.testing.assert_array_equal(read_image(PAGE / f"sample{number}.png"), frame)
