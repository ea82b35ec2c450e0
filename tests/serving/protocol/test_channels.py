"""Channels of a client: lost connections, proxies, certificates."""

import contextlib
import os
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest

from pipelines.errors import InputError
from serving.client import FaceFlowClient
from serving.protocol import channels
from serving.protocol.channels import open_channel


class FallingSilent:
    """A way to a server that forwards bytes until it is told to drop what is on it, without a notice."""

    def __init__(self, address):
        self._target = address.split(":")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.dropped = threading.Event()
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near = self._listener.accept()[0]
            except OSError:
                return
            self.accepted += 1
            far = socket.create_connection(self._target)
            dropped = threading.Event()
            self.dropped = dropped
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._forward, args=(*pair, dropped), daemon=True).start()

    @staticmethod
    def _forward(source, target, dropped):
        with contextlib.suppress(OSError):  # one of them has closed its end
            while data := source.recv(65536):
                if not dropped.is_set():
                    target.sendall(data)

    def close(self):
        self._listener.close()


def test_a_connection_that_falls_silent_is_replaced(server, frames):
    """As behind a router that forgets idle connections: no reset, no end of the stream, just nothing."""
    way = FallingSilent(server.address)
    pair = frames((8, 8, 3))
    with FaceFlowClient(way.address, timeout=50, keepalive=1.0) as client:
        expected = client.flow(*pair)
        way.dropped.set()
        np.testing.assert_array_equal(client.flow(*pair), expected)
    assert way.accepted == 2
    way.close()


def test_a_new_client_has_its_own_connection(server, frames):
    way = FallingSilent(server.address)
    pair = frames((8, 8, 3))
    with FaceFlowClient(way.address) as old, FaceFlowClient(way.address) as new:
        expected = old.flow(*pair)
        way.dropped.set()
        np.testing.assert_array_equal(new.flow(*pair), expected)
    assert way.accepted == 2
    way.close()


@pytest.mark.parametrize(
    ("address", "proxy"), [("127.0.0.1:1", 0), ("[::1]:1", 0), ("localhost:1", 0), ("x:1", 1)]
)
def test_which_addresses_may_have_a_proxy(address, proxy, monkeypatch):
    given = {}
    monkeypatch.setattr(channels.grpc, "insecure_channel", lambda address, options: given.update(options))
    open_channel(address)
    assert given["grpc.enable_http_proxy"] == proxy


def test_no_proxy_for_this_machine(server):
    """With a proxy that does not exist in the environment, as in many companies."""
    code = (
        "import numpy as np\nfrom serving.client import FaceFlowClient\n"
        f"with FaceFlowClient({server.address!r}, retries=0) as client:\n"
        "    print(client.flow(*np.zeros((2, 8, 8, 3), np.uint8)).shape)"
    )
    names = ("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY")
    proxies = dict.fromkeys(names, "http://127.0.0.1:9")
    environment = os.environ | proxies | {"no_proxy": "", "no_grpc_proxy": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "(8, 8, 2)", done.stderr


def test_certificate_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"ca.pem: cannot be read \(No such file"):
        open_channel("127.0.0.1:1", root_certificates=tmp_path / "ca.pem")


@pytest.mark.parametrize("name", ["root_certificates", "private_key", "certificate_chain"])
def test_each_file_of_tls_is_read(tmp_path, name):
    """A key alone must not be ignored, with frames sent in plain text."""
    with pytest.raises(InputError, match=r"absent\.pem: cannot be read"):
        open_channel("127.0.0.1:1", **{name: tmp_path / "absent.pem"})
