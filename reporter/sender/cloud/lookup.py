"""Looks up what the cloud says of this machine, each cloud in a thread that nobody waits for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial

from reporter.sender.background import Background
from reporter.sender.cloud import aws, azure, gcp
from reporter.sender.cloud.server import MetadataServer
from reporter.sender.cloud.whom import AWS, AZURE, FIRMWARE, GCP, whom_to_ask
from reporter.sinks.problems import NoAnswer

Facts = dict[str, str]

_FACTS: dict[str, Callable[[MetadataServer], Facts]] = {
    AWS: aws.facts,
    GCP: gcp.facts,
    AZURE: azure.facts,
}


def look_up(
    found: Callable[[Facts], object],
    environment: Mapping[str, str],
    firmware: str = FIRMWARE,
) -> list[Background]:
    """Call `found` with the facts, from a thread, once a cloud has told them; never, if none does.

    The threads are those at work. They end by themselves, in seconds.
    """
    asked = whom_to_ask(environment, firmware).items()
    threads = [Background(partial(_ask, name, url, found), f"cloud-{name}") for name, url in asked]
    started = []
    for thread in threads:
        try:
            thread.start()
        except RuntimeError:  # the machine lets us have no more threads: it stays unknown
            break
        started.append(thread)
    return started


def _ask(name: str, url: str, found: Callable[[Facts], object]) -> None:
    try:
        facts = facts_from(name, url)
    except NoAnswer as problem:
        _note(f"{name}'s metadata server: {problem}")
    except Exception as error:  # noqa: BLE001 - such as an address that is none
        _note(f"{name}'s metadata server: {error!r}")
    else:
        found(facts)


def facts_from(name: str, url: str) -> Facts:
    """What the cloud of this name tells there. Raises NoAnswer."""
    server = MetadataServer(url)
    try:
        told = _FACTS[name](server)
    finally:
        server.close()
    return {"provider": name, **{fact: text for fact, text in told.items() if text}}


def _note(line: str) -> None:
    """Beside the record, for whoever misses the facts there."""
    sys.stderr.write(f"no facts from {line}\n")
    sys.stderr.flush()
