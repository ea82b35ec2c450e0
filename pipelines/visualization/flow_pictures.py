"""Visualization of flow: next to its frames, as arrows, and as an error map."""

import cv2
import numpy as np

from pipelines.visualization.flow_color import colour_wheel, flow_to_color, full_length

_ARROW_SPACING = 16  # pixels
_MAX_ARROW_LENGTH = 14  # pixels; smaller motion is scaled up to it, to make micro-expressions visible
_LEAST_WITH_TEXT, _TEXT_SCALE = 24, 0.4  # diameter of a colour wheel in pixels; size of its text
_PANEL_SIDES = (240, 480)  # pixels, range of the longer side of a frame in a panel


def flow_panel(
    frame1: np.ndarray,
    frame2: np.ndarray,
    flow: np.ndarray,
    valid: np.ndarray | None = None,
    uncertainty: np.ndarray | None = None,
) -> np.ndarray:
    """Make an image of frame 1, frame 2, the flow in colour with its legend, and arrows on frame 1.

    With an uncertainty, it comes last, as `uncertainty_map`. The legend says how many pixels of the frame are
    shown in full colour, because the range depends on the flow.

    Args:
        frame1: First frame, uint8 [H, W, 3], RGB.
        frame2: Second frame, uint8 [H, W, 3], RGB.
        flow: Flow, float32 [H, W, 2], pixels.
        valid: Where the flow is valid, bool [H, W]; everywhere by default.
        uncertainty: Expected end-point error, float32 [H, W], pixels.

    Returns:
        Image, uint8 [h, 4 w, 3] or [h, 5 w, 3], RGB; the longer of h and w is 240 to 480 pixels.
    """
    last = [] if uncertainty is None else [uncertainty_map(uncertainty, valid)]
    valid = np.ones(flow.shape[:2], bool) if valid is None else valid
    full = full_length(flow, valid & np.isfinite(flow).all(axis=-1))
    longer = max(flow.shape[:2])
    shown = float(np.clip(longer, *_PANEL_SIDES))
    scale = shown / longer
    if shown != longer:
        size = [max(1, round(side * scale)) for side in flow.shape[1::-1]]
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        frame1, frame2, flow, known = (
            cv2.resize(array, size, interpolation=interpolation)
            for array in (frame1, frame2, flow * np.float32(scale), valid.astype(np.float32))
        )
        valid = known > 0.999
        last = [cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST) for picture in last]
    flows = with_legend(flow_to_color(flow, valid, full * scale), full), arrows(frame1, flow, valid)
    return np.hstack([frame1, frame2, *flows, *last])


def with_legend(colour: np.ndarray, max_length: float) -> np.ndarray:
    """Draw the colour wheel into the lower right corner of a flow image, and its radius in pixels above it.

    Args:
        colour: Image of a flow, uint8 [H, W, 3], RGB.
        max_length: Flow magnitude at full saturation, pixels.

    Returns:
        Image, uint8 [H, W, 3], RGB; a copy, or `colour` itself if it is too small for a legend.
    """
    size = min(colour.shape[:2]) // 5
    if size < 9:
        return colour
    wheel = colour_wheel(size)
    axis = np.linspace(-1, 1, size)
    inside = np.hypot(*np.meshgrid(axis, axis)) <= 1
    out = colour.copy()
    corner = out[-size - 2 : -2, -size - 2 : -2]
    corner[inside] = wheel[inside]
    if size >= _LEAST_WITH_TEXT:
        text = f"{max_length:.0f} px" if max_length >= 10 else f"{max_length:.2g} px"
        (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, _TEXT_SCALE, 1)
        at = (out.shape[1] - width - 3, out.shape[0] - size - 7)
        for ink, thickness in ((255, 3), (0, 1)):  # readable on every colour
            cv2.putText(
                out, text, at, cv2.FONT_HERSHEY_SIMPLEX, _TEXT_SCALE, (ink,) * 3, thickness, cv2.LINE_AA
            )
    return out


def arrows(frame: np.ndarray, flow: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Draw a flow as arrows on a frame, scaled so that the longest arrow has a fixed length.

    Args:
        frame: Frame, uint8 [H, W, 3], RGB.
        flow: Flow, float32 [H, W, 2], pixels.
        valid: Where to draw arrows, bool [H, W]; everywhere by default.

    Returns:
        Image, uint8 [H, W, 3], RGB.
    """
    out = np.round(frame * 0.6 + 90).astype(np.uint8)
    # Smoothed, so that an arrow represents its neighbourhood.
    smooth = cv2.GaussianBlur(flow, (0, 0), _ARROW_SPACING / 4)
    height, width = flow.shape[:2]
    half = _ARROW_SPACING // 2
    points = [(x, y) for y in range(half, height, _ARROW_SPACING) for x in range(half, width, _ARROW_SPACING)]
    points = [(x, y) for x, y in points if valid is None or valid[y, x]]
    longest = max((float(np.hypot(*smooth[y, x])) for x, y in points), default=0.0)
    stretch = _MAX_ARROW_LENGTH / max(longest, 0.1)
    for x, y in points:
        tip = np.round(16 * (np.array([x, y]) + smooth[y, x] * stretch)).astype(int)
        cv2.arrowedLine(
            out, (16 * x, 16 * y), tuple(tip.tolist()), (170, 0, 60), 1, cv2.LINE_AA, shift=4, tipLength=0.3
        )
    return out


def uncertainty_map(uncertainty: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Convert an uncertainty to an image: black (0) over red to white, the value that 1 % of pixels exceed.

    Args:
        uncertainty: Expected end-point error, float32 [H, W], pixels.
        valid: Pixels to show, bool [H, W]; all by default.

    Returns:
        Image, uint8 [H, W, 3], RGB; grey where it is not valid, or NaN.
    """
    known = ~np.isnan(uncertainty)
    valid = known if valid is None else valid & known
    worst = float(np.percentile(uncertainty[valid], 99)) if valid.any() else 0.0
    return error_map(uncertainty, valid, max(worst, 1e-3))


def error_map(errors: np.ndarray, mask: np.ndarray, worst: float) -> np.ndarray:
    """Convert errors to an image: black (0) over red to white, grey outside the mask.

    Args:
        errors: End-point errors, float [H, W], pixels; NaN where unknown.
        mask: Pixels to show, bool [H, W].
        worst: Error shown as white, pixels.

    Returns:
        Image, uint8 [H, W, 3], RGB.
    """
    mask = mask & ~np.isnan(errors)
    levels = np.clip(np.where(mask, errors, 0) / worst * 255, 0, 255).astype(np.uint8)
    colour = cv2.applyColorMap(levels, cv2.COLORMAP_HOT)[..., ::-1].copy()
    colour[~mask] = 128
    return colour
