"""The commands of micro-expressions, on a portrait that shows something."""

import json
import sys

import numpy as np
import pytest

from faceflow import cli
from pipelines.io.images import read_image, write_image


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a cache of its own, in which the commands are run."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)
        yield folder


def call(*words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["faceflow", *map(str, words)])
        cli.main()


def fails(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        call(*words)
    assert stop.value.code == 2
    *progress, line = capsys.readouterr().err.strip().splitlines()
    assert all(shown.startswith("spot: ") for shown in progress)
    return line


@pytest.fixture(scope="module")
def run(home, expressive_corpus):
    """A classifier of the portrait's expressions."""
    call(
        "train",
        "expression",
        "--corpus",
        f"casme2={expressive_corpus}",
        "-o",
        "RUN",
        "--method",
        "dis_medium",
    )
    return home / "RUN"


@pytest.fixture(scope="module")
def frames(home, expressive):
    for name, strength in (("onset", 0), ("apex", 0.8)):
        write_image(home / f"{name}.png", expressive("surprise", strength, seed=9))
    return home / "onset.png", home / "apex.png"


def test_evaluate(home, expressive_corpus, capsys):
    words = ("--method", "dis_medium", "--seeds", 2, "--epochs", 30, "--json", "x.json", "--report", "x.html")
    call("evaluate", "expression", "--corpus", f"casme2={expressive_corpus}", *words)
    out, err = capsys.readouterr()
    assert "skipped: casme2: 1 clip(s) of others: not in the composite" in err
    assert "1 subject(s) with a single sample" in err
    content = json.loads((home / "x.json").read_text())["dis_medium"]
    # Three people with the same three movements, and a fourth with one of them.
    assert content["parts"]["casme2"]["uf1"] > 0.8
    assert f"{content['parts']['casme2']['uf1']:.3f}" in out
    assert [sample["clip"] for sample in content["samples"]][-1] == "casme2/sub04-EP04_apexfirst"
    assert (home / "x.html").read_text().count("<img") == 1


def test_two_frames(run, frames, home, capsys):
    call("expression", *frames, "--model", run, "--picture", "pair.png", "--json", "pair.json")
    found = json.loads((home / "pair.json").read_text())["probabilities"]
    assert max(found, key=found.get) == "surprise"
    assert f"{found['surprise']:.3f}" in capsys.readouterr().out
    picture = read_image(home / "pair.png")
    assert picture.shape == (240, 1200, 3)
    # Strain is largest about the brows, which are in the upper half.
    strain = picture[:, 960:].astype(int).sum(axis=-1)
    face = strain != 3 * 128
    assert np.where(face, strain, 0)[:120].sum() > 2 * np.where(face, strain, 0)[120:].sum()


def test_more_than_a_micro_expression(run, home, expressive, frames, capsys):
    """The preset was trained on small motion; a run of one's own on who knows what."""
    write_image(home / "grin.png", expressive("positive", 3.0))
    call("expression", frames[0], "grin.png")
    assert "moves more than in the micro-expressions" in capsys.readouterr().err
    call("expression", frames[0], "grin.png", "--model", run)
    call("expression", *frames)
    assert "moves more than" not in capsys.readouterr().err


def test_a_clip(run, home, expressive, capsys):
    for number, strength in enumerate([0, 0.3, 0.6, 0.9, 1, 0.8, 0.5, 0.2]):
        write_image(home / "CLIP" / f"{number}.png", expressive("positive", strength))
    call("expression", "CLIP", "--model", run, "--json", "clip.json")
    content = json.loads((home / "clip.json").read_text())
    assert content["onset"] == 0
    assert abs(content["apex"] - 4) <= 1
    assert max(content["probabilities"], key=content["probabilities"].get) == "positive"


def test_mistakes(run, frames, home, expressive_corpus, capsys):
    blank = home / "blank.png"
    write_image(blank, np.full((280, 240, 3), 90, np.uint8))
    write_image(home / "ONE" / "0.png", read_image(frames[0]))
    model = ("--model", run)
    assert "blank.png: no face found" in fails(capsys, "expression", frames[0], blank, *model)
    assert "ONE: a clip of one frame has no apex" in fails(capsys, "expression", home / "ONE", *model)
    assert "not 3 inputs" in fails(capsys, "expression", *frames, blank, *model)
    assert "no such folder" in fails(capsys, "expression", *frames, "--model", "none")
    assert "holds a flow network" in fails(capsys, "expression", *frames, "--model", "default")
    corpus = f"casme2={expressive_corpus}"
    assert "write NAME=DIR" in fails(capsys, "evaluate", "expression", "--corpus", expressive_corpus)
    assert "named twice" in fails(capsys, "evaluate", "expression", "--corpus", corpus, "--corpus", corpus)
    assert "give either --corpus NAME=DIR or --features DIR" in fails(capsys, "evaluate", "expression")
    again = ("train", "expression", "--corpus", corpus, "-o", run, "--method", "dis_medium")
    call_error = fails_last_line(capsys, *again)
    assert "there is a training run here already" in call_error
    assert "unknown flow method 'x'" in fails(
        capsys, "evaluate", "expression", "--corpus", corpus, "--method", "x"
    )


def fails_last_line(capsys, *words):
    """As `fails`, of a command that has said something about the corpus before."""
    with pytest.raises(SystemExit) as stop:
        call(*words)
    assert stop.value.code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.real
def test_a_real_smile(run, home, real_data):
    call("expression", real_data / "pyfeat" / "single_face.mp4", "--model", run, "--json", "smile.json")
    assert abs(json.loads((home / "smile.json").read_text())["apex"] - 48) <= 5


def test_spot(run, home, expressive, capsys):
    """One surprise, which comes and goes around frame 12, in a clip of 24 at 20 frames a second."""
    for number in range(24):
        strength = max(0, 1 - abs(number - 12) / 4)
        write_image(home / "long" / f"{number:02}.png", expressive("surprise", strength, seed=9))
    words = ("--rate", 20, "--classifier", run, "--model", "dis_medium")
    call("spot", "long", *words, "--json", "spotted.json")
    (found,) = json.loads((home / "spotted.json").read_text())
    assert (found["kind"], found["label"]) == ("micro", "surprise")
    assert (found["onset"], found["apex"], found["offset"]) == pytest.approx((8, 12, 16), abs=1)
    assert found["apex_s"] == pytest.approx(found["apex"] / 20)
    assert "surprise" in capsys.readouterr().out
    assert not [path for path in home.iterdir() if path.name.startswith(".")]
    for number in range(24):
        write_image(home / "long" / f"{number:02}.png", expressive("surprise", 0))
    call("spot", "long", *words)
    assert "no micro-expression found in 24 frames" in "".join(capsys.readouterr())
    assert "no such file or folder" in fails(capsys, "spot", "absent")
