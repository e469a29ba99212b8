"""OciRegistry: Debian's ``docker-registry`` in a process of its own, on loopback.

Channels are pushed with oras, in the layout of conda-oci-mirror. The login is empty, ``basic``
(htpasswd) or ``token``: the registry then verifies tokens that :class:`TokenRealm` signs.
"""

from __future__ import annotations

import base64
import datetime as dt
import http.server
import json
import re
import shutil
import subprocess
import threading
import urllib.parse
from pathlib import Path
from typing import Any

import oras.client
import oras.defaults
import oras.oci
import pytest
import yaml
from tests.support.s3_server import free_port, wait_until_open
from typing_extensions import Self

PROGRAM = shutil.which("docker-registry")
needs_registry = pytest.mark.skipif(
    PROGRAM is None, reason="the program docker-registry is not installed"
)

USER, PASSWORD = "me", "open sesame"
#: htpasswd's line for the two, by bcrypt.
_HTPASSWD = "me:$2b$04$0LxweW0Rt8zJWYvFoWvQv.cO4y14Oe1S75UDd/hm67gzFYpEmL58S\n"

_REPODATA = "application/vnd.conda.repodata.v1+json"
_MEDIA_TYPES = {
    "repodata.json": _REPODATA,
    "repodata.json.zst": f"{_REPODATA}+zst",
    "repodata_shards.msgpack.zst": "application/vnd.conda.repodata.shards.v1+msgpack+zst",
}
_SHARD = "application/vnd.conda.repodata.shard.v1+msgpack+zst"


class OciRegistry:
    """A registry on ``127.0.0.1:PORT``. Use as a context manager.

    Args:
        folder: Directory of its data; created.
        login: ``""``, ``"basic"`` or ``"token"``.

    Attributes:
        host: Name and port.
        realm: Issues tokens; only for ``"token"``.
        log: Its output.
    """

    def __init__(self, folder: Path, login: str = "") -> None:
        self.folder = folder
        self.login = login
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.realm: TokenRealm | None = None
        self.log = folder / "log"

    def __enter__(self) -> Self:
        assert PROGRAM is not None
        self.folder.mkdir(parents=True)
        configuration = self.folder / "config.yml"
        configuration.write_text(yaml.safe_dump(self._configuration()))
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "serve", str(configuration)], stdout=log, stderr=log
            )
        wait_until_open(self.port, self._process)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # its data is not needed any more
        self._process.wait()
        if self.realm is not None:
            self.realm.close()

    def url(self, path: str, user: str = "") -> str:
        """Return a channel's URL."""
        return f"oci://{user}{self.host}/{path}"

    def blob_file(self, digest: str) -> Path:
        """Return the path of a blob, to damage it."""
        algorithm, _, name = digest.partition(":")
        blob = self.folder / "data/docker/registry/v2/blobs" / algorithm / name[:2] / name
        return blob / "data"

    def requests(self, method: str, start: str = "/v2/") -> list[str]:
        """Return the paths of all successful requests with a method."""
        pattern = rf'"{method} ({re.escape(start)}[^ ]*) HTTP/1.1" 2'
        return re.findall(pattern, self.log.read_text())

    def push(self, folder: Path, path: str) -> dict[str, str]:
        """Push a channel as conda-oci-mirror does.

        Returns:
            Digest of each file's layer, by its path in the channel.
        """
        digests: dict[str, str] = {}
        for subdir in sorted(each for each in folder.iterdir() if each.is_dir()):
            repository = f"{path}/{subdir.name}"
            index = [each for each in map(subdir.joinpath, _MEDIA_TYPES) if each.exists()]
            layers = [(file, _MEDIA_TYPES[file.name]) for file in index]
            if layers:
                pushed = self.push_artifact(f"{repository}/repodata.json:latest", layers)
                digests.update({f"{subdir.name}/{k}": v for k, v in pushed.items()})
            for file in sorted(subdir.glob("shards/*.msgpack.zst")):
                digest = file.name.partition(".")[0]
                self.push_artifact(f"{repository}/repodata.json/shards:{digest}", [(file, _SHARD)])
            for file in sorted([*subdir.glob("*.conda"), *subdir.glob("*.tar.bz2")]):
                name = reference_of(file.name)
                pushed = self.push_artifact(f"{repository}/{name}", [package(file)])
                digests[f"{subdir.name}/{file.name}"] = pushed[file.name]
        return digests

    def push_image(self, layout: Path, reference: str, *options: str) -> None:
        """Push the image of an OCI layout with skopeo."""
        credentials = ["--dest-creds", f"{USER}:{PASSWORD}"] if self.login else []
        command = ["skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", *options]
        target = f"docker://{self.host}/{reference}"
        done = subprocess.run(
            [*command, *credentials, f"oci:{layout}", target], check=False, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()

    def push_artifact(self, reference: str, layers: list[tuple[Path, str]]) -> dict[str, str]:
        """Push files as one artifact with oras; return the digests by file name."""
        client = oras.client.OrasClient(
            insecure=True, auth_backend="basic" if self.login == "basic" else "token"
        )
        if self.login:
            client.auth.set_basic_auth(USER, PASSWORD)
        container = client.get_container(f"{self.host}/{reference}")
        manifest = oras.oci.NewManifest()
        for file, media_type in layers:
            layer = oras.oci.NewLayer(str(file), media_type, is_dir=False)
            layer["annotations"] = {oras.defaults.annotation_title: file.name}
            manifest["layers"].append(layer)
            answer = client.upload_blob(str(file), container, layer)
            client._check_200_response(answer)
        nothing = self.folder / "nothing.json"
        nothing.write_text("{}")
        config, _ = oras.oci.ManifestConfig(str(nothing))
        client._check_200_response(client.upload_blob(str(nothing), container, config))
        manifest["config"] = config
        client._check_200_response(client.upload_manifest(manifest, container))
        titles = oras.defaults.annotation_title
        return {each["annotations"][titles]: each["digest"] for each in manifest["layers"]}

    def _configuration(self) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "info"},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}},
            "http": {"addr": self.host, "secret": "x"},
        }
        if self.login == "basic":
            (self.folder / "htpasswd").write_text(_HTPASSWD)
            path = str(self.folder / "htpasswd")
            settings["auth"] = {"htpasswd": {"realm": "test", "path": path}}
        elif self.login == "token":
            self.realm = TokenRealm(self.folder / "issuer.pem")
            settings["auth"] = {
                "token": {
                    "realm": self.realm.url,
                    "service": "registry.test",
                    "issuer": "test",
                    "rootcertbundle": str(self.folder / "issuer.pem"),
                }
            }
        return settings


def package(file: Path) -> tuple[Path, str]:
    """Return a package file and its media type."""
    version = 2 if file.suffix == ".conda" else 1
    return file, f"application/vnd.conda.package.v{version}"


def reference_of(file_name: str) -> str:
    """Return ``name:tag`` of a package, as conda-oci-mirror documents it."""
    stem = file_name.removesuffix(".conda").removesuffix(".tar.bz2")
    name, version, build = stem.rsplit("-", 2)
    tag = f"{version}-{build}".replace("+", "__p__").replace("!", "__e__").replace("=", "__eq__")
    return f"{'zzz' if name[0] == '_' else ''}{name}:{tag}"


class TokenRealm:
    """Issues JSON web tokens as the token specification of distribution says.

    Anyone may pull below ``public/``; with the password, anything may be pulled and pushed.

    Attributes:
        requests: (query, Authorization) of all requests so far.
        seconds: How long tokens are valid.
    """

    def __init__(self, certificate: Path) -> None:
        self.requests: list[tuple[dict[str, str], str | None]] = []
        self.seconds = 300
        self._key, self._certificate = _make_certificate(certificate)
        realm = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                realm.answer(self)

            def log_message(self, *args: object) -> None:
                """Print nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        pairs = urllib.parse.parse_qsl(urllib.parse.urlsplit(handler.path).query)
        query, scopes = dict(pairs), [text for key, text in pairs if key == "scope"]
        given = handler.headers.get("Authorization")
        self.requests.append((query, given))
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        names = [scope.split(":")[1] for scope in scopes]
        if given not in (None, wanted):
            status, answer = 401, {"details": "incorrect username or password"}
        elif given is None and not all(each.startswith("public/") for each in names):
            status, answer = 403, {"errors": [{"code": "DENIED"}]}
        else:
            # oras takes the token that it got for pulling to push, too.
            allowed = ["pull", "push"] if given else ["pull"]
            access = [{"type": "repository", "name": each, "actions": allowed} for each in names]
            token = self._token(query["service"], access)
            status, answer = 200, {"token": token, "expires_in": self.seconds}
        body = json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _token(self, service: str, access: list[dict[str, Any]]) -> str:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        now = int(dt.datetime.now(dt.timezone.utc).timestamp())
        head = {"typ": "JWT", "alg": "RS256", "x5c": [self._certificate]}
        claims = {
            "iss": "test",
            "sub": "",
            "aud": service,
            "exp": now + self.seconds,
            "nbf": now - 10,
            "iat": now - 10,
            "jti": str(len(self.requests)),
            "access": access,
        }
        signed = ".".join(_base64url(json.dumps(each).encode()) for each in (head, claims))
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64url(signature)}"


def _make_certificate(path: Path) -> tuple[Any, str]:
    """Return a key and its self-signed certificate (DER), which is also written to a file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    der = certificate.public_bytes(serialization.Encoding.DER)
    return key, base64.b64encode(der).decode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
