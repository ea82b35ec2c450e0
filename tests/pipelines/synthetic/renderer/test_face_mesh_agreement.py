"""A face finder that never saw a rendered face must take it for a face, and see the points where they are."""

import pytest

from benchmarks.rendered_faces import agreement


@pytest.mark.slow
def test_face_mesh_finds_rendered_faces_and_their_points():
    found, error = agreement(300)[:2]
    assert found >= 0.95 * 300
    assert error < 0.05  # of the inter-ocular distance, systematic offsets included
