"""The topology of MediaPipe's Face Mesh: triangles, outline, the 68-point subset and facial regions.

Image coordinates throughout: x to the right, y down, so "right" in a comment is the subject's right and
lies on the left of the picture.
"""

from importlib import resources

import cv2
import numpy as np

from pipelines.errors import InputError

NUM_LANDMARKS = 478
_LIDS = ((33, 133, 159, 145), (263, 362, 386, 374))  # around the subject's right and left iris

# 852 triangles of MediaPipe's tessellation, and 50 that close its three holes: a fan around each iris
# centre and a strip between the inner lips. Wound so that a triangle that faces the camera has a positive
# area in image coordinates. Vertices 469-472 and 474-477 (iris rims) belong to no triangle: they stick out
# of the lids as soon as an eye narrows, and the surface would fold.
TRIANGLES = np.loadtxt(
    resources.files("pipelines.landmarks").joinpath("face_mesh_triangles.csv").open(),
    delimiter=",",
    dtype=np.int32,
)

# Face Mesh vertices in the order of the iBUG 68-point annotation (index 0 = iBUG point 1).
IBUG_68 = np.array(
    [162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389]  # jaw line
    + [71, 63, 105, 66, 107, 336, 296, 334, 293, 301]  # brows
    + [168, 197, 5, 4, 75, 97, 2, 326, 305]  # nose
    + [33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380]  # eyes
    + [61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181]  # outer lips
    + [78, 82, 13, 312, 308, 317, 14, 87],  # inner lips
    dtype=np.int32,
)

FACE_OVAL = np.array(
    [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377]
    + [152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109],
    dtype=np.int32,
)

#: Outer corners of the eyes; their distance is the field's usual unit of face size (inter-ocular distance).
EYE_CORNERS = (33, 263)

# Outlines of the regions, painted in this order, so that a later one lies on top of an earlier one.
_OUTLINES: dict[str, list[list[int]]] = {
    "cheeks": [FACE_OVAL.tolist()],
    "forehead": [
        [162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389]
        + [368, 301, 293, 334, 296, 336, 9, 107, 66, 105, 63, 71, 139]
    ],
    "jaw": [
        [58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288]
        + [435, 416, 434, 432, 287, 57, 212, 214, 192, 215]
    ],
    "nose": [
        [
            8,
            193,
            245,
            188,
            174,
            236,
            198,
            49,
            129,
            98,
            97,
            2,
            326,
            327,
            358,
            279,
            420,
            456,
            399,
            412,
            465,
            417,
        ]
    ],
    "mouth": [
        [164, 167, 165, 92, 186, 57, 43, 106, 182, 83, 18, 313, 406, 335, 273, 287, 410, 322, 391, 393]
    ],
    "eyes": [
        [124, 46, 53, 52, 65, 55, 221, 189, 244, 233, 232, 231, 230, 229, 228, 31, 226],
        [353, 276, 283, 282, 295, 285, 441, 413, 464, 453, 452, 451, 450, 449, 448, 261, 446],
    ],
    "brows": [
        [156, 71, 63, 105, 66, 107, 9, 336, 296, 334, 293, 301, 383, 353]
        + [276, 283, 282, 295, 285, 8, 55, 65, 52, 53, 46, 124]
    ],
}

#: The seven regions, in the order in which tables list them; region k is painted with the value k + 1.
REGIONS = ("brows", "eyes", "nose", "mouth", "cheeks", "jaw", "forehead")


def check_landmarks(*sets: np.ndarray) -> None:
    """Refuse what is not a set of landmarks.

    Args:
        sets: float, shape (478, 2) each.

    Raises:
        InputError: for another shape, or values that are not finite.
    """
    for points in sets:
        if points.shape != (NUM_LANDMARKS, 2):
            raise InputError(f"landmarks have the shape ({NUM_LANDMARKS}, 2), not {points.shape}")
        if not np.isfinite(points).all():
            raise InputError("landmarks must be finite numbers; some are NaN or infinite")


def with_irises(values: np.ndarray) -> np.ndarray:
    """Append the irises to values of the landmarks on the skin, each in the middle of its lids.

    Args:
        values: such as positions or depths, float [468, ...].

    Returns:
        Float [478, ...].

    Examples:
        >>> with_irises(np.arange(468.0))[[468, 473]].tolist()
        [117.5, 346.25]
    """
    irises = [np.repeat(values[list(lids)].mean(axis=0, keepdims=True), 5, axis=0) for lids in _LIDS]
    return np.concatenate([values, *irises])


_SUBPIXEL_BITS = 4  # cv2.fillPoly takes fixed-point corners


def _fill(image: np.ndarray, outline: np.ndarray, value: int) -> None:
    corners = np.round(outline * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(image, [corners], value, shift=_SUBPIXEL_BITS)


def face_mask(landmarks: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels inside the face's outline.

    Args:
        landmarks: float, shape (478, 2), (x, y) in pixels.
        shape: (height, width) of the mask.

    Returns:
        bool, shape (height, width).
    """
    mask = np.zeros(shape, np.uint8)
    _fill(mask, landmarks[FACE_OVAL], 1)
    return mask.astype(bool)


def region_map(landmarks: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Facial region of every pixel.

    Args:
        landmarks: float, shape (478, 2), (x, y) in pixels.
        shape: (height, width) of the map.

    Returns:
        uint8, shape (height, width): 0 outside the face, k + 1 inside `REGIONS[k]`.
    """
    regions = np.zeros(shape, np.uint8)
    for name, outlines in _OUTLINES.items():
        for outline in outlines:
            _fill(regions, landmarks[outline], REGIONS.index(name) + 1)
    return regions
