"""The same over TLS, where a read that timed out has to be taken up again."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from receptionist import ModelError
from tests.models.support import BOOK, end, make_model, make_request
from tests.servers.model_server import Hang, ModelServer


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "model server")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path / "server.pem"
    file.write_bytes(private + made.public_bytes(encoding))
    return file


@pytest.fixture
def server(certificate: Path) -> Iterator[ModelServer]:
    """A strict model server behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ModelServer(tls=context) as running:
        yield running


def test_slow_answer_over_tls(server: ModelServer, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    model = make_model(server.url)
    server.seconds = 0.7
    server.token_seconds = 0.01
    for _ in range(2):
        assert end(list(model.stream(make_request(tools=[BOOK])))).text == "Echo: Hello"
    assert server.connections == 1
    server.script([Hang(headers=True)])
    begun = time.monotonic()
    with pytest.raises(ModelError, match="within the time allowed"):
        list(model.stream(make_request(seconds=0.6)))
    assert time.monotonic() - begun < 1.0
    model.close()


def test_untrusted_certificate_is_for_the_admin(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    model = make_model(server.url)
    with pytest.raises(ModelError, match="is not trusted here") as caught:
        list(model.stream(make_request()))
    assert caught.value.admin
    assert not server.requests
    model.close()
