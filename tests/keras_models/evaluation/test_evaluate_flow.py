import json

import numpy as np
import pytest

from keras_models.evaluation.evaluate_flow import FlowEvaluation, evaluate_flow, pair_errors
from keras_models.evaluation.flow_report import write_flow_report
from keras_models.flow.flow_networks import build_network
from keras_models.inference.estimators import ESTIMATORS, get_estimator
from keras_models.presets import Preset, save_preset
from pipelines.errors import InputError
from pipelines.io.flow_io import read_flow
from pipelines.io.pairs import Pair


def made_pair(**known):
    """A picture whose left half is face and moves by (3, 4), whose right half is background and still."""
    flow = np.zeros((10, 20, 2), np.float32)
    flow[:, :10] = (3, 4)
    face = np.zeros((10, 20), bool)
    face[:, :10] = True
    frame = np.zeros((10, 20, 3), np.uint8)
    regions = np.zeros((10, 20), np.uint8)
    regions[:, :5], regions[:, 5:10] = 1, 4
    valid = np.ones((10, 20), bool)
    known = {"name": "00000", "face": face, "regions": regions} | known
    return Pair(frame1=frame, frame2=frame, flow=flow, valid=valid, **known)


def test_errors_by_hand():
    pair = made_pair()
    flow = np.zeros_like(pair.flow)
    flow[:, :5] = (3, 4)
    errors = pair_errors(pair, "m", flow, pair.valid)
    assert errors.motion == pytest.approx(5)
    assert errors.epe_face == pytest.approx(2.5)  # half of the face is right, half is off by 5
    assert errors.epe_all == pytest.approx(1.25)  # the still background flatters
    assert errors.within_1px == pytest.approx(0.5)
    assert errors.within_5px == pytest.approx(0.5)  # 5 is not less than 5
    assert errors.fl_all == pytest.approx(25)  # percent bad, KITTI
    assert errors.regions["brows"] == 0
    assert errors.regions["mouth"] == pytest.approx(5)
    assert np.isnan(errors.regions["jaw"])
    assert errors.coverage == 1


def test_only_what_a_method_defines_is_measured():
    pair = made_pair()
    defined = np.zeros((10, 20), bool)
    defined[:, :5] = True
    flow = np.where(defined[..., None], pair.flow, 99)
    errors = pair_errors(pair, "m", flow, defined)
    assert errors.epe_face == errors.epe_all == 0
    assert errors.coverage == pytest.approx(0.5)


def test_no_number_is_not_a_good_answer():
    pair = made_pair()
    good = [pair_errors(pair, "good", pair.flow + 1, pair.valid, 1) for _ in range(2)]
    broken = [
        pair_errors(pair, "broken", pair.flow, pair.valid, 1),
        pair_errors(pair, "broken", np.full_like(pair.flow, np.nan), pair.valid, 1),
    ]
    evaluation = FlowEvaluation("x", broken + good)
    assert evaluation.summary("broken")["epe_face"] == np.inf
    assert evaluation.summary("broken")["within_1px"] == pytest.approx(0.5)
    assert evaluation.ranking() == ["good", "broken"]
    assert evaluation.to_json()["methods"]["broken"]["epe_face"] == np.inf


def test_a_pair_without_an_answer_stops_nothing(tmp_path, pair_folder):
    from pipelines.io.pairs import list_pairs, read_pair, write_pair

    folder = tmp_path / "pairs"
    write_pair(folder, read_pair(pair_folder, list_pairs(pair_folder)[0]))
    write_pair(folder, made_pair(name="wall"))
    methods = {name: get_estimator(name) for name in ("zero", "label:mesh")}
    evaluation = evaluate_flow(folder, methods)
    ((pair, method, why),) = [(e.pair, e.method, e.failure) for e in evaluation.failures]
    assert (pair, method) == ("wall", "label:mesh")
    assert "no face" in why
    assert np.isfinite(evaluation.summary("label:mesh")["epe_face"])
    assert evaluation.summary("label:mesh")["coverage"] < 0.6  # half of the pairs has none
    write_flow_report(tmp_path / "r.html", evaluation, methods)
    assert "no face" in (tmp_path / "r.html").read_text()


def test_no_method_always_comes_first(pair_folder):
    """The first call after a pair is read is slower, whoever makes it."""
    calls = []

    def made(name):
        def estimate(frame1, frame2):
            calls.append(name)
            return np.zeros((*frame1.shape[:2], 2), np.float32), np.ones(frame1.shape[:2], bool)

        return estimate

    evaluation = evaluate_flow(pair_folder, {name: made(name) for name in "abc"})
    assert evaluation.methods == ["a", "b", "c"]
    measured = [calls[6 + 3 * k : 9 + 3 * k] for k in range(11)]  # after the first pair, with two calls each
    assert all(sorted(names) == ["a", "b", "c"] for names in measured)
    assert {names[0] for names in measured} == {"a", "b", "c"}


def test_two_methods_of_one_name(tmp_path, pair_folder):
    for run in ("a/run", "b/run"):
        (tmp_path / run).mkdir(parents=True)
    methods = {str(tmp_path / run): get_estimator("zero") for run in ("a/run", "b/run")}
    with pytest.raises(InputError, match="one name"):
        evaluate_flow(pair_folder, methods, save=tmp_path / "flows")


def test_summary_and_bins():
    pair = made_pair()
    errors = [
        pair_errors(pair, "m", pair.flow + offset, pair.valid, ms) for offset, ms in ((0, 1), (3, 9), (0, 2))
    ]
    evaluation = FlowEvaluation("x", errors)
    assert evaluation.summary("m")["epe_face"] == pytest.approx(np.sqrt(18) / 3)
    assert evaluation.summary("m")["ms_per_pair"] == 2
    assert evaluation.by_motion("m") == {"4+ px": pytest.approx(np.sqrt(18) / 3)}


@pytest.mark.parametrize("method", [name for name in ESTIMATORS if not name.startswith("label")])
def test_methods_find_a_whole_pixel_shift(method, portrait):
    frame1 = portrait[60:188, 160:288]
    frame2 = portrait[61:189, 158:286]  # content moves 2 px to the right and 1 px up
    flow, valid = get_estimator(method)(frame1, frame2)
    assert flow.shape == (128, 128, 2)
    assert flow.dtype == np.float32
    assert valid.all()
    median = np.median(flow[16:-16, 16:-16].reshape(-1, 2), axis=0)
    if method == "zero":
        assert (flow == 0).all()
    else:
        np.testing.assert_allclose(median, [2, -1], atol=0.15)


def test_label_method_finds_the_shift(portrait):
    flow, valid = get_estimator("label:mesh")(portrait, np.roll(portrait, (-1, 2), axis=(0, 1)))
    # Less than the 0.7 px by which single landmarks are wrong.
    np.testing.assert_allclose(flow[valid].mean(axis=0), [2, -1], atol=0.5)


@pytest.mark.parametrize("method", ESTIMATORS)
def test_frames_of_different_size_or_one_pixel(method):
    estimate = get_estimator(method)
    with pytest.raises(InputError):
        estimate(np.zeros((64, 64, 3), np.uint8), np.zeros((64, 65, 3), np.uint8))
    tiny = np.zeros((1, 1, 3), np.uint8)
    try:
        assert estimate(tiny, tiny)[0].shape == (1, 1, 2)
    except InputError as error:
        assert "1x1" in str(error) or "no face" in str(error)  # noqa: PT017


def test_unknown_methods(tmp_path):
    for name in ("raft", "label:magic", str(tmp_path)):
        with pytest.raises(InputError):
            get_estimator(name)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory, pair_folder):
    folder = tmp_path_factory.mktemp("evaluated")
    save_preset(
        folder / "run",
        build_network("flownet_s", width=0.0625),
        Preset({"name": "flownet_s", "width": 0.0625}),
    )
    names = {
        "zero": "zero",
        "dis_medium": "dis_medium",
        "label:mesh": "label:mesh",
        "net": str(folder / "run"),
    }
    methods = {name: get_estimator(target) for name, target in names.items()}
    return folder, evaluate_flow(pair_folder, methods, save=folder / "flows"), methods


def test_evaluation_of_a_folder(evaluated, pair_folder):
    _, evaluation, _ = evaluated
    assert evaluation.methods == ["zero", "dis_medium", "label:mesh", "net"]
    assert len(evaluation.errors) == 4 * 12
    zero, dis = (evaluation.summary(name)["epe_face"] for name in ("zero", "dis_medium"))
    lengths = [read_flow(path)[0] for path in sorted(pair_folder.glob("*_flow.flo"))]
    assert zero == pytest.approx(np.mean([e.motion for e in evaluation.of("zero")]))
    assert np.mean([np.linalg.norm(f, axis=-1).mean() for f in lengths]) == pytest.approx(
        evaluation.summary("zero")["epe_all"], rel=1e-5
    )
    assert dis < 0.4 * zero


def test_saved_flows_are_what_was_measured(evaluated, pair_folder):
    folder, evaluation, _ = evaluated
    assert sorted(p.name for p in (folder / "flows").iterdir()) == ["dis_medium", "label-mesh", "net", "zero"]
    truth, _ = read_flow(pair_folder / "00004_flow.flo")
    flow, _ = read_flow(folder / "flows" / "dis_medium" / "00004.flo")
    (error,) = (e for e in evaluation.of("dis_medium") if e.pair == "00004")
    assert np.linalg.norm(flow - truth, axis=-1).mean() == pytest.approx(error.epe_all, rel=1e-4)


def test_json(evaluated):
    _, evaluation, _ = evaluated
    content = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    assert {"epe_face", "epe_all", "within_1px", "ms_per_pair"} <= set(content["methods"]["dis_medium"])
    assert [row["pair"] for row in content["pairs"]] == [f"{k:05d}" for k in range(12)]
    assert set(content["pairs"][0]) == {"pair", *evaluation.methods}


def test_report_is_one_file(evaluated, tmp_path):
    _, evaluation, methods = evaluated
    write_flow_report(tmp_path / "r.html", evaluation, methods)
    page = (tmp_path / "r.html").read_text()
    # Three pairs: the flows of each as one picture, and both frames under a slider.
    assert page.count("<img") == page.count('alt="') == 3 * 3
    assert "http" not in page.replace("http-equiv", "")
    for method in evaluation.methods:
        assert f"<td>{method}</td>" in page


@pytest.mark.real
def test_classical_methods_on_real_faces(real_data):
    """What others measured with the same OpenCV on every second of these pairs, within a tenth."""
    expected = {"zero": 2.21, "dis_medium": 0.38, "dis_fine": 0.19}
    methods = {name: get_estimator(name) for name in expected}
    evaluation = evaluate_flow(real_data / "portraits_truth", methods)
    for name, value in expected.items():
        assert evaluation.summary(name)["epe_face"] == pytest.approx(value, rel=0.1), name


def test_masks_as_pictures_hold_them():
    flow = np.zeros((4, 4, 2), np.float32)
    flow[:2] = 1
    pair = Pair("0", *[np.zeros((4, 4, 3), np.uint8)] * 2, np.zeros_like(flow), np.ones((4, 4), bool))
    mask = np.zeros((4, 4), np.uint8)
    mask[1:] = 255
    found = pair_errors(pair, "m", flow, mask)
    assert found.epe_face == pytest.approx(np.sqrt(2) / 3)
    assert found.coverage == 0.75
