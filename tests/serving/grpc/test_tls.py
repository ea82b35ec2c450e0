"""TLS and mutual TLS, with certificates of an authority made for the test."""

import grpc
import pytest
import trustme
from google.protobuf import text_format

from pipelines.errors import InputError
from serving.client import FaceFlowClient, ServerError
from serving.protocol.descriptors import SSLConfig
from serving.server import Server
from serving.server_options import ServerOptions
from serving.server_setup import check_host, credentials


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other_ca.pem")
    client = authority.issue_cert("client@example.org")
    client.private_key_pem.write_to_path(folder / "client.key")
    client.cert_chain_pems[0].write_to_path(folder / "client.pem")
    return folder


@pytest.fixture(scope="module", params=["tls", "mutual"])
def secure(request, authority, models, files):
    mine = authority.issue_cert("localhost", "127.0.0.1")
    config = SSLConfig(
        server_key=mine.private_key_pem.bytes().decode(),
        server_cert=mine.cert_chain_pems[0].bytes().decode(),
        custom_ca=authority.cert_pem.bytes().decode(),
        client_verify=request.param == "mutual",
    )
    path = files / f"{request.param}.config"
    path.write_text(text_format.MessageToString(config))
    with Server(models, port=0, options=ServerOptions(ssl_config_file=path)) as server:
        yield server.address, request.param


def flow(address, frames, **tls):
    with FaceFlowClient(address, timeout=10, retries=0, **tls) as client:
        return client.flow(*frames((8, 8, 3)))


def test_who_is_let_in(secure, files, frames):
    address, kind = secure
    ca = {"root_certificates": files / "ca.pem"}
    mine = {"private_key": files / "client.key", "certificate_chain": files / "client.pem"}
    assert flow(address, frames, **ca, **mine).shape == (8, 8, 2)
    if kind == "tls":
        assert flow(address, frames, **ca).shape == (8, 8, 2)
    else:
        with pytest.raises(ServerError):
            flow(address, frames, **ca)
    with pytest.raises(ServerError) as caught:  # a server of somebody else's
        flow(address, frames, root_certificates=files / "other_ca.pem", **mine)
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    with pytest.raises(ServerError):  # plain text
        flow(address, frames)


def test_with_tls_other_machines_may_connect(files, authority):
    """Only gRPC has TLS, so that the REST API must still be asked for."""
    options = ServerOptions(ssl_config_file=files / "any", rest_api_port=0)
    check_host(ServerOptions(ssl_config_file=files / "any"), "0.0.0.0")
    with pytest.raises(InputError, match="the REST API, which has no TLS"):
        check_host(options, "0.0.0.0")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('server_key: "x"', "server_key and server_cert must hold PEM text"),
        ('server_key: "x" server_cert: "y" client_verify: true', "client_verify needs custom_ca"),
        ("server_key: 1", "Error parsing text-format tensorflow.serving.SSLConfig"),
    ],
)
def test_wrong_files(models, tmp_path, text, message):
    path = tmp_path / "ssl.config"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        Server(models, port=0, options=ServerOptions(ssl_config_file=path)).start()


def test_a_key_of_another_certificate_is_said_before_the_weights_are_read(authority, tmp_path):
    mine, other = authority.issue_cert("localhost"), authority.issue_cert("localhost")
    key = mine.private_key_pem.bytes().decode()
    config = SSLConfig(
        server_key=other.private_key_pem.bytes().decode(),
        server_cert=mine.cert_chain_pems[0].bytes().decode(),
    )
    path = tmp_path / "ssl.config"
    for change, message in (
        ({}, "server_key and server_cert are no pair in PEM"),
        ({"server_key": "nonsense"}, "server_key and server_cert are no pair in PEM"),
        ({"server_key": key, "custom_ca": "nonsense"}, "custom_ca holds no"),
    ):
        changed = SSLConfig(**{name.name: value for name, value in config.ListFields()} | change)
        path.write_text(text_format.MessageToString(changed))
        with pytest.raises(InputError, match=f"ssl.config: {message}"):
            credentials(ServerOptions(ssl_config_file=path))


def test_comments_in_certificates(authority, tmp_path):
    mine = authority.issue_cert("localhost")
    config = SSLConfig(
        server_key=mine.private_key_pem.bytes().decode(),
        server_cert=f"# F\u0151tan\u00fas\u00edtv\u00e1ny\n{mine.cert_chain_pems[0].bytes().decode()}",
        custom_ca=f"# F\u0151tan\u00fas\u00edtv\u00e1ny\n{authority.cert_pem.bytes().decode()}",
    )
    path = tmp_path / "ssl.config"
    path.write_text(text_format.MessageToString(config))
    assert credentials(ServerOptions(ssl_config_file=path))
