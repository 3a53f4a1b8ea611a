"""`muster node join` over TLS: the certificate is checked, by a CA of one's own where said."""

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

MUSTER = Path(sys.executable).with_name("muster")
PATIENCE_SECONDS = 60.0
ANSWER = {
    **{"cluster": "demo", "subcluster": "default", "node": "mta4", "brokers": []},
    **{"cluster_key": "ab" * 32, "definitions": "revision = 7\n", "manager": "https://localhost"},
    "node_toml": 'node = "mta4"\nstate_directory = "x"\nkey_file = "x"\nsocket = "x"\n',
}


class Handler(BaseHTTPRequestHandler):
    """Answers every POST as a manager answers a good token."""

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        data = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that nobody else has signed, its key beside it."""
    path = tmp_path_factory.mktemp("tls") / "cert.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(path.with_name("key.pem")), "-out", str(path)]
    subprocess.run([*words, *names, *files], check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def url(certificate: Path) -> Iterator[str]:
    """Where somebody answers over TLS as a manager would."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"https://localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def join(url: str, home: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    """Run the command on a host whose files are in `home`, the token in its environment."""
    places = ("--directory", str(home / "etc"), "--state", str(home / "state"))
    return subprocess.run(
        [str(MUSTER), "node", "join", url, *places, "--no-start", *more],
        env={"PATH": "/usr/bin:/bin", "MUSTER_JOIN_TOKEN": "muster_join_token"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_a_certificate_of_nobody_known_is_refused_before_the_token_is_sent(
    url: str, tmp_path: Path
) -> None:
    done = join(url, tmp_path)

    assert done.returncode == 4
    assert "certificate verify failed" in done.stderr.lower()
    assert not (tmp_path / "etc" / "node.toml").exists()


def test_ones_own_ca_will_do(url: str, certificate: Path, tmp_path: Path) -> None:
    done = join(url, tmp_path, "--ca", str(certificate))

    assert done.returncode == 0, done.stderr
    assert "not encrypted" not in done.stderr
    assert 'node = "mta4"' in (tmp_path / "etc" / "node.toml").read_text()


def test_a_certificate_for_another_name_is_refused(
    url: str, certificate: Path, tmp_path: Path
) -> None:
    done = join(url.replace("localhost", "127.0.0.1"), tmp_path, "--ca", str(certificate))

    assert done.returncode == 4
    assert not (tmp_path / "etc" / "node.toml").exists()
