"""`reporter up`: the hub on this machine, which scripts find by themselves."""

from __future__ import annotations

import ipaddress
import json
import socket

import typer

from reporter.cli.screen import complain
from reporter.hub.server import serve
from reporter.settings.local_hub import announce, discovery_file, find, withdraw

_NEXT = """\
The hub listens on {url}
  what Prometheus scrapes   {url}/metrics
  the same as JSON          {url}/api/v1/metrics
Next: start a script that reports, in another terminal. It finds the hub; there is nothing to set.
Ctrl-C ends the hub."""
_OPEN = "{host} can be reached from other machines, and the hub has no authentication: whoever\
 reaches it can read and change what it shows."


def up(
    host: str = typer.Option("127.0.0.1", help="The address to listen on; loopback unless given."),
    port: int = typer.Option(9091, min=0, max=65535, help="The port; 0 takes any free one."),
) -> None:
    """Start the hub: a gateway on this machine for the runs of this machine."""
    running = find()
    if running is not None:
        complain(f"a hub is up already at {running} ({_holder()}): use it, or stop it first")
        raise typer.Exit(1)
    if not _is_loopback(host):
        complain(_OPEN.format(host=host))
    try:
        serve(host, port, announce=_listening)
    except OSError as problem:
        complain(problem.strerror or str(problem))
        raise typer.Exit(1) from None
    finally:
        withdraw()


def _listening(url: str) -> None:
    near = _seen_from_here(url)
    announce(near)
    typer.echo(_NEXT.format(url=near))


def _seen_from_here(url: str) -> str:
    """An address that means every interface is none to connect to."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def _holder() -> str:
    try:
        with open(discovery_file(), encoding="utf-8") as file:
            return f"process {json.load(file)['pid']}"
    except (OSError, ValueError, KeyError):  # it has ended since
        return "it is ending now"


def _is_loopback(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:  # no address at all, as the server will say
        return True
    return all(ipaddress.ip_address(one[4][0]).is_loopback for one in found)
