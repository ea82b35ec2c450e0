import os
import re
import shlex
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
PROJECT = Path(__file__).parents[1]


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
    from pipelines.landmarks import FaceMesh

    with FaceMesh() as face_mesh:
        return face_mesh(portrait).landmarks


@pytest.fixture(scope="session")
def pair_folder(tmp_path_factory, portrait, portrait_landmarks) -> Path:
    """Twelve pairs of the moved portrait, 128x128, by three made-up subjects."""
    from pipelines.pairs import write_facts, write_pair
    from pipelines.portrait import PortraitMotion, moved_portrait

    folder = tmp_path_factory.mktemp("pairs")
    for number in range(12):
        write_pair(folder, moved_portrait(portrait, portrait_landmarks, PortraitMotion(), 5, number))
    write_facts(folder, [{"pair": f"{k:05d}", "subject": f"subject{k % 3}"} for k in range(12)])
    return folder


@pytest.fixture(scope="session")
def clips_folder(tmp_path_factory, portrait) -> Path:
    """Two subjects with picture-folder clips of 4 frames (the portrait, shifted by 2 px a frame)."""
    import numpy as np

    from pipelines.files import write_image

    folder = tmp_path_factory.mktemp("clips")
    for subject, clip in (("anna", "a"), ("anna", "b"), ("bert", "a")):
        for frame in range(4):
            shifted = np.roll(portrait[:320, 60:380], 2 * frame, axis=1)
            write_image(folder / subject / clip / f"{frame + 8}.png", shifted)
    return folder
