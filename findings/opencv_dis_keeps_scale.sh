#!/bin/sh
# OpenCV's DIS optical flow changes its settings for good when it is given a small pair.
#
# An object of DISOpticalFlow is meant to be used for many pairs. For frames too small for its scales, `calc` chooses
# others, and leaves them in the object: with the medium preset of 4.11.0.86, a pair of 32 x 32 pixels sets the finest
# scale from 1 to 0. All later pairs, of whatever size, then get another flow, and take several times as long. Whoever
# measures DIS on pairs of several sizes gets results that depend on their order; make a new object for each pair, or set
# the finest scale again.
#
# Seen, and checked here: the flow of a pair of 64 x 64 pixels before and after a pair of 32 x 32, and the finest scale;
# the times are printed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==4.11.0.86 "numpy<2"
"$folder/env/bin/python" - <<'PYTHON'
import time

import cv2
import numpy as np

noise = np.random.default_rng(0).integers(0, 256, (260, 260), np.uint8)
texture = cv2.GaussianBlur(noise, (0, 0), 3)
texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX)


def pair(size):
    return texture[:size, :size].copy(), texture[:size, 2 : size + 2].copy()


def milliseconds(dis):
    begin = time.perf_counter()
    for _ in range(20):
        dis.calc(*pair(256), None)
    return (time.perf_counter() - begin) / 20 * 1000


dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
fresh = milliseconds(dis)
before, scale = dis.calc(*pair(64), None), dis.getFinestScale()
again = dis.calc(*pair(64), None)
dis.calc(*pair(32), None)
after, changed = dis.calc(*pair(64), None), dis.getFinestScale()
difference = float(np.abs(after - before).max())
print("256 x 256 pixels take", round(fresh, 1), "ms before,", round(milliseconds(dis), 1), "ms after")
print("OpenCV", cv2.__version__, "| finest scale", scale, "->", changed, "| flow differs by", difference, "px")
assert np.array_equal(before, again)
assert (scale, changed) == (1, 0)
assert difference > 0.001
PYTHON
