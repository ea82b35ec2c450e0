import doctest

import numpy as np

from pipelines.landmarks import canonical_face
from pipelines.landmarks.canonical_face import COUNT, canonical_landmarks, mirror_landmarks
from pipelines.synthetic.renderer.geometry.head import head_model


def test_it_is_the_base_head_of_the_rendered_faces():
    np.testing.assert_array_equal(canonical_landmarks(), head_model().vertices[:COUNT])
    np.testing.assert_array_equal(mirror_landmarks(), head_model().mirror[:COUNT])


def test_it_is_symmetric():
    mirrored = canonical_landmarks()[mirror_landmarks()] * [-1, 1, 1]
    np.testing.assert_allclose(mirrored, canonical_landmarks(), atol=0.02)


def test_examples():
    assert doctest.testmod(canonical_face).failed == 0
