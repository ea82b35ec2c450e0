#!/bin/sh
# OpenCV 4.11 does not turn videos by their display matrix unless it is asked to.
#
# Its documentation lists CAP_PROP_ORIENTATION_AUTO for rotating videos automatically, and in the wheel of 4.10.0.84 it
# is on: frames are turned. In the wheel of 4.11.0.86 it is 0, and frames are as they are stored, although the rotation
# is read (CAP_PROP_ORIENTATION_META is 270). PyAV 18.1.0 does not turn frames either; it has the matrix with each
# frame, so that a program can turn it as ffmpeg does.
#
# Seen, and checked here: a video of 96 x 64 pixels with a rotation by 90 degrees, which ffmpeg shows as 64 x 96.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  opencv-python-headless==4.11.0.86 "numpy<2" av==18.1.0 imageio-ffmpeg==0.6.0
python3 -m venv "$folder/older"
"$folder/older/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==4.10.0.84 "numpy<2"
cd "$folder"
env/bin/python - <<'PYTHON'
import subprocess

import av
import cv2
import imageio_ffmpeg

ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error"]
subprocess.run([*ffmpeg, "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=1", "plain.mp4"], check=True)
subprocess.run([*ffmpeg, "-display_rotation", "90", "-i", "plain.mp4", "-c", "copy", "turned.mp4"], check=True)
one = ["-i", "turned.mp4", "-frames:v", "1", "shown.png"]
subprocess.run([*ffmpeg, *one], check=True)
shown = cv2.imread("shown.png").shape
capture = cv2.VideoCapture("turned.mp4")
meta, auto = capture.get(cv2.CAP_PROP_ORIENTATION_META), capture.get(cv2.CAP_PROP_ORIENTATION_AUTO)
read = capture.read()[1].shape
with av.open("turned.mp4") as container:
    frame = next(container.decode(video=0))
print("OpenCV", cv2.__version__, "| ffmpeg shows", shown, "| OpenCV returns", read, "| META", meta, "AUTO", auto)
print("PyAV", av.__version__, "| returns", (frame.height, frame.width), "| rotation", frame.rotation)
assert shown == (96, 64, 3)
assert (read, meta, auto) == ((64, 96, 3), 270.0, 0.0)
assert (frame.height, frame.width, abs(frame.rotation)) == (64, 96, 90)
PYTHON
older/bin/python - <<'PYTHON'
import cv2

capture = cv2.VideoCapture("turned.mp4")
auto, read = capture.get(cv2.CAP_PROP_ORIENTATION_AUTO), capture.read()[1].shape
print("OpenCV", cv2.__version__, "| returns", read, "| AUTO", auto)
assert (read, auto) == ((96, 64, 3), 1.0)
PYTHON
