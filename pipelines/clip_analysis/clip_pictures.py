"""Pictures of a frame of an analysed clip: face, magnified motion, flow in colour, and strain."""

import cv2
import numpy as np

from pipelines.clip_analysis.magnification import MAGNIFIED_SIZE, face_view, magnified
from pipelines.clip_analysis.tracking.clip_frame import ClipFrame
from pipelines.micro_expressions.strain import optical_strain
from pipelines.visualization.flow_color import flow_to_color
from pipelines.visualization.flow_pictures import error_map

#: Motion relative to the head that is shown in full colour, millimetres.
FULL_MM = 2.0
#: Optical strain that is shown as white.
FULL_STRAIN = 0.15

_STRAIN_BLUR = 2.0  # standard deviation, pixels of the aligned crop of 224 pixels


def panels(frame: ClipFrame, factor: float, mm_per_pixel: float) -> np.ndarray:
    """Show a frame in four pictures.

    Args:
        frame: frame of a clip.
        factor: magnification factor of the motion.
        mm_per_pixel: millimetres per pixel of the 224 x 224 crop.

    Returns:
        uint8 [768, 768, 3], RGB. Top: the face, and the face with its motion relative to the head magnified.
        Bottom: this motion in colour, and its optical strain; grey where it is not valid. Without a
        reference, all four are grey. Without a known motion, the magnified picture is the unchanged frame.
    """
    grey = np.full((MAGNIFIED_SIZE, MAGNIFIED_SIZE, 3), 128, np.uint8)
    if frame.reference is None:
        return _square(grey, grey, grey, grey)
    view = face_view(frame.picture, frame.reference)
    if not frame.known:
        return _square(view, view, grey, grey)
    motion = frame.motion
    full = FULL_MM / (mm_per_pixel * frame.reference.aligned_scale)
    flow = flow_to_color(motion.expression, motion.valid, full)
    smooth = cv2.GaussianBlur(motion.expression, (0, 0), _STRAIN_BLUR / frame.reference.aligned_scale)
    strain = error_map(optical_strain(smooth[None]).numpy()[0], motion.valid, FULL_STRAIN)
    larger = magnified(frame.picture, frame.reference, motion, factor)
    below = (
        cv2.resize(each, (MAGNIFIED_SIZE,) * 2, interpolation=cv2.INTER_LINEAR) for each in (flow, strain)
    )
    return _square(view, larger, *below)


def _square(*four: np.ndarray) -> np.ndarray:
    return np.vstack([np.hstack(four[:2]), np.hstack(four[2:])])
