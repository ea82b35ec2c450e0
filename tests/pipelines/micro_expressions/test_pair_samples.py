import shutil

import cv2
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.io.images import write_image
from pipelines.io.pairs import read_pair, write_metadata
from pipelines.micro_expressions.alignment import CROP
from pipelines.micro_expressions.pair_samples import NO_LABEL, pair_samples


def still(frame1, frame2):
    return np.zeros((*frame1.shape[:2], 2), np.float32)


def test_pairs_without_a_face_are_named(pair_folder, tmp_path):
    for name in ("00000", "00001"):
        for kind in ("img1.png", "img2.png", "flow.flo"):
            shutil.copy(pair_folder / f"{name}_{kind}", tmp_path)
    write_image(tmp_path / "00001_img2.png", np.zeros_like(read_pair(pair_folder, "00001").frame1))
    seen = []

    def estimate(frame1, frame2):
        seen.append(frame1.shape)
        return still(frame1, frame2)

    samples = pair_samples(tmp_path, estimate)
    assert seen == [(CROP, CROP, 3)]
    assert samples.clips == ("pairs/00000",)
    assert samples.labels.tolist() == [NO_LABEL]
    assert not samples.features.any()
    (issue,) = samples.issues
    assert issue.clip == "pair 00001"
    assert "00001_img2.png: no face found" in issue.reason

    assert samples.subjects == ("pairs/pair",)  # nobody knows whose face it is
    write_metadata(tmp_path, [{"pair": "00000", "subject": "anna"}, {"pair": "00001", "subject": "bert"}])
    assert pair_samples(tmp_path, still).subjects == ("pairs/anna",)

    (tmp_path / "00000_flow.flo").unlink()  # it is not asked for
    assert pair_samples(tmp_path, still).clips == ("pairs/00000",)

    write_image(tmp_path / "00000_img1.png", np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(InputError, match="no pair can be used; pair 00000"):
        pair_samples(tmp_path, still)


def test_both_frames_have_one_depth(pair_folder, tmp_path):
    """Of two 16-bit pictures, one alone would be taken for 12 bits, and the other for 14."""
    frame = read_pair(pair_folder, "00000").frame1.astype(np.uint16)[..., ::-1] * 16
    for number, brightest in ((1, 4095), (2, 4100)):
        frame[0, 0] = brightest
        cv2.imwrite(str(tmp_path / f"00000_img{number}.png"), frame)
    seen = []

    def estimate(frame1, frame2):
        seen.extend((frame1, frame2))
        return still(frame1, frame2)

    pair_samples(tmp_path, estimate)
    assert abs(seen[0].mean() - seen[1].mean()) < 2
