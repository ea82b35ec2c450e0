"""Pairs as they come out: reproducible, complete, and of the sizes of motion that were asked for."""

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from multiprocessing import get_context

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.io.pairs import read_pair, write_pair
from pipelines.synthetic.renderer import render_pair
from pipelines.synthetic.renderer.imaging.photometry import DISTURBANCES
from pipelines.synthetic.renderer.sampling import MIXTURES


def fingerprint(k):
    pair = render_pair(7, k, 128)
    arrays = (pair.frame1, pair.frame2, pair.flow, pair.head, pair.occluded, pair.face, pair.regions)
    return b"".join(array.tobytes() for array in (*arrays, pair.landmarks1, pair.landmarks2))


def test_same_bytes_in_any_order_and_in_four_processes():
    here = [fingerprint(k) for k in (5, 2, 9, 0)]
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        there = list(pool.map(fingerprint, (0, 2, 5, 9)))
    assert here == [there[2], there[1], there[3], there[0]]


def test_other_seeds_show_other_people():
    assert np.abs(render_pair(1, 0, 64).frame1.astype(int) - render_pair(2, 0, 64).frame1).mean() > 5


def test_pair_survives_the_disk(tmp_path):
    pair = render_pair(3, 1, 96)
    write_pair(tmp_path, pair)
    again = read_pair(tmp_path, pair.name, pair.metadata)
    for part in fields(pair):
        np.testing.assert_array_equal(getattr(again, part.name), getattr(pair, part.name), err_msg=part.name)


def test_shapes_and_types():
    pair = render_pair(3, 2, 96)
    assert pair.frame1.dtype == pair.frame2.dtype == np.uint8
    assert pair.frame1.shape == (96, 96, 3)
    assert pair.flow.dtype == pair.head.dtype == np.float32
    assert pair.flow.shape == pair.head.shape == (96, 96, 2)
    assert pair.landmarks1.dtype == np.float32
    assert pair.landmarks1.shape == pair.landmarks2.shape == (478, 2)
    assert pair.face.dtype == pair.occluded.dtype == bool
    assert pair.face.mean() > 0.05
    assert set(np.unique(pair.regions)) == set(range(8))
    assert not pair.regions[~pair.face].any()


@pytest.mark.parametrize("size", [128, 256])
def test_micro_expressions_are_small(size):
    """Peaks of 0.2-2 px at 256 x 256 plus a drift of at most half a pixel, in proportion at other sizes."""
    for k in range(4):
        pair = render_pair(11, k, size, mixture="micro", disturbance="none")
        skin = (pair.regions > 0) & (pair.regions != 2)  # the eyes may jump
        assert np.linalg.norm(pair.flow[skin], axis=-1).max() < 3.5 * size / 256


def test_head_motion_is_large():
    lengths = []
    for k in range(6):
        pair = render_pair(12, k, mixture="head", disturbance="none")
        lengths.append(np.linalg.norm(pair.head[pair.face], axis=-1).mean())
    assert 2 < np.median(lengths) < 25


def test_mixtures_are_distributions():
    for name, kinds in MIXTURES.items():
        assert sum(kinds.values()) == pytest.approx(1), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mixture": "blink"}, "unknown mixture 'blink'; use one of: default"),
        ({"disturbance": "x"}, "unknown disturbance"),
        ({"size": 0}, "size must be at least 32, but is 0"),
        ({"seed": -1}, "at least 0, but are -1 and 0"),
        ({"k": -1}, "at least 0, but are 0 and -1"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        render_pair(**{"seed": 0, "k": 0} | arguments)


def test_import_is_light():
    """TensorFlow and MediaPipe take seconds to import, and rendering needs neither."""
    heavy = ("tensorflow", "mediapipe", "skimage")
    found = f"[name for name in {heavy} if name in sys.modules]"
    code = f"import sys, pipelines.synthetic.rendered_corpora; print({found})"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_disturbances_change_the_pictures_and_nothing_that_is_true():
    disturbed = {
        name: [render_pair(13, k, 64, mixture="micro", disturbance=name) for k in range(8)]
        for name in DISTURBANCES
    }
    for pairs in zip(*disturbed.values(), strict=True):
        for pair in pairs[1:]:
            np.testing.assert_array_equal(pair.flow, pairs[0].flow)
            np.testing.assert_array_equal(pair.landmarks2, pairs[0].landmarks2)
    brighter = {
        name: np.std([pair.frame2[pair.face].mean() - pair.frame1[pair.face].mean() for pair in pairs])
        for name, pairs in disturbed.items()
    }
    assert brighter["none"] < 1
    assert brighter["exposure"] > 1.5 * brighter["default"]
