"""Sites whose files are damaged or absent, and a host without our headers."""

import functools
import hashlib
import http.server
import json
import shutil
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from pipelines.io.images import read_image
from serving.web.web_server import serving_site
from serving.web.web_site import TOLERANCE


@contextmanager
def changed_site(site, folder, change):
    """Serve a copy of the site with a file changed: `change` gets its folder."""
    shutil.copytree(site, folder)
    change(folder)
    with serving_site(folder) as address:
        yield address


def model_of(folder):
    return folder / json.loads((folder / "site.json").read_text())["files"]["model"]["path"]


def cut_short(folder):
    model_of(folder).write_bytes(model_of(folder).read_bytes()[:-1000])


def flip_a_bit(folder):
    data = bytearray(model_of(folder).read_bytes())
    data[len(data) // 2] ^= 1
    model_of(folder).write_bytes(data)


def not_a_model(folder):
    """With the right size and hash."""
    model_of(folder).write_bytes(b"not a model")
    about = json.loads((folder / "site.json").read_text())
    about["files"]["model"] |= {"bytes": 11, "sha256": hashlib.sha256(b"not a model").hexdigest()}
    (folder / "site.json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (cut_short, "face_flow_frames.onnx is cut short ("),
        (flip_a_bit, "face_flow_frames.onnx is damaged (its SHA-256 differs)"),
        (not_a_model, "The model cannot be run by onnxruntime-web"),
        (lambda folder: model_of(folder).unlink(), "face_flow_frames.onnx cannot be loaded"),
        (lambda folder: (folder / "site.json").unlink(), "site.json cannot be loaded"),
        (lambda folder: (folder / "runtime/ort.wasm.min.mjs").unlink(), "onnxruntime-web 1.30.0 cannot"),
    ],
    ids=["cut short", "damaged", "no model", "absent", "no list", "no runtime"],
)  # fmt: skip
def test_a_site_that_is_not_whole(change, says, site, visit, tmp_path):
    with changed_site(site, tmp_path / "site", change) as address, visit(address, ready=False) as page:
        assert page.alert().startswith(says)


def test_a_server_without_our_headers(site, estimate, tmp_path, visit, expect):
    """As most hosts of static files are: one thread, the same flow."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with visit(f"http://127.0.0.1:{server.server_port}/") as page:
            page.show_sample()
            expect(page.locator("#summary")).to_contain_text("WebAssembly, 1 thread")
            expected = estimate(*(read_image(site / f"sample{k}.png") for k in (1, 2)))
            assert np.abs(page.saved_flow(tmp_path) - expected).max() < TOLERANCE
        server.shutdown()
