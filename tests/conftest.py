import os
import re
import shlex
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
PROJECT = Path(__file__).parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no core idles at the end."""
    longest = ("test_readme.py", "test_flow_networks.py", "test_demo.py", "test_expression.py")
    items.sort(key=lambda item: item.path.name not in longest)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real faces that are lent for testing; not part of the project."""
    folder = Path(os.environ.get("FACEFLOW_DATA", PROJECT / "../shared/data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"real faces are not at hand ({folder}); set FACEFLOW_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def shell_commands():
    """A function that returns the words of each command in a page's `sh` blocks."""

    def commands(page: Path) -> list[list[str]]:
        blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), flags=re.DOTALL)
        lines = "".join(blocks).replace("\\\n", " ").splitlines()
        # Brackets mark what may be left out; here it stays.
        return [shlex.split(re.sub(r"[\[\]]", "", line), comments=True) for line in lines if line.strip()]

    return commands


@pytest.fixture(scope="session")
def portrait():
    """The public-domain portrait that scikit-image ships: one face, 512x512."""
    import skimage.data

    return skimage.data.astronaut()


@pytest.fixture(scope="session")
def portrait_landmarks(portrait):
    from pipelines.landmarks.detector import FaceMesh

    with FaceMesh() as face_mesh:
        return face_mesh(portrait).landmarks


@pytest.fixture(scope="session")
def pair_folder(tmp_path_factory, portrait, portrait_landmarks) -> Path:
    """Twelve pairs of the moved portrait, 128x128, by three made-up subjects."""
    from pipelines.io.pairs import write_metadata, write_pair
    from pipelines.synthetic.portrait import PortraitMotion, moved_portrait

    folder = tmp_path_factory.mktemp("pairs")
    for number in range(12):
        write_pair(folder, moved_portrait(portrait, portrait_landmarks, PortraitMotion(), 5, number))
    write_metadata(folder, [{"pair": f"{k:05d}", "subject": f"subject{k % 3}"} for k in range(12)])
    return folder


@pytest.fixture(scope="session")
def clips_folder(tmp_path_factory, portrait) -> Path:
    """Two subjects with picture-folder clips of 4 frames (the portrait, shifted by 2 px a frame)."""
    import numpy as np

    from pipelines.io.images import write_image

    folder = tmp_path_factory.mktemp("clips")
    for subject, clip in (("anna", "a"), ("anna", "b"), ("bert", "a")):
        for frame in range(4):
            shifted = np.roll(portrait[:320, 60:380], 2 * frame, axis=1)
            write_image(folder / subject / clip / f"{frame + 8}.png", shifted)
    return folder


@pytest.fixture(scope="session")
def expressive(portrait, portrait_landmarks):
    """Frames of the portrait that shows something: `expressive("surprise", 0.5)`, uint8 [280, 240, 3]."""
    import cv2
    import numpy as np

    from pipelines.image.warping import pixel_grid, sample

    # Landmark, motion in pixels at full strength: brows up, brows together and down, corners of the mouth up.
    shown = {
        "surprise": [(105, (0, -5)), (334, (0, -5))],
        "negative": [(107, (2, 4)), (336, (-2, 4))],
        "positive": [(61, (-3, -4)), (291, (3, -4))],
    }
    window = np.s_[0:280, 105:345]
    grid = pixel_grid((280, 240)) + np.float32([105, 0])

    def frame(emotion, strength, seed=0):
        if not strength:
            return portrait[window]
        moved = np.zeros_like(grid)
        scale = 1 + 0.2 * np.random.default_rng(seed).standard_normal()
        for landmark, motion in shown[emotion]:
            squared = np.square(grid - portrait_landmarks[landmark]).sum(axis=-1)
            moved += scale * strength * np.exp(-squared / (2 * 14**2))[..., None] * np.float32(motion)
        return sample(portrait, grid - moved, cv2.INTER_CUBIC)

    return frame


@pytest.fixture(scope="session")
def expressive_corpus(tmp_path_factory, expressive) -> Path:
    """CASME II of three subjects with an expression of each class, and clips that cannot be used."""
    import numpy as np
    import openpyxl

    from pipelines.io.images import write_image

    root = tmp_path_factory.mktemp("CASME2")
    emotions = {"negative": "disgust", "positive": "happiness", "surprise": "surprise"}
    book = openpyxl.Workbook()
    columns = ["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units"]
    book.active.append([*columns, "Estimated Emotion"])

    def add(subject, name, frames, emotion, apex=3, offset=4):
        for number, frame in enumerate(frames, start=1):
            write_image(root / "Cropped" / f"sub0{subject}" / name / f"img{number}.png", frame)
        book.active.append([f"0{subject}", name, 1, apex, offset, "4", emotion])

    for subject in (1, 2, 3):
        for k, (shown, emotion) in enumerate(emotions.items()):
            strengths = (0, 0.5, 1, 0)
            add(subject, f"EP0{k + 1}", [expressive(shown, s, subject) for s in strengths], emotion)
    still = expressive("surprise", 0)
    add(4, "EP01_oneframe", [still], "surprise")
    add(4, "EP02_nofaceatapex", [still, still, np.full_like(still, 90), still], "surprise")
    add(4, "EP03_others", [still] * 4, "others")
    add(4, "EP04_apexfirst", [expressive("surprise", s) for s in (0, 1, 1, 0)], "surprise", apex=0)
    add(4, "EP05_unlabelled", [still] * 4, None)
    book.save(root / "CASME2-coding-20140508.xlsx")
    return root


@pytest.fixture
def web_package(tmp_path, monkeypatch):
    """An archive like that of onnxruntime-web, with a line of text in each file; its hash is asked for."""
    import io
    import tarfile

    from serving.web import runtime_package

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # a package that is used is kept
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("README.md", "dist/ort.js", *(f"dist/{name}" for name in runtime_package.FILES)):
            data = f"// {name}\n".encode()
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    monkeypatch.setattr(runtime_package, "INTEGRITY", runtime_package._integrity(path.read_bytes()))
    return path


@pytest.fixture
def onnx_model(tmp_path):
    """A function that writes an ONNX model with inputs of given names and flow zero; returns its path."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def write(*inputs: str) -> Path:
        frames = [
            helper.make_tensor_value_info(name, TensorProto.UINT8, ["b", 2, "h", "w", 3]) for name in inputs
        ]
        flow = helper.make_tensor_value_info("flow", TensorProto.FLOAT, [1])
        zero = numpy_helper.from_array(np.zeros(1, np.float32))
        nodes = [helper.make_node("Constant", [], ["flow"], value=zero)]
        graph = helper.make_graph(nodes, "zero", frames, [flow])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        path = tmp_path / f"{'_'.join(inputs)}.onnx"
        onnx.save(model, str(path))
        return path

    return write
