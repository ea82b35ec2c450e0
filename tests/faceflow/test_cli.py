import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from faceflow import cli
from pipelines.io.flow_io import read_flow
from pipelines.io.images import write_image

PROJECT = Path(__file__).parents[2]
ENTRY = r"^    (\w+: .*(?:\n        .*)*)"  # a line of a docstring, with those it goes on in


def faceflow(*arguments, **options):
    """Run a command in a process of its own, as a user does."""
    command = [sys.executable, "-c", "from faceflow.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, **options)


def one_line(result, *says):
    """The answer to a user's mistake: one line on stderr, exit code 2, no traceback."""
    assert result.returncode == 2, result.stderr
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("faceflow: ")
    for words in says:
        assert words in line
    return True


def test_descriptions_of_options_look_alike():
    """They begin with a capital letter or a number, and end in a full stop."""
    found = 0
    for path in (PROJECT / "faceflow" / "commands").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            text = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
            for entry in re.findall(
                r"^    (\w+: .*(?:\n        .*)*)", section(text or "", "Args"), re.MULTILINE
            ):
                name, description = entry.split(": ", 1)
                assert description[0].isupper() or description[0].isdigit(), (path.name, name)
                assert description.endswith((".", ".)")), (path.name, name)
                found += 1
    assert found > 80


def section(text, name):
    """The lines of a docstring's section."""
    lines = text.partition(f"\n{name}:\n")[2]
    return lines.partition("\n\n")[0]


@pytest.mark.parametrize("words", [["--help"], [], *(list(words) for words in cli.COMMANDS)])
def test_help_loads_nothing_heavy(words):
    code = (
        f"import sys; sys.argv[1:] = {words + ['--help'] if words else []!r}\n"
        "from faceflow.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "heavy = {'tensorflow', 'mediapipe', 'cv2', 'numba', 'numpy', 'keras'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT)
    assert result.returncode == 0, result.stderr
    assert "faceflow" in result.stdout


def test_unknown_command_shows_what_there_is():
    result = faceflow("trian")
    assert result.returncode == 2
    assert "faceflow train flow" in result.stderr
    assert result.stderr.splitlines()[-1] == "faceflow: no command 'trian'"


def test_stderr_has_our_lines_alone(two_frames, tmp_path):
    """In a process of its own, since TensorFlow warns only when it optimises a graph for the first time."""
    files = [two_frames / name for name in ("a.png", "b.png")]
    result = faceflow("flow", *files, "--model", "fast", "-o", tmp_path / "motion.flo")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "motion.flo").exists()
    assert result.stderr.strip().splitlines() == [], result.stderr


def test_label(called, two_frames, tmp_path):
    code, _, err = called(
        "label",
        two_frames / "a.png",
        two_frames / "b.png",
        "-o",
        tmp_path / "x.flo",
        "--picture",
        tmp_path / "x.png",
    )
    assert code == 0, err
    flow, valid = read_flow(tmp_path / "x.flo")
    np.testing.assert_allclose(flow[valid].mean(axis=0), [3, 1], atol=0.5)
    assert (tmp_path / "x.png").stat().st_size > 10_000


def test_label_of_the_head_and_of_the_expression(called, two_frames, tmp_path):
    """The frames are shifted as a whole: all of the motion is the head's."""
    flows = {}
    for part in ("all", "head", "expression"):
        out = tmp_path / f"{part}.flo"
        frames = two_frames / "a.png", two_frames / "b.png"
        code, _, err = called("label", *frames, "-o", out, "--method", "refined", "--part", part)
        assert code == 0, err
        flows[part], valid = read_flow(out)
    np.testing.assert_allclose((flows["head"] + flows["expression"])[valid], flows["all"][valid], atol=1e-4)
    np.testing.assert_allclose(flows["head"][valid].mean(axis=0), [3, 1], atol=0.1)
    assert np.linalg.norm(flows["expression"][valid], axis=-1).mean() < 0.2


def test_flow_of_a_pair_and_of_a_clip(called, two_frames, tmp_path):
    arguments = ["flow", two_frames / "a.png", two_frames / "b.png", "--model", "dis_fine"]
    code, _, err = called(*arguments, "-o", tmp_path / "x.png", "--picture", tmp_path / "picture.png")
    assert code == 0, err
    flow, _ = read_flow(tmp_path / "x.png")
    np.testing.assert_allclose(np.median(flow[20:-20, 20:-20], axis=(0, 1)), [3, 1], atol=0.1)

    code, _, err = called("flow", two_frames, "-o", tmp_path / "clip", "--model", "dis_fast")
    assert code == 0, err
    assert sorted(path.name for path in (tmp_path / "clip").iterdir()) == ["00000.flo", "flow.mp4"]
    code, _, err = called("flow", two_frames, "-o", tmp_path / "clip", "--model", "dis_fast")
    assert code == 2
    assert "something in it" in err


def test_evaluate_uncertainty(called, pair_folder, tmp_path):
    code, out, err = called(
        *("evaluate", "uncertainty", pair_folder, "--method", "consistency:dis_fast"),
        *("--json", tmp_path / "x.json", "--report", tmp_path / "x.html"),
    )
    assert code == 0, err
    assert out.splitlines()[1].startswith("consistency:dis_fast")
    one = json.loads((tmp_path / "x.json").read_text())["methods"]["consistency:dis_fast"]
    assert sum(part["share"] for part in one["calibration"]) == pytest.approx(1)
    assert (tmp_path / "x.html").read_text().count("<img") >= 2


def test_evaluate(called, pair_folder, tmp_path):
    code, out, err = called(
        *("evaluate", "flow", pair_folder, "--method", "zero", "--method", "dis_fast"),
        *("--json", tmp_path / "x.json", "--report", tmp_path / "x.html", "--save", tmp_path / "flows"),
    )
    assert code == 0, err
    assert out.splitlines()[1].startswith("dis_fast")  # the best first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flows", "x.html", "x.json"]


def test_from_clips_to_a_served_flow(called, clips_folder, two_frames, tmp_path):
    """build, train, export, serve, and the same answer with and without the server."""
    from serving.server import Server

    records = tmp_path / "records"
    code, _, err = called("build", clips_folder, "--corpus", "folder", "-o", records, "--workers", 1)
    assert code == 0, err
    code, _, err = called(
        *("train", "flow", tmp_path / "records", "-o", tmp_path / "run", "--network", "flownet_s"),
        *("--width", 0.0625, "--size", 64, "--batch-size", 2, "--epochs", 1, "--validation-share", 0.5),
    )
    assert code == 0, err
    code, _, err = called("export", "flow", tmp_path / "run", "-o", tmp_path / "models")
    assert code == 0, err

    frames = ["flow", two_frames / "a.png", two_frames / "b.png"]
    assert called(*frames, "-o", tmp_path / "local.flo", "--model", tmp_path / "run")[0] == 0
    (version,) = (tmp_path / "models" / "face_flow").iterdir()
    assert called(*frames, "-o", tmp_path / "exported.flo", "--model", version)[0] == 0
    with Server(tmp_path / "models", port=0) as server:
        code, _, err = called(*frames, "-o", tmp_path / "served.flo", "--server", server.address)
    assert code == 0, err
    local, exported, served = (
        read_flow(tmp_path / f"{name}.flo")[0] for name in ("local", "exported", "served")
    )
    assert np.abs(local).max() > 0
    assert np.abs(local - served).max() < 1e-3
    assert np.abs(local - exported).max() < 1e-3


@pytest.mark.slow
def test_export_as_onnx(called, tmp_path):
    from keras_models.flow.flow_networks import build_network
    from keras_models.presets import Preset, save_preset

    about = Preset({"name": "flownet_s", "width": 0.0625})
    save_preset(tmp_path / "run", build_network(**about.network), about)
    code, _, err = called("export", "flow", tmp_path / "run", "-o", tmp_path / "models", "--onnx")
    assert code == 0, err
    assert f"exported: {tmp_path}/models/face_flow.onnx" in err
    names = {path.name for path in (tmp_path / "models").iterdir()}
    assert names == {"face_flow.onnx", "face_flow_frames.onnx"}


def test_a_classifier_on_a_classical_flow_is_not_exported(called, tmp_path):
    from keras_models.presets import preset_folder

    run = shutil.copytree(preset_folder("expression"), tmp_path / "run")
    about = json.loads((run / "preset.json").read_text())
    about["recipe"] |= {"method": "dis_medium", "method_key": "dis_medium"}
    (run / "preset.json").write_text(json.dumps(about))
    code, _, err = called("export", "expression", run, "-o", tmp_path / "models")
    assert code == 2
    assert f"{run}: was trained on the flow of dis_medium, which is no network" in err
    assert not (tmp_path / "models").exists()


def test_missing_and_unreadable_frames(called, two_frames, tmp_path):
    frame, out = two_frames / "a.png", tmp_path / "x.flo"
    (tmp_path / "cut.png").write_bytes(frame.read_bytes()[:100])
    write_image(tmp_path / "wall.png", np.full((300, 300, 3), 80, np.uint8))
    write_image(tmp_path / "small.png", np.full((30, 300, 3), 80, np.uint8))
    cases = {
        "absent.png": "no such file",
        "cut.png": "not a picture",
        "wall.png": "no face found",
        "small.png": "differ in size",
    }
    for command in (["label"], ["flow", "--face", "--model", "zero"]):
        for name, says in cases.items():
            code, _, err = called(*command, frame, tmp_path / name, "-o", out)
            assert code == 2
            assert says in err
            assert err.count(name) == 1
            assert err.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["flow", "{a}", "{b}", "-o", "x.flo", "--model", "zero", "--server", "x:1"], "--model"),
        (["flow", "{a}", "{b}", "-o", "x.flo", "--model", "raft"], "unknown flow method"),
        (["flow", "{a}", "{b}", "-o", "x.jpg", "--model", "zero"], "unknown flow format"),
        (["export", "flow", "-o", "x", "--pairs", "{folder}"], "give --push in place of --out"),
        (["flow", "{a}", "{b}", "-o", "x.flo", "--server", "127.0.0.1:1"], "no server"),
        (["flow", "{a}", "{a}", "{b}", "-o", "x.flo", "--model", "zero"], "two frames or one clip"),
        (["label", "{a}", "{b}", "-o", "x.flo", "--method", "magic"], "unknown label method"),
        (["label", "{a}", "{b}", "-o", "/proc/x.flo"], "/proc"),
        (["build", "{folder}/absent", "-o", "x"], "no such"),
        (["train", "flow", "{folder}", "-o", "x"], "neither records"),
        (["evaluate", "flow", "{folder}"], "no pairs"),
        (["export", "flow", "{folder}", "-o", "x"], "not a training run"),
        (["serve", "{folder}"], "{folder}"),
        (["serve", "{folder}", "--port", "70000"], "{folder}"),
        (["serve", "{folder}", "--host", "0.0.0.0"], "0.0.0.0: gRPC would be in plain text"),
        (["serve", "{folder}", "--model_config_file", "absent"], "absent: cannot be read"),
        (
            ["serve", "{folder}", "--batching_parameters_file", "x"],
            "x: --batching_parameters_file needs --enable_batching",
        ),
        (["serve", "{folder}", "--ssl_config_file", "absent"], "absent: cannot be read"),
        (["export", "flow"], "--out MODELS to export, or --push"),
        (["export", "flow", "-o", "x", "--push", "y"], "--out MODELS to export, or --push"),
        (["export", "flow", "--push", "x", "--onnx"], "--onnx goes with --out alone"),
        (["export", "flow", "--push", "x", "--tflite"], "--tflite goes with --out alone"),
        (["export", "flow", "-o", "x", "--fp16"], "--fp16 needs --onnx"),
        (["export", "expression"], "--out MODELS to export, or --push"),
        (["export", "expression", "--push", "x"], "--push and --corpus NAME=DIR go together"),
        (["flow", "{a}", "{b}", "-o", "{a}", "--model", "zero"], "is read and cannot be written"),
        (["label", "{a}", "{b}", "-o", "x.flo", "--picture", "{b}"], "is read and cannot be written"),
        (["flow", "{a}", "{b}", "-o", "x.flo", "--model", "zero", "--picture", "x.jpg"], "must end in .png"),
        (["train", "flow", "{folder}", "-o", "x", "--batch-size", "0"], "batch_size must be at least 1"),
        (["demo", "--out", "x", "--max-minutes", "0"], "--max-minutes 0"),
    ],
)
def test_mistakes_are_one_line(called, two_frames, arguments, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = {"a": two_frames / "a.png", "b": two_frames / "b.png", "folder": two_frames}
    code, _, err = called(*(argument.format(**known) for argument in arguments))
    assert code == 2
    assert says.format(**known) in err
    assert err.count("\n") == 1, err
    assert not list(tmp_path.iterdir())


def test_a_mistake_in_a_process_of_its_own(tmp_path):
    result = faceflow("evaluate", "flow", tmp_path / "absent")
    assert one_line(result, "absent: no such file or folder")


def test_a_full_disk_is_one_line(two_frames, tmp_path):
    """A file size limit of one block stands in for the full disk."""
    import resource

    def limit():
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))

    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    arguments = [
        "flow",
        two_frames / "a.png",
        two_frames / "b.png",
        "-o",
        tmp_path / "x.flo",
        "--model",
        "dis_fast",
    ]
    result = faceflow(*arguments, preexec_fn=limit, env=environment)
    assert one_line(result, "File too large")
    assert not list(tmp_path.iterdir())
