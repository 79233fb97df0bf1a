"""Secrets made up for the soak, and the search for them in everything that it captures."""

from __future__ import annotations

import base64
import uuid
from pathlib import Path

from tests.front import Push

USERNAME = "soak"


class Canaries:
    """Each is where a secret may be; none may be found anywhere else."""

    def __init__(self, folder: Path) -> None:
        kinds = ("password", "token", "environment", "proxy", "url")
        self._secrets = {kind: f"canary-{kind}-{uuid.uuid4().hex}" for kind in kinds}
        self.password_file, self.token_file = folder / "password", folder / "token"
        for kind, path in (("password", self.password_file), ("token", self.token_file)):
            path.write_text(self._secrets[kind] + "\n", encoding="ascii")
            path.chmod(0o600)
        pair = f"{USERNAME}:{self._secrets['password']}".encode()
        basic = base64.b64encode(pair).decode()
        self.authorizations = {f"Basic {basic}", f"Bearer {self._secrets['token']}"}
        self._needles = [*(each.encode() for each in self._secrets.values()), basic.encode()]
        self.searched = 0  # bytes
        self.found: list[str] = []

    def environment(self, number: int) -> dict[str, str]:
        """For a training process: the gateway's password or its token, and other secrets."""
        theirs = {
            "AWS_SECRET_ACCESS_KEY": self._secrets["environment"],
            "HTTP_PROXY": f"http://soak:{self._secrets['proxy']}@127.0.0.1:9",
        }
        if number % 2:
            return {**theirs, "REPORTER_GATEWAY_TOKEN_FILE": str(self.token_file)}
        return {
            **theirs,
            "REPORTER_GATEWAY_USERNAME": USERNAME,
            "REPORTER_GATEWAY_PASSWORD_FILE": str(self.password_file),
        }

    def url(self, gateway: str) -> str:
        """A gateway's URL with a password, which is refused."""
        return gateway.replace("://", f"://{USERNAME}:{self._secrets['url']}@")

    def search(self, where: str, data: bytes) -> None:
        """Note each secret that is in it."""
        self.searched += len(data)
        self.found += [f"{needle[:24]!r} in {where}" for needle in self._needles if needle in data]

    def search_push(self, push: Push) -> None:
        """All of a request but the header whose purpose it is to carry one."""
        request = push.request
        others = [f"{k}: {v}" for k, v in request.headers.items() if k != "authorization"]
        head = "\n".join([f"{request.method} {request.path}", *others])
        self.search(f"the request {request.path}", head.encode() + b"\n" + push.text.encode())

    def search_folder(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                self.search(str(path), path.read_bytes())
