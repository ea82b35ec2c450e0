"""Addresses to listen on."""

import errno
import ipaddress
import socket

from pipelines.errors import InputError

# Of a host with several addresses, some may be unusable: a container may have no IPv6.
_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


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


def listening_sockets(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on all addresses of a host, as gRPC does. Connections wait until accepted.

    Args:
        host: Host name or IP address. `localhost` usually has an address of IPv4 and one of IPv6.
        port: Port; 0 for any free one, the same for all addresses.

    Raises:
        InputError: If no address can be used, or the port is taken at one; the message gives the reason.
    """
    if not 0 <= port <= 65535:  # the system would take it modulo 65536
        raise InputError(f"port {port}: ports are numbers from 0 to 65535")
    found, failures = [], []
    try:
        # A file of hosts may name an address twice.
        addresses = dict.fromkeys(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        for family, kind, protocol, _, (address, _, *more) in addresses:
            chosen = found[0].getsockname()[1] if found else port
            try:
                found.append(_listening(socket.socket(family, kind, protocol), (address, chosen, *more)))
            except OSError as error:
                if error.errno not in _NO_SUCH_ADDRESS:
                    raise
                failures.append(error)
        if not found:
            raise failures[0]
    except OSError as error:
        for each in found:
            each.close()
        raise InputError(
            f"{host}:{port}: cannot listen at this address ({error.strerror}); choose another port or address"
        ) from error
    return found


def _listening(made: socket.socket, address: tuple) -> socket.socket:
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen()
    except OSError:
        made.close()
        raise
    return made
