"""Owns the way to a server: its origin, and the proxy that the environment puts before it."""

from __future__ import annotations

import base64
import ipaddress
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from reporter.sinks.problems import NoAnswer

Proxy = SplitResult


class Origin(NamedTuple):
    """The server itself, behind any proxy."""

    host: str
    port: int
    tls: bool

    @classmethod
    def of(cls, url: str) -> Origin:
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        return cls(parts.hostname or "", parts.port or (443 if tls else 80), tls)

    @property
    def authority(self) -> str:
        host = self.host if self.host.isascii() else self.host.encode("idna").decode()
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


def proxy_for(origin: Origin) -> Proxy | None:
    """The proxy of the environment, if there is one and this origin is to go through it."""
    proxies = getproxies_environment()
    proxy = proxies.get("https" if origin.tls else "http", "")
    if not proxy or _is_loopback(origin.host):
        return None
    if proxy_bypass(f"{origin.host}:{origin.port}"):
        return None
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        _ = parts.port  # raises if it is none
    except ValueError:
        return urlsplit("")
    return parts


def first_hop(origin: Origin, proxy: Proxy | None) -> tuple[str, int]:
    """Where the connection goes."""
    if not proxy:
        return origin.host, origin.port
    if proxy.scheme != "http" or not proxy.hostname:
        raise NoAnswer("the proxy of the environment is not written as http://host:port")
    return proxy.hostname, proxy.port or 80


def proxy_authorization(proxy: Proxy) -> dict[str, str]:
    """The header for the user and password in the proxy's URL."""
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
