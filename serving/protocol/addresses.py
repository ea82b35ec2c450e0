"""Addresses to listen on."""

import ipaddress
import socket

from pipelines.errors import InputError


def is_loopback(host: str) -> bool:
    """Tell whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def join_address(host: str, port: int) -> str:
    """Return `host:port` as a client writes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address.

    Args:
        host: Host name or IP address.
        port: Port; 0 for any free one.

    Raises:
        InputError: If the address cannot be used; the message gives the reason.
    """
    if not 0 <= port <= 65535:  # the system would take it modulo 65536
        raise InputError(f"port {port}: ports are numbers from 0 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
        return bound
    except OSError as error:
        raise InputError(
            f"{host}:{port}: cannot listen at this address ({error.strerror}); choose another port or address"
        ) from error
