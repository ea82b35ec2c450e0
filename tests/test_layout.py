"""Layout of the project: who imports whom, how large a folder gets, and that every test is collected."""

import ast
import fnmatch
from collections import Counter
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
#: From the ground up: a package imports those before it, and nothing behind it.
PACKAGES = ("pipelines", "keras_models", "serving", "faceflow")
_MODULES_IN_A_FOLDER = 13

# Modules that tests reach through another one, and the test file that does.
REACHED_THROUGH = {
    "pipelines.clip_analysis.tracking.clip_tracking": "tests/pipelines/clip_analysis/test_analysis.py",
    "pipelines.clip_analysis.clip_pictures": "tests/pipelines/clip_analysis/test_analysis.py",
    "pipelines.clip_analysis.results.parquet": "tests/keras_models/inference/test_clip_analyses.py",
    "pipelines.clip_analysis.results.summary_table": "tests/keras_models/inference/test_clip_analyses.py",
    "pipelines.clip_analysis.tracking.clip_motion": "tests/pipelines/clip_analysis/test_analysis.py",
    "faceflow.arguments": "tests/faceflow/test_cli.py",
    "faceflow.commands": "tests/test_readme.py",
    "pipelines.datasets.corpora": "tests/pipelines/datasets/test_quirks.py",
    "pipelines.labels.refined": "tests/pipelines/labels/test_refined.py",
    "pipelines.landmarks.mediapipe_mesh": "tests/pipelines/landmarks/test_detector.py",
    "pipelines.native_stderr": "tests/faceflow/test_cli.py",
    "pipelines.synthetic.renderer": "tests/pipelines/synthetic/renderer/test_rendered_pair.py",
    "serving.grpc": "tests/serving/grpc/test_prediction_service.py",
    "serving.repository": "tests/serving/repository/test_models.py",
    "serving.rest": "tests/serving/rest/test_rest_api.py",
    "serving.runtime": "tests/serving/grpc/test_prediction_service.py",
    "serving.stop_signals": "tests/serving/test_server.py",
}


def module_files() -> dict[str, Path]:
    """Every module of the packages by its dotted name; packages themselves under their folder's."""
    found = {}
    for package in PACKAGES:
        for path in (PROJECT / package).rglob("*.py"):
            parts = path.relative_to(PROJECT).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports_of(path: Path, modules: dict[str, Path]) -> set[str]:
    """The modules of the project that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                found.add(inner if inner in modules else node.module)
    return found & modules.keys()


@pytest.fixture(scope="module")
def modules():
    return module_files()


@pytest.fixture(scope="module")
def imports(modules):
    return {name: imports_of(path, modules) - {name} for name, path in modules.items()}


def find_circle(graph):
    """Return the nodes of a circle in a directed graph, or an empty list."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node) :] + [node]
        if node in done:
            return []
        path.append(node)
        for target in sorted(graph[node]):
            if circle := visit(target):
                return circle
        done.add(path.pop())
        return []

    return next((circle for node in sorted(graph) if (circle := visit(node))), [])


def test_a_circle_is_found():
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c", "b"]
    assert find_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_imports_run_down(imports):
    for name, targets in imports.items():
        floor = PACKAGES.index(name.split(".")[0])
        for target in targets:
            assert PACKAGES.index(target.split(".")[0]) <= floor, f"{name} imports {target}"


def test_no_circle_among_modules(imports):
    assert find_circle(imports) == []


def test_no_circle_among_folders(imports, modules):
    """A folder is one room: what it imports does not import it."""

    def folder(name):
        return ".".join(name.split(".")[:-1]) if modules[name].name != "__init__.py" else name

    def inside(one, other):
        # A package and its subpackages may use each other, as `renderer` and `renderer.geometry` do.
        return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")

    graph = {folder(name): set() for name in modules}
    for name, targets in imports.items():
        graph[folder(name)] |= {
            folder(target) for target in targets if not inside(folder(name), folder(target))
        }
    assert find_circle(graph) == []


def test_folders_are_small():
    for package in (*PACKAGES, "benchmarks"):
        for folder in [PROJECT / package, *(PROJECT / package).rglob("*/")]:
            named = [path.name for path in folder.glob("*.py") if not path.name.startswith("__")]
            assert len(named) <= _MODULES_IN_A_FOLDER, f"{folder}: {len(named)} modules"


def test_module_names_are_unique(modules):
    """A name that stands in a traceback or in somebody's question says which file is meant."""
    names = Counter(path.stem for path in modules.values() if path.stem != "__init__")
    assert [name for name, count in names.items() if count > 1] == []


def test_every_folder_says_what_is_in_it():
    for package in PACKAGES:
        for path in (PROJECT / package).rglob("*.py"):
            assert ast.get_docstring(ast.parse(path.read_text())), path
            assert (path.parent / "__init__.py").exists(), path


def test_every_test_file_is_collected(request):
    """Pytest leaves out folders by name (`build` and `dist` among them), and says nothing of it."""
    left_out = request.config.getini("norecursedirs")
    patterns = request.config.getini("python_files")
    assert request.config.getini("testpaths") == ["tests"]
    for package in (*PACKAGES, "benchmarks", "notebooks", "docs"):
        assert not list((PROJECT / package).rglob("test_*.py")), package
    for path in (PROJECT / "tests").rglob("test_*.py"):
        parts = path.relative_to(PROJECT).parts
        assert any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns), path
        for folder in parts[:-1]:
            assert not any(fnmatch.fnmatch(folder, pattern) for pattern in left_out), path


def test_tests_mirror_the_packages():
    for package in PACKAGES:
        for folder in (PROJECT / "tests" / package).rglob("*/"):
            if folder.name != "__pycache__":
                assert folder.relative_to(PROJECT / "tests").is_relative_to(package)
                assert (PROJECT / folder.relative_to(PROJECT / "tests")).is_dir(), folder


def test_every_module_has_a_test(modules):
    """A test imports it, or the table above says which test file reaches it, and through what."""
    tested = set()
    for path in (PROJECT / "tests").rglob("*.py"):
        tested |= imports_of(path, modules)
    untested = [name for name, path in modules.items() if path.name != "__init__.py" and name not in tested]
    doors = {name: door for name in untested for door in REACHED_THROUGH if f"{name}.".startswith(f"{door}.")}
    assert sorted(set(untested) - doors.keys()) == []
    assert set(doors.values()) == REACHED_THROUGH.keys(), "a line that is no longer needed"
    for path in REACHED_THROUGH.values():
        assert (PROJECT / path).exists(), path
