"""Flow files that FaceFlow writes, read by RAFT, ptlflow and MMFlow in an environment of their own."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from faceflow import cli
from pipelines.io.flow_io import write_flow
from pipelines.io.images import write_image
from pipelines.synthetic.renderer.rendered_pair import render_pair

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[3]
# RAFT is not a package; the first one is its `core/utils/frame_utils.py`. mmcv-lite is what there is of MMCV
# without PyTorch.
PACKAGES = (
    "optical-flow-frame-utils==0.0.1", "mmcv-lite==2.2.0", "numpy==1.26.4", "opencv-python==4.11.0.86",
    "matplotlib==3.10.3", "pypng==0.20220715.0", "h5py==3.14.0",
)  # fmt: skip
# These would bring PyTorch, which their readers of files do not need.
WITHOUT_DEPENDENCIES = ("ptlflow==0.4.2", "mmflow==0.5.2")
PROGRAM = '''
import importlib.util, sys
from pathlib import Path
import mmcv
import numpy as np
from optical_flow_frame_utils import frame_utils as raft

def module(package, path):
    """A module by its file, since the package as a whole imports PyTorch."""
    folder = Path(importlib.util.find_spec(package).submodule_search_locations[0])
    spec = importlib.util.spec_from_file_location(Path(path).stem, folder / path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found

flowpy = module("ptlflow", "utils/external/flowpy.py")  # ptlflow.utils.flow_utils.flow_read of .flo and .png
spring = module("ptlflow", "utils/external/flow_IO.py")
mmflow = module("mmflow", "datasets/utils/flow_io.py")
readers = {
    ".flo": {
        "raft": raft.read_gen, "mmflow": mmflow.read_flow, "mmcv": mmcv.flowread,
        "mmflow-bytes": lambda path: mmflow.flow_from_bytes(Path(path).read_bytes(), "flo"),
        "ptlflow": lambda path: flowpy.flow_read(path, None), "spring": spring.readFlowFile,
    },
    ".png": {
        "raft": raft.readFlowKITTI, "mmflow": mmflow.read_flow_kitti,
        "ptlflow": lambda path: flowpy.flow_read(path, None), "spring": spring.readFlowFile,
    },
    ".pfm": {
        "raft": raft.read_gen, "mmflow": mmflow.read_pfm,
        "mmflow-bytes": lambda path: mmflow.flow_from_bytes(Path(path).read_bytes(), "pfm"),
        "spring": spring.readFlowFile,
    },
}
for path in Path(sys.argv[1]).iterdir():
    for name, read in readers.get(path.suffix, {}).items():
        answer = read(str(path))
        arrays = answer if isinstance(answer, tuple) else (answer,)
        np.savez(Path(sys.argv[2]) / f"{path.name}.{name}.npz", *arrays)
'''
#: What uv says when it cannot reach a package index.
NO_CONNECTION = ("error sending request", "dns error", "Could not connect", "Connection refused")
#: Readers of each format.
READERS = {
    ".flo": ("raft", "mmflow", "mmflow-bytes", "mmcv", "ptlflow", "spring"),
    ".png": ("raft", "mmflow", "ptlflow", "spring"),
    ".pfm": ("raft", "mmflow", "mmflow-bytes", "spring"),
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The Python of an environment with the readers."""
    own = PROJECT / ".uv" / "bin" / "uv"
    uv = str(own) if own.exists() else "uv"
    folder = tmp_path_factory.mktemp("readers") / ".venv"
    python = str(folder / "bin" / "python")
    install = [uv, "pip", "install", "--quiet", "--python", python]
    for command in (
        [uv, "venv", "--quiet", "--python", "3.11", str(folder)],
        [*install, *PACKAGES],
        [*install, "--no-deps", *WITHOUT_DEPENDENCIES],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        if done.returncode and any(words in done.stderr for words in NO_CONNECTION):
            pytest.skip("no connection to a package index, from which the readers are installed")
        assert done.returncode == 0, done.stderr
    return python


@pytest.fixture(scope="module")
def files(tmp_path_factory, portrait):
    """The same flow in every format, by the commands and by `write_flow`; and what NumPy reads, in .npz."""
    folder = tmp_path_factory.mktemp("files")
    pictures = folder / "pictures"
    pictures.mkdir()
    frames = [str(pictures / name) for name in ("1.png", "2.png")]
    for path, frame in zip(frames, (portrait, np.roll(portrait, (1, -2), (0, 1))), strict=True):
        write_image(path, frame[:300, 80:360])
    rng = np.random.default_rng(5)
    flow = rng.normal(0, 20, (6, 9, 2)).astype(np.float32)
    flow[0, :2] = [[-512, 511.984375], [511.984375, -512]]  # the farthest that KITTI holds
    valid = rng.random((6, 9)) > 0.3
    valid[0, :2] = True
    for suffix in (".npz", *READERS):
        cli.run(["label", *frames, "-o", str(folder / f"label{suffix}")])
        cli.run(["flow", *frames, "--model", "dis_fast", "--face", "-o", str(folder / f"flow{suffix}")])
        write_flow(folder / f"written{suffix}", flow, valid)
    cli.run(["render", "pairs", "-o", str(folder / "pairs"), "--count", "1", "--size", "96", "--seed", "3"])
    shutil.move(folder / "pairs" / "00000_flow.flo", folder)
    return folder


@pytest.fixture(scope="module")
def answers(environment, files, tmp_path_factory):
    """What each reader makes of each file: flow, and validity where it returns one."""
    out = tmp_path_factory.mktemp("answers")
    program = out / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run([environment, program, files, out], capture_output=True, text=True, cwd=out)
    assert done.returncode == 0, done.stderr
    return {path.name[:-4]: list(np.load(path).values()) for path in out.glob("*.npz")}


@pytest.mark.parametrize("source", ["label", "flow", "written"])
@pytest.mark.parametrize(("suffix", "reader"), [(s, r) for s, readers in READERS.items() for r in readers])
def test_same_flow_and_same_unknown_pixels(files, answers, source, suffix, reader):
    """.flo and .pfm are exact; KITTI rounds to 1/64 px."""
    with np.load(files / f"{source}.npz") as truth:
        flow, valid = truth["flow"], truth["valid"]
    assert 0 < valid.mean() < 1
    found, *mask = answers[f"{source}{suffix}.{reader}"]
    assert found.shape == flow.shape
    # KITTI's third channel, or what is neither NaN nor beyond the longest motion that RAFT takes for known.
    known = mask[0] > 0 if mask else (np.abs(found) < 1000).all(axis=-1)
    np.testing.assert_array_equal(known, valid)
    np.testing.assert_allclose(found[valid], flow[valid], rtol=0, atol=1 / 128 if suffix == ".png" else 0)


@pytest.mark.parametrize("reader", READERS[".flo"])
def test_rendered_pair(answers, reader):
    (found,) = answers[f"00000_flow.flo.{reader}"]
    pair = render_pair(3, 0, 96)
    np.testing.assert_array_equal((np.abs(found) < 1000).all(axis=-1), pair.valid)
    np.testing.assert_array_equal(found[pair.valid], pair.flow[pair.valid])


@pytest.mark.parametrize("suffix", [".flo", ".png", ".pfm"])
@pytest.mark.parametrize("reader", ["raft", "mmflow"])
def test_a_masked_loss_stays_finite(answers, suffix, reader):
    """They multiply the error by the mask, and 0 times NaN is NaN."""
    found, *_ = answers[f"written{suffix}.{reader}"]
    assert np.isfinite(found).all()
