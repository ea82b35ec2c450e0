#!/bin/sh
# MediaPipe's Face Mesh gives the first frame of a tracked face another pose than all later ones.
#
# With static_image_mode=False, a face is looked at in the box of the face detector when it is new, and from the next
# frame on in a box around its own landmarks. The two boxes differ, and the landmarks with them: given the same picture
# again and again, the landmarks of 0.10.21 move nearly twice as far from the first answer to the second one as between
# later answers. So the first frame of a video shows a motion of the head that did not happen. Process it twice, and
# take the second answer.
#
# Seen, and checked here: mean motion of the landmarks of one picture between the first five answers, at two sizes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check mediapipe==0.10.21 "numpy<2" scikit-image==0.24.0
"$folder/env/bin/python" - <<'PYTHON' 2> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
import mediapipe
import numpy as np
import skimage.data
from skimage.transform import rescale

portrait = skimage.data.astronaut()[:280, 105:345]
large = (rescale(portrait, 2, order=3, channel_axis=-1) * 255).round().clip(0, 255).astype(np.uint8)
for picture in (np.ascontiguousarray(portrait), large):
    height, width = picture.shape[:2]
    answers = []
    with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=False, refine_landmarks=True) as mesh:
        for _ in range(5):
            (face,) = mesh.process(picture).multi_face_landmarks
            answers.append([(point.x * width, point.y * height) for point in face.landmark])
    moved = np.linalg.norm(np.diff(answers, axis=0), axis=-1).mean(axis=-1)
    print("MediaPipe", mediapipe.__version__, "|", width, "x", height, "| px:", moved.round(2).tolist())
    assert moved[0] > 1.5 * moved[1:].max()
PYTHON
