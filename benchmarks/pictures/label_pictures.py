"""Image of docs/labels.md: the label of every method for one pair with known motion, and its error.

Run `python -m benchmarks.pictures.label_pictures docs/pictures`.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

_SIZE, _SHOWN, _CAPTION = 256, 200, 22  # pixels
_SEED, _NUMBER = 7, 0  # of the pair


def sheet() -> np.ndarray:
    """Return an image of the labels above their errors, uint8 [H, W, 3], RGB.

    The pair is the warped portrait, with landmarks detected in both frames. Frame 1 and the true flow are
    left of the labels.
    """
    import skimage.data

    from pipelines.labels import METHODS, make_label
    from pipelines.landmarks.detector import FaceMesh, find_face
    from pipelines.synthetic.portrait import PortraitMotion, moved_portrait
    from pipelines.visualization.flow_color import flow_to_color
    from pipelines.visualization.flow_pictures import error_map, with_legend

    portrait = skimage.data.astronaut()
    with FaceMesh() as face_mesh:
        landmarks = find_face(face_mesh, portrait, "the portrait").landmarks
        motion = PortraitMotion(size=_SIZE, strength=(0.4, 1.0))
        pair = moved_portrait(portrait, landmarks, motion, _SEED, _NUMBER)
        face1 = find_face(face_mesh, pair.frame1, "frame 1")
        face2 = find_face(face_mesh, pair.frame2, "frame 2", same_as=face1)
    length = np.linalg.norm(pair.flow, axis=-1)
    max_length, worst = float(length.max()), float(length[pair.face].mean())
    true = with_legend(flow_to_color(pair.flow, max_length=max_length), max_length)
    columns = [[(pair.frame1, "frame 1"), (true, f"true flow, {worst:.2f} px")]]
    for name in METHODS:
        label = make_label(name, pair.frame1, pair.frame2, face1.landmarks, face2.landmarks)
        errors, known = np.linalg.norm(label.flow - pair.flow, axis=-1), pair.face & label.valid
        painted = flow_to_color(label.flow, label.valid, max_length)
        columns.append(
            [(painted, name), (error_map(errors, known, worst), f"error {errors[known].mean():.2f} px")]
        )
    return np.hstack([np.vstack([_captioned(*tile) for tile in column]) for column in columns])


def _captioned(picture: np.ndarray, caption: str) -> np.ndarray:
    tile = np.full((_SHOWN + _CAPTION, _SHOWN, 3), 255, np.uint8)
    tile[_CAPTION:] = cv2.resize(picture, (_SHOWN, _SHOWN), interpolation=cv2.INTER_AREA)
    cv2.putText(tile, caption, (4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return tile


def main(folder: Path) -> None:
    """Write the image into a folder."""
    from pipelines.io.images import write_image

    write_image(folder / "labels.png", sheet())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
