"""A Pushgateway behind TLS and a password: what its tests need to start one."""

from __future__ import annotations

from pathlib import Path

import trustme

PASSWORD = "open sesame"
BCRYPT = "$2b$04$bVKOXPQilKdJvGcNlb1AdOzhIwBEJxooUKwPeqjqHfb.iYYq9G0LS"  # of the password


class Certificates:
    """An authority of the test's own, and the files that it signed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self.ca = str(folder / "ca.pem")
        self._authority.cert_pem.write_to_path(self.ca)

    def issue(self, name: str) -> tuple[str, str]:
        issued = self._authority.issue_cert(name)
        certificate, key = (str(self._folder / f"{name}.{kind}") for kind in ("crt", "key"))
        issued.private_key_pem.write_to_path(key)
        for number, part in enumerate(issued.cert_chain_pems):
            part.write_to_path(certificate, append=number > 0)
        return certificate, key


def tls_config(
    certificates: Certificates, folder: Path, *lines: str, name: str = "127.0.0.1"
) -> str:
    certificate, key = certificates.issue(name)
    server = ["tls_server_config:", f"  cert_file: {certificate}", f"  key_file: {key}"]
    return web_config(folder, *server, *lines)


def web_config(folder: Path, *lines: str) -> str:
    path = folder / "web.yml"
    path.write_text("\n".join(lines) + "\n")
    return f"--web.config.file={path}"
