"""Real faces that benchmarks measure on. They are no part of the project."""

import os
from pathlib import Path

from benchmarks.common.page import NotMeasured


def real_data(name: str) -> Path:
    """Return the path of a folder or file of real faces.

    Args:
        name: Path inside the folder that `FACEFLOW_DATA` names.

    Raises:
        NotMeasured: If it is not there.
    """
    path = Path(os.environ.get("FACEFLOW_DATA", "../shared/data")) / name
    if not path.exists():
        raise NotMeasured(f"{path} is not at hand; set FACEFLOW_DATA to the folder of the real faces")
    return path
