"""The README and the pages in docs/: their links lead somewhere, their commands are ones that exist."""

import ast
import functools
import importlib
import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

from faceflow import cli

PROJECT = Path(__file__).parents[1]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]

# Programs of others that a page may call; what stands behind them is theirs.
_FOREIGN = {"apt-get", "curl", "dask", "docker", "git", "pip", "tensorboard", "tensorflowjs_converter"}


def name_of(path):
    return str(path.relative_to(PROJECT))


@pytest.fixture
def only_parse(monkeypatch):
    """Every command of the command line takes its arguments and does nothing."""
    for target, _ in cli.COMMANDS.values():
        module_name, function_name = target.split(":")
        module = importlib.import_module(module_name)
        function = getattr(module, function_name)
        idle = functools.wraps(function)(lambda *args, **kwargs: None)
        monkeypatch.setattr(module, function_name, idle)


def check_command(words):
    """Raise unless a command line names a program and options that exist."""
    if words[0] == "faceflow":
        try:
            cli.run(words[1:])
        except SystemExit as error:
            raise AssertionError(f"{' '.join(words)}: refused") from error
    elif words[0] == "make":
        subprocess.run(["make", "-n", *words[1:]], cwd=PROJECT, check=True, capture_output=True)
    elif words[:2] == ["python", "-m"]:
        assert importlib.util.find_spec(words[2]), words
    else:
        assert words[0] in _FOREIGN, f"{words[0]}: not a program that the pages may call"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_exist(page, shell_commands, only_parse):
    for words in shell_commands(page):
        check_command(words)


@pytest.mark.parametrize(
    "command",
    [
        "faceflow labels FRAME1 FRAME2 -o x.flo",
        "faceflow label FRAME1 FRAME2 -o x.flo --methode mesh",
        "faceflow label FRAME1 -o x.flo",
        "faceflow build CLIPS --pairs",
        "python -m benchmarks.nothing",
        "frobnicate --all",
    ],
)
def test_a_wrong_command_is_found(command, only_parse):
    with pytest.raises(AssertionError):
        check_command(command.split())


def test_a_wrong_target_is_found():
    with pytest.raises(subprocess.CalledProcessError):
        check_command(["make", "coffee"])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_code_can_be_parsed_and_what_it_imports_from_here_exists(page):
    for code in re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (PROJECT / node.module.split(".")[0]).is_dir():
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            found = page.parent / path if path else page
            if path.startswith("notebooks/"):  # `make docs` copies them beside the pages
                found = PROJECT / path
            assert found.exists(), f"{name_of(page)}: {target}"
            if anchor:
                assert anchor in anchors(found), f"{name_of(page)}: {target}"


def anchors(page):
    """Return what GitHub and MkDocs make of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_troubleshooting_quotes_messages_that_exist():
    packages = [PROJECT / name for name in ("faceflow", "keras_models", "pipelines", "serving")]
    sources = [PROJECT / "Makefile", *(path for package in packages for path in package.rglob("*.py"))]
    # Strings that go on in the next line are one message.
    text = re.sub(r'"\s*\n\s*f?"', "", "".join(path.read_text() for path in sources))
    rows = re.findall(
        r"^\| `([^`]+)` \|", (PROJECT / "docs" / "troubleshooting.md").read_text(), re.MULTILINE
    )
    ours = [message for message in rows if "Received message" not in message]  # that one is gRPC's
    assert len(ours) >= 10
    for message in ours:
        for piece in re.split(r"\.\.\.|\d+ |[()]", message):
            assert piece.strip(' ".') in text, message


def test_every_page_is_in_the_navigation():
    navigation = (PROJECT / "mkdocs.yml").read_text()
    for page in PAGES[1:]:
        assert page.relative_to(PROJECT / "docs").as_posix() in navigation
    for notebook in (PROJECT / "notebooks").glob("*.ipynb"):
        assert f"notebooks/{notebook.name}" in navigation


@pytest.mark.parametrize("page", [*PAGES, PROJECT / "CONTRIBUTING.md"], ids=name_of)
def test_files_that_a_page_names_exist(page):
    folders = "pipelines|keras_models|serving|faceflow|tests|benchmarks|notebooks|docs|deploy|findings"
    named = re.findall(
        rf"(?<![\w/.-])(?:{folders})/[\w/.]+\.(?:py|md|csv|sh|config|ipynb)\b", page.read_text()
    )
    for name in named:
        if "NAME" not in name:
            assert (PROJECT / name).exists() or (page.parent / name).exists(), name
