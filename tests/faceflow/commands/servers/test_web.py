import json
import os
import re
import signal
import threading
import urllib.request

import pytest

from faceflow import cli
from pipelines.errors import InputError


def test_without_the_package_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"onnxruntime-web-1\.30\.0\.tgz: .* run faceflow web --fetch once"):
        cli.run(["web"])


def test_two_sources_of_the_package_are_refused(tmp_path):
    with pytest.raises(InputError, match="--fetch and --package are mutually exclusive"):
        cli.run(["web", "--fetch", "--package", str(tmp_path / "x.tgz")])


def test_the_package_is_needed_once(tmp_path, web_package, onnx_model):
    model = str(onnx_model("frames"))
    cli.run(["web", model, "--package", str(web_package), "--out", str(tmp_path / "first")])
    cli.run(["web", model, "--out", str(tmp_path / "second")])
    assert (tmp_path / "second" / "index.html").exists()


def test_a_port_out_of_range_is_refused(tmp_path):
    with pytest.raises(InputError, match="--port 70000: a port is a number from 0 to 65535"):
        cli.run(["web", "--port", "70000"])


def test_the_site_is_written(tmp_path, web_package, onnx_model):
    model, site = onnx_model("frames"), tmp_path / "site"
    cli.run(["web", str(model), "--package", str(web_package), "--out", str(site)])
    assert json.loads((site / "site.json").read_text())["name"] == "frames.onnx"
    with pytest.raises(InputError, match="is a folder with something in it"):
        cli.run(["web", str(model), "--package", str(web_package), "--out", str(site)])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_end(number, tmp_path, web_package, onnx_model, monkeypatch, capfd):
    """And leaves nothing in the folder of temporary files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    pages = []

    def visit(message):
        address = re.search(r"http://127\.0\.0\.1:\d+/", message)[0]

        def ask():
            pages.append(urllib.request.urlopen(address).read())
            os.kill(os.getpid(), number)

        threading.Thread(target=ask).start()

    monkeypatch.setattr("faceflow.commands.servers.web.say", visit)
    cli.run(["web", str(onnx_model("frames")), "--package", str(web_package), "--port", "0"])
    assert b"<h1>Facial optical flow in the browser</h1>" in pages[0]
    assert list((tmp_path / "scratch").iterdir()) == []
