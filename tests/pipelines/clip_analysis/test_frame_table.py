import numpy as np
import pytest

from pipelines.clip_analysis.frame_table import FrameTable, copied_share
from pipelines.clip_analysis.tracking.clip_frame import ClipFrame
from pipelines.clip_analysis.tracking.reference_crop import reference_crop


def turned(points, degrees, centre):
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # clockwise
    return ((points - centre) @ turn + centre).astype(np.float32)


@pytest.mark.parametrize("first", [0, 178, -178])
@pytest.mark.parametrize("change", [4, -6])
def test_a_tilt_is_the_shorter_way_round(portrait, portrait_landmarks, first, change):
    """Also of a face that is upside down, whose angle goes from 180 to -180 degrees."""
    centre = portrait_landmarks.mean(axis=0)
    table = FrameTable(reference_crop(portrait, turned(portrait_landmarks, first, centre)), 0.8)
    now = turned(portrait_landmarks, first + change, centre)
    row = table.row(ClipFrame(1, portrait, now, None), 0.04)
    assert float(row["roll_deg"]) == pytest.approx(change, abs=0.2)


def test_copied_blocks_are_those_of_the_face(portrait, portrait_landmarks):
    """Pictures of whole blocks: a mirrored one, in both directions, has the mirrored blocks."""
    picture, points = portrait[:320, 80:400], portrait_landmarks - np.float32([80, 0])
    differs = np.random.default_rng(0).integers(0, 2, (40, 40), np.uint8)
    before = picture ^ np.kron(differs, np.ones((8, 8), np.uint8))[..., None]
    share = copied_share(picture, before, points)
    assert 0.3 < share < 0.7
    for way, direction in ((np.s_[:, ::-1], [-1, 1]), (np.s_[::-1], [1, -1])):
        there = (points - 159.5) * np.float32(direction) + np.float32(159.5)
        assert copied_share(picture[way], before[way], there) == pytest.approx(share, abs=0.005)
    assert copied_share(picture, picture, points) == 1
