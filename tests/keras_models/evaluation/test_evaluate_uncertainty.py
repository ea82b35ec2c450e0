import numpy as np
import pytest

from keras_models.evaluation.evaluate_uncertainty import evaluate_uncertainty
from keras_models.evaluation.uncertainty_report import write_uncertainty_report
from pipelines.errors import InputError
from pipelines.io.flow_io import write_flow
from pipelines.io.images import write_image


@pytest.fixture
def folder(tmp_path):
    """Two pairs of the flow (1, 0); the left half is face, the upper quarter of it occluded in the first."""
    rng = np.random.default_rng(0)
    for k in range(2):
        for frame in (1, 2):
            write_image(tmp_path / f"0000{k}_img{frame}.png", rng.integers(0, 255, (32, 40, 3), np.uint8))
        write_flow(
            tmp_path / f"0000{k}_flow.flo", np.full((32, 40, 2), [1, 0], np.float32), np.ones((32, 40), bool)
        )
        face = np.zeros((32, 40), np.uint8)
        face[:, :20] = 255
        write_image(tmp_path / f"0000{k}_face.png", face)
    occluded = np.zeros((32, 40), np.uint8)
    occluded[:8, :20] = 255
    write_image(tmp_path / "00000_occluded.png", occluded)
    return tmp_path


def estimator(uncertainty):
    """An error that grows from 0 to 3.1 px down the frame, and 5 px more outside the face."""
    error = np.repeat(np.arange(32, dtype=np.float32)[:, None] / 10, 40, 1)
    error[:, 20:] += 5
    flow = np.stack([1 + error, np.zeros_like(error)], -1)
    return lambda frame1, frame2: (flow, np.ones((32, 40), bool), uncertainty(error))


def test_scores_over_the_face(folder):
    named = {"true": estimator(lambda error: error), "contrary": estimator(lambda error: 10 - error)}
    found = evaluate_uncertainty(folder, named)
    right, wrong = (found[name].summary() for name in named)
    assert right["error"] == pytest.approx(1.55)
    assert right["ause"] == pytest.approx(0, abs=1e-6)
    assert right["surest_half"] == pytest.approx(0.75 / 1.55)
    assert wrong["surest_half"] == pytest.approx(2.35 / 1.55)
    bins = found["true"].calibration
    np.testing.assert_allclose(bins.true[1:], bins.expected[1:], rtol=1e-4)  # the first has the least value


def test_occlusion(folder):
    """The occluded pixels lie above, where the first says the least and the second the most."""
    named = {"true": estimator(lambda error: error), "contrary": estimator(lambda error: 10 - error)}
    found = evaluate_uncertainty(folder, named)
    assert found["true"].occluded_larger == {"00000": False}
    assert found["contrary"].occluded_larger == {"00000": True}


def test_plain_values(folder):
    content = evaluate_uncertainty(folder, {"true": estimator(lambda error: error)})["true"].to_json()
    assert content["summary"]["occluded_larger"] == 0
    assert [pair["pair"] for pair in content["pairs"]] == ["00000", "00001"]
    assert sum(one["share"] for one in content["calibration"]) == pytest.approx(1)


def test_failure_names_pair_and_method(folder):
    def fail(frame1, frame2):
        raise InputError("too small")

    with pytest.raises(InputError, match="00000, mine: too small"):
        evaluate_uncertainty(folder, {"mine": fail})


def test_unknown_uncertainties_do_not_count(folder):
    """The first row of the frame is unknown; all else is as without it."""

    def unknown_above(error):
        uncertainty = 10 - error
        uncertainty[:1] = np.nan
        return uncertainty

    methods = {"some": estimator(unknown_above), "all": estimator(lambda error: 10 - error)}
    found = evaluate_uncertainty(folder, methods)
    some, everything = (found[name].calibration for name in methods)
    assert np.isfinite(some.expected[some.share > 0]).all()
    # The errors of the rows 1 to 31 in place of 0 to 31.
    assert (some.true * some.share).sum() == pytest.approx(1.6)
    assert (everything.true * everything.share).sum() == pytest.approx(1.55)
    assert found["some"].occluded_larger == {"00000": True}


def test_a_method_without_an_error(folder, tmp_path):
    """Its pairs count: the mean error of both methods is over the same pairs."""

    def perfect(frame1, frame2):
        return np.full((32, 40, 2), [1, 0], np.float32), np.ones((32, 40), bool), np.full((32, 40), 0.1)

    calls = iter(range(2))

    def perfect_once(frame1, frame2):
        return (perfect if next(calls) else estimator(lambda error: error))(frame1, frame2)

    found = evaluate_uncertainty(folder, {"once": perfect_once, "perfect": perfect})
    assert found["once"].summary()["error"] == pytest.approx(1.55 / 2)
    assert found["once"].summary()["ause"] == pytest.approx(0, abs=1e-6)
    assert found["perfect"].summary()["error"] == 0
    assert np.isnan(found["perfect"].summary()["ause"])
    write_uncertainty_report(tmp_path / "report.html", found)
    assert (tmp_path / "report.html").exists()


def test_faces_that_cannot_be_scored(folder):
    for k in range(2):
        write_image(folder / f"0000{k}_face.png", np.zeros((32, 40), np.uint8))
    with pytest.raises(InputError, match="no pixel of a face"):
        evaluate_uncertainty(folder, {"true": estimator(lambda error: error)})
