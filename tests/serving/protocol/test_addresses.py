"""Sockets for all addresses of a host."""

import socket

import pytest

from pipelines.errors import InputError
from serving.protocol.addresses import listening_sockets

BOTH = [
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 0)),
    (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
]


@pytest.fixture
def localhost(monkeypatch):
    """Addresses to which `localhost` resolves."""
    found = list(BOTH)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    return found


def addresses(sockets):
    found = [each.getsockname()[:2] for each in sockets]
    for each in sockets:
        each.close()
    return found


def test_every_address_has_the_same_port(localhost):
    (first, port), second = addresses(listening_sockets("localhost", 0))
    assert (first, second) == ("127.0.0.2", ("127.0.0.1", port))


def test_an_address_that_is_listed_twice(localhost):
    localhost[:] = [BOTH[1], BOTH[1]]
    assert len(addresses(listening_sockets("localhost", 0))) == 1


def test_an_address_that_this_machine_lacks_is_left_out(localhost):
    localhost[0] = (*BOTH[0][:4], ("192.0.2.1", 0))  # of documentation
    ((address, port),) = addresses(listening_sockets("localhost", 0))
    assert address == "127.0.0.1"
    assert port > 0
    localhost.pop()
    with pytest.raises(InputError, match="localhost:0: cannot listen at this address"):
        listening_sockets("localhost", 0)


def test_a_port_that_is_taken_at_one_address(localhost):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        localhost[:] = [(*each[:4], (each[4][0], port, *each[4][2:])) for each in BOTH]
        with pytest.raises(InputError, match=f"localhost:{port}: cannot listen at this address"):
            listening_sockets("localhost", port)


def test_ports_that_do_not_exist():
    with pytest.raises(InputError, match="ports are numbers from 0 to 65535"):
        listening_sockets("127.0.0.1", 65536)
