"""A real Prometheus with rules, a real Alertmanager, and somebody who is told of alerts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from tests.services.programs import Program, Prometheus, find_program, free_port


class Told:
    """What a webhook was told of: alerts, in the order in which they came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.alerts: list[dict[str, Any]] = []

    def of(self, status: str) -> list[dict[str, Any]]:
        """Those that are firing, or resolved."""
        return [alert for alert in self.alerts if alert["status"] == status]


class Alertmanager(Program):
    """A real Alertmanager that tells a webhook of everything at once, on loopback alone."""

    def __init__(self, folder: Path, webhook: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        config = folder / "alertmanager.json"
        config.write_text(json.dumps(_routes(webhook)), encoding="utf-8")  # JSON is YAML
        command = [
            find_program("prometheus-alertmanager"),
            f"--config.file={config}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            "--cluster.listen-address=",
        ]
        super().__init__(command, folder / "alertmanager.log", self.url + "/-/ready")


class AlertingPrometheus(Prometheus):
    """A real Prometheus that evaluates rules each second and sends alerts."""

    def __init__(self, folder: Path, gateway: str, rules: Path, alertmanager: str) -> None:
        super().__init__(folder, [gateway], honor_labels=True, interval="1s")
        path = folder / "prometheus.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        config["global"]["evaluation_interval"] = "1s"
        config["rule_files"] = [str(rules)]
        target = {"targets": [alertmanager.removeprefix("http://")]}
        config["alerting"] = {"alertmanagers": [{"static_configs": [target]}]}
        path.write_text(json.dumps(config), encoding="utf-8")


def _routes(webhook: str) -> dict[str, Any]:
    route = {
        "receiver": "webhook",
        "group_by": ["alertname", "run"],
        "group_wait": "0s",
        "group_interval": "1s",
    }
    receiver = {"name": "webhook", "webhook_configs": [{"url": webhook, "send_resolved": True}]}
    return {"route": route, "receivers": [receiver]}


@contextmanager
def webhook() -> Iterator[Told]:
    """Somebody on loopback who keeps what an Alertmanager posts."""

    class Handler(BaseHTTPRequestHandler):
        told: ClassVar[Told]

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.told.alerts += json.loads(body)["alerts"]
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Handler.told = Told(f"http://127.0.0.1:{server.server_port}/")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield Handler.told
        finally:
            server.shutdown()
            thread.join()
