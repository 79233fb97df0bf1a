"""Takes OTLP by HTTP and statsd by UDP, and tells what came. Arguments: HTTP port, UDP port."""

from __future__ import annotations

import json
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, UDPServer
from urllib.parse import parse_qs, urlsplit

taken = {"requests": 0, "packets": 0}
bodies: list[bytes] = []
_KEPT = 200


class Otlp(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        keep("requests", self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(b"", "application/x-protobuf")

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path == "/seen":
            value = float(parse_qs(asked.query)["value"][0])
            self._answer(json.dumps(seen(value)).encode(), "application/json")
        else:
            self._answer(json.dumps(taken).encode(), "application/json")

    def log_message(self, *_: object) -> None:
        """Nothing is written anywhere."""

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Statsd(BaseRequestHandler):
    def handle(self) -> None:
        keep("packets", self.request[0])


class Packets(UDPServer):
    max_packet_size = 65_536


def keep(kind: str, body: bytes) -> None:
    taken[kind] += 1
    bodies.append(body)
    del bodies[:-_KEPT]


def seen(value: float) -> bool:
    """Whether a value came lately, as protobuf writes a double or statsd a gauge."""
    binary, text = struct.pack("<d", value), f":{value}|g".encode()
    return any(binary in body or text in body for body in list(bodies))


def main() -> None:
    host, (http, udp) = "127.0.0.1", map(int, sys.argv[1:3])
    packets = Packets((host, udp), Statsd)
    threading.Thread(target=packets.serve_forever, daemon=True).start()
    ThreadingHTTPServer((host, http), Otlp).serve_forever()


if __name__ == "__main__":
    main()
