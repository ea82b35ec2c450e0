from importlib.metadata import version

import numpy as np
import pytest

import pipelines.library_versions
from pipelines.errors import InputError
from pipelines.micro_expressions.samples import composite_samples


@pytest.fixture(scope="module")
def estimate():
    from keras_models.inference.estimators import get_estimator

    dis = get_estimator("dis_medium")
    return lambda frame1, frame2: dis(frame1, frame2)[0]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def samples(expressive_corpus, estimate, cache):
    return composite_samples({"casme2": expressive_corpus}, estimate, "dis", estimate, cache)


def test_features_say_where_the_face_moves(samples):
    assert samples.subjects[:4] == ("casme2/sub01",) * 3 + ("casme2/sub02",)
    assert samples.labels[:3].tolist() == [0, 1, 2]
    upward = -samples.features[..., 1]
    brows, mouth = upward[:, 4:9, 5:23].mean(axis=(1, 2)), upward[:, 17:22, 7:21].mean(axis=(1, 2))
    for negative, positive, surprise in np.arange(9).reshape(3, 3):
        assert brows[negative] < -0.1 < 0.1 < brows[surprise]
        assert mouth[positive] > 0.3 > max(mouth[negative], mouth[surprise])


def test_nothing_is_left_out_without_a_word(samples):
    said = {issue.clip: issue.reason for issue in samples.issues if issue.kind == "skipped"}
    assert said["casme2: sub04-EP02_nofaceatapex"].startswith("img3.png: no face found where the other")
    reasons = [issue.reason for issue in samples.issues if issue.clip == "casme2"]
    assert reasons == [
        "1 clip(s) of no emotion: not in the composite",
        "1 clip(s) of others: not in the composite",
    ]
    assert any("EP01_oneframe" in clip for clip in said)
    # The apex before the onset is mended: the midpoint stands for it.
    assert samples.clips[-1] == "casme2/sub04-EP04_apexfirst"
    mended = [r.reason for r in samples.issues if r.clip.endswith("apexfirst") and r.kind == "repaired"]
    assert any("using the midpoint of onset and offset" in reason for reason in mended)
    assert len(samples.clips) == 10


def test_features_are_kept_by_content(samples, expressive_corpus, cache, monkeypatch):
    def refuse(frame1, frame2):
        raise AssertionError("computed again")

    again = composite_samples({"casme2": expressive_corpus}, refuse, "dis", refuse, cache)
    np.testing.assert_array_equal(again.features, samples.features)
    for changed in ({"key": "another"}, {"key": "dis", "remove_head": False}):
        with pytest.raises(AssertionError, match="computed again"):
            composite_samples({"casme2": expressive_corpus}, refuse, spot=refuse, cache=cache, **changed)
    for library in ("opencv-contrib-python", "mediapipe"):
        with monkeypatch.context() as patched, pytest.raises(AssertionError, match="computed again"):
            patched.setattr(
                pipelines.library_versions,
                "version",
                lambda name, library=library: "99" if name == library else version(name),
            )
            composite_samples({"casme2": expressive_corpus}, refuse, "dis", refuse, cache)


def test_a_subject_has_nothing_to_do_with_another(samples, expressive_corpus, estimate, tmp_path):
    """Features are of a pair alone: without everybody else they are the same."""
    import shutil

    for part in ("CASME2-coding-20140508.xlsx", "Cropped/sub02"):
        source, target = expressive_corpus / part, tmp_path / "alone" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    alone = composite_samples({"casme2": tmp_path / "alone"}, estimate, "dis", estimate, tmp_path / "cache")
    own = np.array(samples.subjects) == "casme2/sub02"
    np.testing.assert_array_equal(alone.features, samples.features[own])


def test_bad_input(expressive_corpus, estimate, tmp_path):
    with pytest.raises(InputError, match="'ckplus' is not in the composite; use one of: casme2, samm, smic"):
        composite_samples({"ckplus": expressive_corpus}, estimate, "dis", estimate, tmp_path)
    with pytest.raises(InputError, match="no such file or folder"):
        composite_samples({"samm": tmp_path / "none"}, estimate, "dis", estimate, tmp_path)

    def broken(frame1, frame2):
        return np.full((*frame1.shape[:2], 2), np.nan, np.float32)

    with pytest.raises(InputError, match="no clip has a label and a face"):
        composite_samples({"casme2": expressive_corpus}, broken, "broken", broken, tmp_path)


def test_smic_has_its_apexes_spotted(expressive, estimate, tmp_path):
    import openpyxl

    from pipelines.io.images import write_image

    for number, strength in enumerate((0, 0.3, 0.7, 1, 0.7, 0.3, 0.1, 0, 0, 0, 0)):
        folder = tmp_path / "SMIC" / "SMIC_HS_E" / "s01" / "s01_po_01"
        write_image(folder / f"image{number + 100}.png", expressive("positive", strength))
    book = openpyxl.Workbook()
    book.active.title = "HS"
    book.active.append(["Subject", "Filename", "OnsetF", "OffsetF", "Onset2F", "Offset2F", "Emotion"])
    book.active.append(["s01", "s01_po_01", 100, 110, None, None, "positive"])
    book.save(tmp_path / "SMIC" / "SMIC-HS-E_annotation.xlsx")
    looked_at, used = [], []

    def watched(seen):
        def estimate_and_note(frame1, frame2):
            seen.append(frame2)
            return estimate(frame1, frame2)

        return estimate_and_note

    sources = {"smic": tmp_path / "SMIC"}
    samples = composite_samples(sources, watched(used), "dis", watched(looked_at), tmp_path / "cache")
    assert samples.labels.tolist() == [1]
    assert "no apex was coded in 1 clip(s); it is spotted" in [issue.reason for issue in samples.issues]
    # Ten frames are looked at, then the features are made of the strongest; the midpoint is the fifth.
    assert (len(looked_at), len(used)) == (10, 1)
    assert min(range(10), key=lambda k: np.abs(looked_at[k] - used[0].astype(float)).sum()) == 2
    # An apex that somebody has added is used.
    book.active.cell(1, 8, "ApexF")
    book.active.cell(2, 8, 104)
    book.save(tmp_path / "SMIC" / "SMIC-HS-E_annotation.xlsx")
    samples = composite_samples(sources, watched(used), "dis", watched(looked_at), tmp_path / "cache")
    assert not any("spotted" in issue.reason for issue in samples.issues)
    assert (len(looked_at), len(used)) == (10, 2)
