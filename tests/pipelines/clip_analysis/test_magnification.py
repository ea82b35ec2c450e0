import cv2
import numpy as np
import pytest

from pipelines.clip_analysis.magnification import MAGNIFIED_SIZE, face_view, magnified
from pipelines.clip_analysis.tracking.reference_crop import reference_crop
from pipelines.clip_analysis.tracking.tracker import TrackedMotion
from pipelines.image.warping import pixel_grid


@pytest.fixture(scope="module")
def reference(portrait, portrait_landmarks):
    return reference_crop(portrait, portrait_landmarks)


def tracked(reference, flow):
    size = reference.size
    still = np.zeros((size, size), np.float32)
    return TrackedMotion(
        flow.astype(np.float32),
        still,
        reference.face,
        1.0,
        reference.picture,
        np.zeros_like(flow, np.float32),
        "tracked",
    )


def bump(reference, landmark, direction, width=9):
    grid = pixel_grid((reference.size, reference.size))
    squared = np.square(grid - reference.landmarks[landmark]).sum(axis=-1)
    return np.exp(-squared / (2 * width**2))[..., None] * np.array(direction, float)


def test_factor_one_changes_nothing(reference, portrait):
    motion = tracked(reference, bump(reference, 50, (2.0, -1.0)))
    np.testing.assert_array_equal(magnified(portrait, reference, motion, 1.0), face_view(portrait, reference))


def test_still_face_stays_as_it_is(reference, portrait):
    """Noise of .01 px, eight times as large, is not seen."""
    noise = np.random.default_rng(0).normal(0, 0.01, (reference.size, reference.size, 2))
    made = magnified(portrait, reference, tracked(reference, noise), 8.0)
    assert np.abs(made.astype(int) - face_view(portrait, reference)).max() <= 2


def test_motion_is_magnified(portrait, portrait_landmarks, moved, reference):
    """A smile of 1 px made 4 times as large looks like one of 4 px, and not like that of 1 px."""
    small, _, flow = moved(smile=1.0)
    large, _, _ = moved(smile=4.0)
    at = np.clip(reference.to_frame(pixel_grid((reference.size, reference.size))).round().astype(int), 0, 511)
    own = flow[at[..., 1], at[..., 0]] * reference.scale
    made = magnified(small, reference, tracked(reference, own), 4.0).astype(float)
    zoom = MAGNIFIED_SIZE / reference.size
    near = np.linalg.norm(pixel_grid(made.shape[:2]) - zoom * reference.landmarks[291], axis=-1) < 15 * zoom

    def difference(frame):
        return np.abs(made - face_view(frame, reference))[near].mean()

    assert difference(large) < 0.45 * difference(small)


def test_nothing_moves_outside_the_face(reference, portrait):
    everywhere = np.broadcast_to(np.array([3.0, 0.0]), (reference.size, reference.size, 2))
    made = magnified(portrait, reference, tracked(reference, everywhere), 8.0)
    view = face_view(portrait, reference)
    face = cv2.resize(reference.face.astype(np.uint8), view.shape[:2], interpolation=cv2.INTER_LINEAR)
    outside = cv2.dilate(face, np.ones((41, 41), np.uint8)) == 0  # the fading ends 20 px from the face
    assert outside.mean() > 0.2
    assert np.abs(made.astype(int) - view)[outside].max() <= 1
    assert np.abs(made.astype(int) - view)[~outside].max() > 50


def test_lips_part_and_show_what_is_between(reference, portrait):
    """The lower half goes down by 2 px: between the halves lies what the frame has between them."""
    grid = pixel_grid((reference.size, reference.size))
    line = reference.landmarks[[13, 14], 1].mean()
    own = np.zeros((*grid.shape[:2], 2))
    own[grid[..., 1] > line] = (0, 2.0)
    made = magnified(portrait, reference, tracked(reference, own), 4.0)
    view = face_view(portrait, reference)
    zoom = MAGNIFIED_SIZE / reference.size
    x, top, bottom = zoom * reference.landmarks[13, 0], zoom * line, zoom * (line + 2)
    # The frame's strip of 2 px is stretched over 8 px; its middle is in the middle.
    made_middle = made[round(top + 4 * zoom), round(x)].astype(int)
    frame_middle = view[round((top + bottom) / 2), round(x)].astype(int)
    assert np.abs(made_middle - frame_middle).max() < 25


def test_the_pictures_beside_show_the_same_area(reference, portrait):
    """The flow is shown by a resize of the crop: a bright point must lie at the same pixel in all of them."""
    spot = reference.landmarks[4].round()
    frame = np.zeros_like(portrait)
    at = reference.to_frame(spot[None])[0]
    across = np.arange(portrait.shape[1]) - at[0], np.arange(portrait.shape[0]) - at[1]
    frame[...] = (255 * np.exp(-(across[0] ** 2 + across[1][:, None] ** 2) / 18))[..., None].round()
    crop = np.zeros((reference.size, reference.size), np.float32)
    grid = pixel_grid(crop.shape) - spot
    crop = np.exp(-np.square(grid).sum(axis=-1) / 18).astype(np.float32)
    resized = cv2.resize(crop, (MAGNIFIED_SIZE, MAGNIFIED_SIZE), interpolation=cv2.INTER_LINEAR)
    motion = tracked(reference, np.zeros((reference.size, reference.size, 2)))
    for shown in (face_view(frame, reference), magnified(frame, reference, motion, 8.0)):
        np.testing.assert_allclose(centroid(shown[..., 0]), centroid(resized), atol=0.1)


def centroid(picture):
    weights = picture.astype(float)
    return (pixel_grid(picture.shape) * weights[..., None]).sum(axis=(0, 1)) / weights.sum()
