import numpy as np
import pytest

from faceflow.cli import run
from pipelines.errors import InputError
from pipelines.io.images import read_image
from pipelines.micro_expressions.published_features import read_published_features


def test_features_of_a_corpus_in_others_layout(expressive_corpus, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    out = tmp_path / "features"
    options = ["--corpus", "casme2", "--method", "dis_fast"]
    run(["features", str(expressive_corpus), "-o", str(out), *options])
    said = " ".join(capsys.readouterr().err.split())
    assert "skipped: casme2: 1 clip(s) of others: not in the composite" in said
    arrays = np.load(out / "features.npz")
    assert arrays["features"].shape == (10, 28, 28, 3)
    assert (out / "pictures" / "sub01_EP01 .png").exists()
    assert "method dis_fast" in (out / "README.txt").read_text()

    samples, counts = read_published_features(out / "pictures", out / "table.csv")
    assert not samples.issues
    assert samples.labels.tolist() == arrays["labels"].tolist()
    assert samples.subjects == tuple(arrays["subjects"])
    assert {one.what: one.found for one in counts}["casme2, subjects"] == 4
    # Stretched and read back, each channel is still the same picture of motion.
    for mine, theirs in zip(arrays["features"], samples.features, strict=True):
        for k in range(3):
            assert np.corrcoef(mine[..., k].ravel(), theirs[..., k].ravel())[0, 1] > 0.999


def test_features_of_pairs(pair_folder, tmp_path):
    out = tmp_path / "features"
    run(["features", str(pair_folder), "-o", str(out), "--method", "dis_fast"])
    arrays = np.load(out / "features.npz")
    assert (arrays["labels"] == -1).all()
    pictures = sorted(path.name for path in (out / "pictures").iterdir())
    assert pictures[0] == "subject0_00000 .png"
    assert len(pictures) == len(arrays["features"]) == 12
    assert read_image(out / "pictures" / pictures[0]).shape == (28, 28, 3)
    lines = (out / "table.csv").read_text().splitlines()
    assert lines[1] == "pairs,subject0,00000,,,subject0_00000.jpg"


def test_a_folder_without_pairs_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="no pairs here"):
        run(["features", str(tmp_path), "-o", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
