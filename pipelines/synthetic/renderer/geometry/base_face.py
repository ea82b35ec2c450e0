"""Face of the base head: Face Mesh on the portrait, turned to the front, symmetric and neutral."""

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

_FACE_WIDTH = 13.8  # cm, average adult bizygomatic width
_PORTRAIT_WINDOW = (slice(0, 320), slice(80, 400))
_MAGNIFIED = 960

# Lip contours of the subject's right half, corner to middle, outermost ring first (Face Mesh indices).
UPPER_RINGS = (
    (61, 185, 40, 39, 37, 0),
    (76, 184, 74, 73, 72, 11),
    (62, 183, 42, 41, 38, 12),
    (78, 191, 80, 81, 82, 13),
)
LOWER_RINGS = (
    (61, 146, 91, 181, 84, 17),
    (76, 77, 90, 180, 85, 16),
    (62, 96, 89, 179, 86, 15),
    (78, 95, 88, 178, 87, 14),
)
# The same contours at rest: x, y, z of the outer and the inner ring, set by hand from anthropometric averages
# (philtrum : lower face = 1 : 2, mouth width = distance between the inner rims of the pupils).
_UPPER_OUTER = [
    (2.55, 6.68, -1.72),
    (2.30, 6.42, -2.02),
    (1.85, 6.11, -2.5),
    (1.30, 5.84, -2.95),
    (0.62, 5.66, -3.22),
]
_UPPER_OUTER += [(0, 5.76, -3.28)]
_LOWER_OUTER = [
    (2.55, 6.68, -1.72),
    (2.28, 6.97, -2.02),
    (1.84, 7.26, -2.42),
    (1.27, 7.52, -2.76),
    (0.62, 7.66, -2.95),
]
_LOWER_OUTER += [(0, 7.69, -3.0)]
_LINE = [
    (2.38, 6.68, -1.75),
    (2.1, 6.66, -2.1),
    (1.7, 6.62, -2.5),
    (1.2, 6.6, -2.83),
    (0.6, 6.62, -3.03),
    (0, 6.66, -3.1),
]
_LIP_BULGE = 0.22  # cm, protrusion of the lips in front of the straight line from rim to rim

# Displacements (dx outwards, dy down, dz back) that remove the rest of the smile, subject's right.
_UNSMILE = {
    2: (0, 0.25, 0), 164: (0, 0.3, -0.1), 167: (-0.1, 0.3, -0.1), 165: (-0.2, 0.45, -0.3),
    92: (-0.35, 0.6, -0.5),
    186: (-0.45, 0.7, -0.6), 57: (-0.55, 0.75, -0.7), 43: (-0.55, 0.55, -0.6), 106: (-0.45, 0.3, -0.45),
    182: (-0.35, 0.15, -0.3), 83: (-0.15, 0.05, -0.2), 18: (0, 0.05, -0.15), 200: (0, 0, -0.1),
    216: (-0.35, 0.6, -0.4), 206: (-0.25, 0.4, -0.15), 203: (-0.2, 0.25, 0), 98: (-0.2, 0.12, 0),
    64: (-0.25, 0.1, 0),
    129: (-0.22, 0.1, 0), 97: (-0.05, 0.2, 0), 1: (0, 0.05, 0), 205: (-0.15, 0.3, 0.1),
    50: (-0.1, 0.15, 0.15),
    207: (-0.2, 0.4, -0.05), 212: (-0.4, 0.5, -0.45), 202: (-0.25, 0.2, -0.3), 204: (-0.2, 0.1, -0.2),
    214: (-0.1, 0.2, -0.1), 118: (-0.02, 0.02, 0.1), 101: (-0.05, 0.1, 0.1),
}  # fmt: skip
_STILL = (10, 9, 6, 168, 197, 195, 5, 4, 33, 133, 159, 145, 70, 107, 105, 54, 127, 234)
_STILL += (93, 58, 172, 136, 149, 148, 152)
_STILL += (199, 175, 123, 116, 117, 111, 46, 55, 226, 244, 193, 122)


def portrait_points() -> np.ndarray:
    """Detect Face Mesh on the portrait; float64 [478, 3], pixels of its enlarged crop."""
    import mediapipe
    import skimage.data

    window = cv2.resize(skimage.data.astronaut()[_PORTRAIT_WINDOW], (_MAGNIFIED, _MAGNIFIED))
    with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
        found = mesh.process(window).multi_face_landmarks[0]
    return np.array([[point.x, point.y, point.z] for point in found.landmark]) * _MAGNIFIED


def symmetric(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotate points to the front and average them with their mirror image.

    Args:
        points: Face Mesh points, float64 [478, 3], in any unit.

    Returns:
        Symmetric points, float64 [478, 3], cm; and the index of each point's mirror image, int64 [478].
    """
    points = points - points.mean(axis=0)
    pairs = [(33, 263), (133, 362), (61, 291), (70, 300), (234, 454), (58, 288), (98, 327)]
    for _ in range(3):
        turned = _to_front(points, np.array(pairs))
        distance = np.linalg.norm(turned[:, None] - turned[None] * [-1, 1, 1], axis=2)
        mirror = linear_sum_assignment(distance**2)[1]
        pairs = [(i, j) for i, j in enumerate(mirror) if turned[i, 0] < turned[j, 0] and i != j]
    turned = _to_front(points, np.array(pairs))
    half = (turned + (turned * [-1, 1, 1])[mirror]) / 2
    half *= _FACE_WIDTH / (half[454, 0] - half[234, 0])
    return half - [0, half[33, 1], half[33, 2]], mirror


def _to_front(points: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    x = (points[pairs[:, 1]] - points[pairs[:, 0]]).mean(axis=0)
    x /= np.linalg.norm(x)
    y = points[152] - points[10]
    y -= (y @ x) * x
    y /= np.linalg.norm(y)
    turned = points @ np.stack([x, y, np.cross(x, y)]).T
    turned[:, 0] -= turned[pairs, 0].mean()
    return turned


def neutral(points: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Remove the smile of symmetric points: close the mouth and lower the cheeks; float64 [478, 3], cm."""
    targets = {i: points[i] for i in _STILL}
    for number, (dx, dy, dz) in _UNSMILE.items():
        targets[number] = points[number] + [-dx, dy, dz]
    for rings, outer in ((UPPER_RINGS, _UPPER_OUTER), (LOWER_RINGS, _LOWER_OUTER)):
        rim, line = np.array(outer), np.array(_LINE)
        for share, ring in zip((0, 0.4, 0.75, 1), rings, strict=True):
            shape = (1 - share) * rim + share * line
            shape[1:, 2] -= _LIP_BULGE * np.sin(np.pi * min(share * 1.1, 1))
            shape[:, 0] *= -1
            targets |= dict(zip(ring, shape, strict=True))
    for number in list(targets):
        targets[int(mirror[number])] = targets[number] * [-1, 1, 1]
    index = np.array(list(targets))
    moved = np.array(list(targets.values())) - points[index]
    # Radial basis functions of the distance with an affine part, the smoothest interpolation in space.
    kernel = np.linalg.norm(points[:, None] - points[None, index], axis=2)
    affine = np.c_[np.ones(len(points)), points]
    system = np.block([[kernel[index], affine[index]], [affine[index].T, np.zeros((4, 4))]])
    weights = np.linalg.solve(system, np.r_[moved, np.zeros((4, 3))])
    rest = points + kernel @ weights[:-4] + affine @ weights[-4:]
    return (rest + (rest * [-1, 1, 1])[mirror]) / 2
