import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.onset_apex import aligned_pair
from pipelines.micro_expressions.spotting import apex_of, spot_apex, strengths_of


@pytest.fixture(scope="module")
def dis():
    from keras_models.inference.estimators import get_estimator

    method = get_estimator("dis_medium")
    return lambda frame1, frame2: method(frame1, frame2)[0]


@pytest.fixture(scope="module")
def face_mesh():
    with FaceMesh() as mesh:
        yield mesh


def test_a_single_outlier_is_no_apex():
    curve = np.sin(np.linspace(0, np.pi, 21))
    curve[3] = 1.05
    assert abs(apex_of(curve) - 10) <= 1


def test_the_apex_of_an_expression_that_is_held_is_its_middle():
    curve = np.interp(np.arange(72), [0, 12, 24, 66, 71], [0, 0.1, 1, 1, 0.6])
    curve += np.random.default_rng(0).normal(0, 0.03, 72)
    assert abs(apex_of(curve) - 45) <= 3


def mouth_and_brows():
    """Two fields that no motion of the head looks like, [224, 224, 2], one pixel at most each."""
    y, x = np.mgrid[:224, :224].astype(np.float32)
    mouth = np.exp(-((x - 112) ** 2 + (y - 165) ** 2) / 400)
    brows = np.exp(-((x - 112) ** 2 + (y - 70) ** 2) / 400)
    return np.stack([mouth, 0 * mouth], -1), np.stack([0 * brows, brows], -1)


def test_an_even_drift_hides_no_apex():
    """What drifts has moved further at the end than the expression at its apex."""
    mouth, brows = mouth_and_brows()
    times = np.arange(1, 25) / 24
    bump = np.exp(-(((times - 0.4) / 0.1) ** 2))
    flows = 0.55 * bump[:, None, None, None] * mouth + times[:, None, None, None] * brows
    lengths = np.linalg.norm(flows, axis=-1).mean(axis=(1, 2))
    assert np.argmax(lengths) > 20
    found = strengths_of(flows.astype(np.float32), times)
    assert abs(times[apex_of(found)] - 0.4) < 0.05


def test_an_expression_that_stays_is_no_drift():
    mouth, _ = mouth_and_brows()
    times = np.arange(1, 25) / 24
    rise = 0.5 - 0.5 * np.cos(np.pi * times)
    # Several pixels: of less than the usual error of a flow, a part is taken for the head.
    found = strengths_of((10 * rise[:, None, None, None] * mouth).astype(np.float32), times)
    np.testing.assert_allclose(found / found[-1], rise, atol=0.01)


@pytest.mark.parametrize("apex", [5, 12])
def test_the_apex_of_a_clip(expressive, dis, face_mesh, apex):
    times = np.arange(18)
    strengths = np.interp(times, [0, apex, 17], [0, 1, 0.2])
    clip = [expressive("positive", strength) for strength in strengths]
    found = spot_apex(clip, dis, face_mesh)
    assert abs(found.frame - apex) <= 1.8  # a tenth of the clip
    assert len(found.frames) == 17


def test_bad_input(expressive, dis, face_mesh):
    still = expressive("surprise", 0)
    blank = np.full_like(still, 90)
    with pytest.raises(InputError, match="film: a clip of one frame has no apex"):
        spot_apex([still], dis, face_mesh, "film")
    with pytest.raises(InputError, match="film, frame 0: no face found"):
        spot_apex([blank, still], dis, face_mesh, "film")
    with pytest.raises(InputError, match="apex: no face found where the other frame has one"):
        aligned_pair(still, blank, dis, face_mesh)
    with pytest.raises(InputError, match="one size, not 240x280 and 240x140"):
        aligned_pair(still, still[:140], dis, face_mesh)
