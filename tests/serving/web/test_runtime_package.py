import base64
import hashlib
import os
import shutil

import pytest

from pipelines.errors import InputError
from serving.web import runtime_package
from serving.web.runtime_package import ARCHIVE, FILES, fetch_package, unpack_runtime


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Put a shell script in the place of npm; its last argument is the folder that it writes to."""

    def install(script):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "npm").write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nfor last; do :; done\n{script}\n'
        )
        (folder / "npm").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    return install


def test_the_integrity_is_npms_form_of_sha512(tmp_path):
    """As `openssl dgst -sha512 -binary | base64` gives it for the empty file."""
    empty = base64.b64encode(hashlib.sha512(b"").digest()).decode()
    assert runtime_package._integrity(b"") == f"sha512-{empty}"
    assert empty.startswith("z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg")  # in many lock files


def test_what_the_page_loads_is_unpacked_and_nothing_else(web_package, tmp_path):
    unpack_runtime(web_package, tmp_path / "runtime")
    assert {path.name for path in (tmp_path / "runtime").iterdir()} == set(FILES)
    for name in FILES:
        assert (tmp_path / "runtime" / name).read_text() == f"// dist/{name}\n"


@pytest.mark.parametrize("damage", ["cut short", "changed", "empty", "a folder", "absent"])
def test_another_archive_is_refused(damage, web_package, tmp_path):
    data = web_package.read_bytes()
    web_package.unlink()
    if damage == "a folder":
        web_package.mkdir()
    elif damage != "absent":
        web_package.write_bytes({"cut short": data[:-9], "changed": b"x" + data[1:], "empty": b""}[damage])
    says = (
        "no such file"
        if damage == "absent"
        else "not onnxruntime-web .*, or cut short .*faceflow web --fetch"
    )
    with pytest.raises(InputError, match=rf"package\.tgz: {says}"):
        unpack_runtime(web_package, tmp_path / "runtime")
    assert not (tmp_path / "runtime").exists()


def test_npm_downloads_it_once(web_package, tmp_path, npm):
    npm(f'cp {web_package} "$last/{ARCHIVE}"')
    for _ in range(2):
        assert fetch_package(tmp_path / "cache").read_bytes() == web_package.read_bytes()
    (asked,) = (tmp_path / "asked").read_text().splitlines()
    assert asked.startswith(f"pack onnxruntime-web@{runtime_package.VERSION} ")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [ARCHIVE]


def test_a_damaged_download_is_fetched_again(web_package, tmp_path, npm):
    npm(f'cp {web_package} "$last/{ARCHIVE}"')
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / ARCHIVE).write_bytes(web_package.read_bytes()[:100])
    assert fetch_package(tmp_path / "cache").read_bytes() == web_package.read_bytes()


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo 'npm error network request failed' >&2; exit 1", "network request failed"),
        (f'echo other > "$last/{ARCHIVE}"', "not onnxruntime-web"),
        ("exit 0", "no message"),
    ],
)
def test_what_npm_cannot_fetch(script, says, web_package, tmp_path, npm):
    npm(script)
    with pytest.raises(InputError, match=says):
        fetch_package(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_npm(web_package, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("npm") is None
    with pytest.raises(InputError, match=r"needs the program npm .*npm pack onnxruntime-web@.*--package"):
        fetch_package(tmp_path / "cache")
