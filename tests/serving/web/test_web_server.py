import http.client
import re
import socket

import pytest

from pipelines.errors import InputError
from serving.web import web_site
from serving.web.web_server import CONTENT_SECURITY_POLICY, serving_site


@pytest.fixture
def ask(tmp_path):
    """A function that asks a server of some files for a path and returns status, headers and body."""
    (tmp_path / "runtime").mkdir()
    for name in ("index.html", "app.js", "runtime/ort.mjs", "runtime/ort.wasm"):
        (tmp_path / name).write_text(name)
    with serving_site(tmp_path) as address:
        port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/", address)[1])

        def get(path, host="localhost"):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", path, headers={"Host": f"{host}:{port}"})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()

        yield get


@pytest.mark.parametrize(
    ("path", "file", "kind"),
    [
        ("/", "index.html", "text/html"),
        ("/app.js", "app.js", "text/javascript"),
        ("/runtime/ort.mjs", "runtime/ort.mjs", "text/javascript"),
        ("/runtime/ort.wasm", "runtime/ort.wasm", "application/wasm"),
    ],
)
def test_every_file_is_isolated_and_has_its_type(path, file, kind, ask):
    """What browsers ask of the page, its workers and what they load before they isolate it."""
    status, headers, body = ask(path)
    assert (status, body) == (200, file)
    assert headers.get_content_type() == kind
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert "Access-Control-Allow-Origin" not in headers


def test_what_is_not_there(ask):
    assert ask("/../secret.txt")[0] == 404
    assert ask("/nothing.js")[0] == 404


def test_a_name_that_leads_here_from_elsewhere_is_refused(ask):
    """A page of another host whose name is made to point to 127.0.0.1 (DNS rebinding)."""
    assert ask("/", "elsewhere.example")[0] == 400
    assert ask("/", "127.0.0.1")[0] == 200


def test_the_page_has_the_policy_for_other_servers():
    page = (web_site._PAGE / "index.html").read_text()
    assert f'http-equiv="Content-Security-Policy" content="{CONTENT_SECURITY_POLICY}"' in page


def test_a_port_that_is_taken(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(InputError, match=f"127.0.0.1:{port}: cannot listen"),
            serving_site(tmp_path, port),
        ):
            pass
