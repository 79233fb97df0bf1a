"""The embedded gateway: Pushgateway's push API, and what a Prometheus scrapes from it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from reporter.hub.exposition import Family, UnreadableError, parse
from reporter.hub.grouping import PathRefusedError, grouping_labels
from reporter.hub.groups import Groups, InconsistentError
from reporter.hub.listing import list_groups, timestamp

BODY_LIMIT = 16 * 1024 * 1024
# Below this, parsing is quicker than the way to a thread and back.
PARSE_IN_LOOP = 64 * 1024
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class BodyRefusedError(ValueError):
    """The body cannot be read; carries the status to answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class Gateway:
    """The endpoints over one store of groups."""

    groups: Groups = field(default_factory=Groups)
    body_limit: int = BODY_LIMIT
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def routes(self) -> list[BaseRoute]:
        """To be placed at the root of the hub, beside its pages."""
        metrics = "/metrics"
        pushes = [
            Route(metrics + job + "/{group:path}", self.change, methods=["PUT", "POST", "DELETE"])
            for job in ("/job", "/job@base64")
        ]
        return [
            Route(metrics, self.scrape, methods=["GET"]),
            *pushes,
            Route("/-/healthy", _ok, methods=["GET"]),
            Route("/-/ready", _ok, methods=["GET"]),
            Route("/api/v1/metrics", self.listing, methods=["GET"]),
            Route("/api/v1/status", self.status, methods=["GET"]),
        ]

    async def change(self, request: Request) -> Response:
        """PUT replaces the group, POST the families of the same names, DELETE removes it."""
        try:
            labels = grouping_labels(_raw_path(request).partition(b"/metrics/")[2])
            if request.method == "DELETE":
                self.groups.delete(labels)
                return Response(status_code=202)
            families = await self._read(request)
            self.groups.push(labels, families, replace=request.method == "PUT")
        except BodyRefusedError as error:
            return PlainTextResponse(f"{error}\n", error.status)
        except (PathRefusedError, UnreadableError) as error:
            return PlainTextResponse(f"{error}\n", 400)
        except InconsistentError as error:
            prefix = "pushed metrics are invalid or inconsistent with existing metrics"
            return PlainTextResponse(f"{prefix}: {error}\n", 400)
        return Response(status_code=200)

    async def scrape(self, _request: Request) -> Response:
        """All groups in the text format."""
        return Response(self.groups.render(), headers={"Content-Type": CONTENT_TYPE})

    async def listing(self, _request: Request) -> Response:
        """All groups as JSON."""
        return JSONResponse({"status": "success", "data": list_groups(self.groups)})

    async def status(self, _request: Request) -> Response:
        """What this gateway is."""
        data = {
            "build_information": {"version": "reporter"},
            "flags": {"body.limit": str(self.body_limit)},
            "start_time": timestamp(self.started.timestamp()),
        }
        return JSONResponse({"status": "success", "data": data})

    async def _read(self, request: Request) -> dict[str, Family]:
        body = await _receive(request, self.body_limit)
        if request.headers.get("content-encoding", "").lower() == "gzip":
            body = _gunzip(body, self.body_limit)
        if len(body) < PARSE_IN_LOOP:
            return parse(body)
        return await run_in_threadpool(parse, body)


def create_gateway(*, body_limit: int = BODY_LIMIT) -> Starlette:
    """A gateway on its own; a hub adds `Gateway().routes()` to its own instead."""
    application = Starlette(routes=Gateway(body_limit=body_limit).routes())
    # A client that pushes follows no redirect: it would take 307 for an outage.
    application.router.redirect_slashes = False
    return application


async def _ok(_request: Request) -> Response:
    return PlainTextResponse("OK")


def _raw_path(request: Request) -> bytes:
    # The decoded path has lost what was not UTF-8; servers may leave the raw one out.
    raw = request.scope.get("raw_path")
    if isinstance(raw, bytes):
        return raw.partition(b"?")[0]
    return request.url.path.encode()


async def _receive(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _gunzip(body: bytes, limit: int) -> bytes:
    """The body unpacked; what unpacks to more than the limit is given up on the way."""
    unpacked = bytearray()
    while True:
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            unpacked += member.decompress(body, limit + 1 - len(unpacked))
        except zlib.error as error:
            raise BodyRefusedError(400, f"the body is not gzip: {error}") from None
        if len(unpacked) > limit:
            raise _too_large(limit)
        if not member.eof:
            raise BodyRefusedError(400, "the gzip body is cut short")
        body = member.unused_data
        if not body:
            return bytes(unpacked)


def _too_large(limit: int) -> BodyRefusedError:
    return BodyRefusedError(413, f"the body is larger than {limit} bytes; push fewer series")
