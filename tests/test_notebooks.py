"""The notebooks are stripped and use public names only, which are there. `make notebooks` runs them."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

PROJECT = Path(__file__).parents[1]
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
PACKAGES = {"pipelines", "keras_models", "serving"}
# The standard library's and others', all of them installed.
OTHERS = {"faceflow", "grpc", "keras", "matplotlib", "numpy", "skimage"}
STANDARD = {
    "csv",
    "dataclasses",
    "json",
    "logging",
    "os",
    "pathlib",
    "shutil",
    "tempfile",
    "threading",
    "time",
    "urllib",
}


def problems(code: str) -> list[str]:
    """Say what a notebook's code uses that it should not, or that does not exist."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] not in OTHERS | STANDARD]
        elif isinstance(node, ast.ImportFrom):
            package = node.module.split(".")[0]
            if package in PACKAGES:
                names = public_names(node.module)
                found += [f"{node.module}.{one.name}" for one in node.names if one.name not in names]
            elif package not in OTHERS | STANDARD:
                found.append(node.module)
        elif isinstance(node, ast.Attribute) and re.match("_(?!_version__)", node.attr):
            found.append(f".{node.attr}")
    return found


def public_names(module: str) -> set[str]:
    """What a module of ours defines or brings along at its top level, without importing it."""
    path = PROJECT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.exists():
        return set()
    names = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom | ast.With):
            inside = node.body if isinstance(node, ast.With) else [node]
            names |= {alias.asname or alias.name for one in inside for alias in one.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def test_there_is_one_for_each_subject():
    assert [path.stem.split("_")[0] for path in NOTEBOOKS] == ["00", "01", "02", "03", "04", "05", "06"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_sound_stripped_and_public(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        assert not cell.outputs, "outputs: clear them before a commit"
        assert cell.execution_count is None
    assert problems("\n".join(cell.source for cell in code)) == []


def test_what_is_private_or_missing_is_found():
    code = """
import numpy as np
import torch
from benchmarks.common import page
from keras_models.inference.estimators import get_estimator, get_estimators
from pipelines.micro_expressions.features import _solved
from pipelines.nowhere import anything
from serving.protocol.stubs import predict_pb2
network._model
"""
    assert sorted(problems(code)) == [
        "._model",
        "benchmarks.common",
        "keras_models.inference.estimators.get_estimators",
        "pipelines.micro_expressions.features._solved",
        "pipelines.nowhere.anything",
        "torch",
    ]
