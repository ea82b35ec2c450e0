import csv
import json

import numpy as np
import pytest

from faceflow.cli import run
from pipelines.errors import InputError
from pipelines.micro_expressions.published_features import write_feature_pictures
from pipelines.micro_expressions.samples import Samples


@pytest.fixture
def published(tmp_path):
    """Three people of SMIC; each class shows in rows of its own."""
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(3, dtype=np.int32), 3)
    features = 0.05 * rng.standard_normal((9, 28, 28, 3)).astype(np.float32)
    for k, label in enumerate(labels):
        features[k, 8 * label : 8 * label + 8, :, 1] += 1
    subjects = tuple(np.repeat(["smic/s01", "smic/s02", "smic/s03"], 3).tolist())
    clips = tuple(f"smic/{subject[5:]}_{k % 3}_01" for k, subject in enumerate(subjects))
    samples = Samples(features, labels, ("smic",) * 9, subjects, clips)
    write_feature_pictures(tmp_path / "published", samples)
    return tmp_path / "published"


def evaluate(folder, *more):
    options = ["--features", str(folder / "pictures"), "--table", str(folder / "table.csv"), "--seeds", "1"]
    run(["evaluate", "expression", *options, *more])


def test_published_features_go_through_the_protocol(published, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with (published / "table.csv").open("a", newline="") as file:
        csv.writer(file).writerow(("smic", "s02", "s02_0_01", "0", "", ""))
    evaluate(published, "--json", str(tmp_path / "scores.json"), "--epochs", "80", "--batch-size", "4")
    out, err = capsys.readouterr()
    # Counted against the published numbers, and the clip listed twice is named.
    assert " ".join(next(line for line in out.splitlines() if "smic, negative" in line).split()).endswith(
        "3 70"
    )
    assert "skipped: table.csv, line 11: s02, s02_0_01: listed already in line 5" in " ".join(err.split())
    found = json.loads((tmp_path / "scores.json").read_text())["published"]
    assert len(found["samples"]) == 9
    assert found["parts"]["smic"]["uf1"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "either --corpus NAME=DIR or --features DIR"),
        (["--features", "F"], "--features needs --table CSV"),
        (["--corpus", "smic=S", "--table", "T"], "--table and --crops belong to --features"),
        (["--corpus", "smic=S", "--features", "F", "--table", "T"], "give either"),
        (
            ["--features", "F", "--table", "T", "--method", "zero"],
            "--method and --keep-head are for --corpus",
        ),
        (["--features", "F", "--table", "T"], "F: no such file or folder"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(InputError, match=message):
        run(["evaluate", "expression", *options])
