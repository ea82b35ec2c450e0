"""Smoothing of a flow that keeps the face apart from what is around it.

A background does not move with the head. Smoothing across the outline would give each some of the other's
motion, and so do estimators within some pixels of it.
"""

import cv2
import numpy as np

from pipelines.image.warping import squared_length

_OUTLINE = 4  # pixels on either side of the outline of the mesh
_EXTENSION = 6.0  # standard deviation, pixels
# A head that moves by fewer pixels, or by fewer times its expression, keeps the flow of its outline. Chosen
# on rendered development clips: turns gain more than expressions that are held lose.
_STILL, _TIMES = 2.0, 8.0
_WIDE = 4.0  # standard deviation, pixels
_LEAST_SHARE = 0.01  # of the face in the window of the extension


class FaceSmoothing:
    """Smooths flows on the grid of a crop.

    Args:
        face: mask of the face, bool [S, S]; S is even.

    Examples:
        >>> face = np.zeros((64, 64), bool)
        >>> face[16:48, 16:48] = True
        >>> flow = np.zeros((64, 64, 2), np.float32)
        >>> flow[12:52, 12:52] = 3, 0  # the outline of the mesh lies inside of that of the face
        >>> FaceSmoothing(face).blurred(flow, 5.0)[16, 16].round(2).tolist()
        [3.0, 0.0]
    """

    def __init__(self, face: np.ndarray):
        window = np.ones((2 * _OUTLINE + 1,) * 2, np.uint8)
        mask = face.astype(np.uint8)
        # The outline of the mesh lies inside of that of the face.
        self._face, self._core = _pairs(cv2.dilate(mask, window)), _pairs(cv2.erode(mask, window))
        self._weights: dict[float, tuple[np.ndarray, np.ndarray]] = {}
        core_share = _blurred(self._core, _EXTENSION)
        self._to_core = 1 / np.maximum(core_share, _LEAST_SHARE)
        # From 1 in the face to 0 along its outline; a step would show as strain.
        inside = np.clip(2 * _blurred(self._core, _OUTLINE / 2) - 1, 0, 1)
        # A part of a face that is too thin to have an inside keeps its flow.
        self._replaced = np.where((self._face > 0) & (core_share > _LEAST_SHARE), 1 - inside, 0)

    def blurred(self, flow: np.ndarray, deviation: float) -> np.ndarray:
        """Blur a flow inside the face and around it, each by itself.

        Args:
            flow: float32 [S, S, 2], pixels.
            deviation: standard deviation of the Gaussian, pixels.
        """
        if deviation not in self._weights:
            share = np.clip(_blurred(self._face, deviation), 1e-6, 1 - 1e-6)
            around = (1 - self._face) / (1 - share)
            self._weights[deviation] = self._face / share - around, around
        of_face, of_all = self._weights[deviation]
        return _blurred(flow * self._face, deviation) * of_face + _blurred(flow, deviation) * of_all

    def with_outline(self, own: np.ndarray, rigid: np.ndarray) -> np.ndarray:
        """Replace the flow of an expression along the outline by that of the face beside it, gradually.

        Only where the head moves further than the expression: the flow of a background that does not move
        with the head is the larger error there, and otherwise the detail is lost.

        Args:
            own: flow relative to the head, float32 [S, S, 2], pixels.
            rigid: flow of the head, float32 [S, S, 2], pixels.
        """
        extended = _blurred(own * self._core, _EXTENSION) * self._to_core
        head, expression = squared_length(rigid), squared_length(extended)
        share = head / (head + _TIMES**2 * expression + _STILL**2)
        return own + share[..., None] * (self._replaced * (extended - own))


def _pairs(mask: np.ndarray) -> np.ndarray:
    """Repeat a mask for both components of a flow, because broadcasting is slower."""
    return np.repeat(mask.astype(np.float32)[..., None], 2, axis=-1)


def _blurred(flow: np.ndarray, deviation: float) -> np.ndarray:
    """Convolve a flow with a Gaussian; with a wide one at half of the resolution, which takes a fifth."""
    if deviation < _WIDE:
        return cv2.GaussianBlur(flow, (0, 0), deviation)
    reduced = cv2.resize(flow, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    # Reduction and enlargement together have a variance of one pixel.
    blurred = cv2.GaussianBlur(reduced, (0, 0), (deviation**2 - 1) ** 0.5 / 2)
    return cv2.resize(blurred, flow.shape[1::-1], interpolation=cv2.INTER_LINEAR)
