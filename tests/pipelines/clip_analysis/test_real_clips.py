"""Analysis of real clips, with the network that comes with FaceFlow."""

import csv

import numpy as np
import pytest

from faceflow.api import analyze

pytestmark = [pytest.mark.real, pytest.mark.slow]


def regions(folder):
    """Mean motion (u, v) by the region and side, float [T, 2]; NaN where it is not known."""
    with (folder / "motion.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    count = int(rows[-1]["frame"]) + 1
    found = {}
    for row in rows:
        motion = found.setdefault((row["region"], row["side"]), np.full((count, 2), np.nan))
        if row["u_px"]:
            motion[int(row["frame"])] = float(row["u_px"]), float(row["v_px"])
    return found


def test_a_grin(real_data, tmp_path):
    """Neutral, a grin, neutral: both corners of the mouth go outwards and up, the forehead stays."""
    analysis = analyze(real_data / "pyfeat" / "single_face.mp4", tmp_path / "out", magnify=0)
    (event,) = [event for event in analysis.events if event.kind != "blink"]
    assert event.kind == "macro"
    assert event.onset < 48 < event.offset
    assert abs(event.apex - 48) <= 3
    motion = regions(tmp_path / "out")
    for side, outwards in (("right", -1), ("left", 1)):
        u, v = motion["mouth_corners", side][48]
        assert outwards * u > 2
        assert v < -2
    assert np.linalg.norm(motion["forehead", "both"][48]) < 1.5


def test_a_still_face(real_data, tmp_path):
    analysis = analyze(real_data / "proctoring" / "center_focus.mp4", tmp_path / "out", magnify=0)
    assert [event for event in analysis.events if event.kind != "blink"] == []
    assert "lost" not in analysis.status
