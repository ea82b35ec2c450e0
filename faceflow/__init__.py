"""FaceFlow: optical flow for faces, and micro-expression recognition on top of it.

The names below are all that a first script needs. They are loaded when they are first used, so that
`import faceflow` is quick; everything else is imported from `pipelines`, `keras_models` and `serving`.

Examples:
    >>> import numpy as np
    >>> import faceflow
    >>> frame = np.zeros((64, 64, 3), np.uint8)
    >>> faceflow.estimate_flow(frame, frame).shape
    (64, 64, 2)
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

__version__ = "0.2.0"

# Where each public name comes from.
_PUBLIC = {
    "analyze": "faceflow.api",
    "estimate_flow": "faceflow.api",
    "flow_to_color": "pipelines.visualization.flow_color",
    "load": "faceflow.api",
    "read_flow": "pipelines.io.flow_io",
    "render_pair": "pipelines.synthetic.renderer",
    "write_flow": "pipelines.io.flow_io",
}
__all__ = ["__version__", *_PUBLIC]

if TYPE_CHECKING:
    from faceflow.api import analyze as analyze
    from faceflow.api import estimate_flow as estimate_flow
    from faceflow.api import load as load
    from pipelines.io.flow_io import read_flow as read_flow
    from pipelines.io.flow_io import write_flow as write_flow
    from pipelines.synthetic.renderer import render_pair as render_pair
    from pipelines.visualization.flow_color import flow_to_color as flow_to_color


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'faceflow' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def _import_packages_beside(folder: Path) -> None:
    """Import `pipelines`, `keras_models` and `serving` from a folder, whatever comes first on `sys.path`.

    Python searches the folder of a script or notebook first, and many projects have a `pipelines/` of their
    own. The three packages are empty at their top, so that this costs nothing.

    Raises:
        ImportError: if a package of that name has been imported from elsewhere already.
    """
    for name in ("pipelines", "keras_models", "serving"):
        here = folder / name
        if name in sys.modules:
            imported = [Path(path).resolve() for path in getattr(sys.modules[name], "__path__", [])]
            if here not in imported:
                where = imported[0] if imported else getattr(sys.modules[name], "__file__", "unknown")
                raise ImportError(
                    f"FaceFlow needs its own package {name!r}, but {where} was imported under that name; "
                    "import faceflow first, or rename that folder"
                )
            continue
        spec = importlib.util.spec_from_file_location(
            name, here / "__init__.py", submodule_search_locations=[str(here)]
        )
        if spec is None or spec.loader is None:
            raise ImportError(f"FaceFlow is not whole: {here} cannot be imported; install it again")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)


_import_packages_beside(Path(__file__).resolve().parents[1])
