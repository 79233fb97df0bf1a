"""Runs that push far more than the gateway can take: naive ones, or the sender's own code.

Arguments: naive or ours, the gateway, runs, interval, seconds. Prints one JSON line a sample.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import threading
import time
from typing import Any, Protocol, cast

from ceiling_gateways import allow_many_connections
from ceiling_load import Connections, Load, share
from ceiling_runs import SimulatedRun

from reporter.sender.delivery import Delivery
from reporter.sender.intake import Intake
from reporter.settings import SETTINGS

SAMPLES = 24  # of the whole time
TIMEOUT_S = 10.0  # the sender's own
_TRIES = 3
_TURN_S = 0.1  # the sender's own


class Pushing(Protocol):
    """What either kind tells of itself."""

    sent: int
    answered: int
    late: int
    took_s: list[float]  # of those that were answered since it was emptied

    async def run(self, seconds: float) -> None:
        """Push for so long."""

    def intervals(self) -> list[float]:
        """Each run's, in force now."""


class Naive:
    """A fixed interval whatever happens, a timeout, and at once again: three tries a push."""

    def __init__(self, url: str, runs: list[SimulatedRun], interval: float) -> None:
        self.sent = self.answered = self.late = 0
        self.took_s: list[float] = []
        self._interval = interval
        self._runs = [(Connections(url), run.request(url)) for run in runs]

    async def run(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        async with asyncio.TaskGroup() as group:
            for connections, request in self._runs:
                group.create_task(self._push_on(connections, request, until))

    def intervals(self) -> list[float]:
        return [self._interval] * len(self._runs)

    async def _push_on(self, connections: Connections, request: bytes, until: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._interval * random.random()
        async with asyncio.TaskGroup() as group:
            while due < until:
                await asyncio.sleep(due - loop.time())
                group.create_task(self._push(connections, request, until))
                due += self._interval

    async def _push(self, connections: Connections, request: bytes, until: float) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(_TRIES):
            began = loop.time()
            self.sent += 1
            try:
                ends = min(began + TIMEOUT_S, until)
                async with asyncio.timeout_at(ends):
                    await connections.ask(request)
            except (TimeoutError, OSError, asyncio.IncompleteReadError):
                if loop.time() >= until:
                    return
                self.late += 1
            else:
                self.answered += 1
                self.took_s.append(loop.time() - began)
                return


class _Training:
    """Stands where the sender takes reports in: this run has always something to say."""

    reported, changes = True, 0

    def dropped(self) -> dict[str, int]:
        return {}

    def reports(self, dropped: dict[str, int]) -> int:
        return sum(dropped.values())


class Sender:
    """What decides, pushes and keeps account in a real sender, for one simulated run."""

    def __init__(self, url: str, run: SimulatedRun, interval: float) -> None:
        settings: dict[str, Any] = {setting.name: setting.default for setting in SETTINGS}
        settings |= {"mode": "online", "gateway": url, "interval": interval}
        self.account = run.gauges.account
        self.account.push_failures = 0
        self.delivery = Delivery(settings, run.group, run.gauges)
        self._training = cast("Intake", _Training())

    def turn(self) -> None:
        self.delivery.turn(self._training, 0, ended=False)


class Ours:
    """The sender's delivery, schedule, pusher and sink, once for each run."""

    def __init__(self, url: str, runs: list[SimulatedRun], interval: float) -> None:
        self.answered = self.late = self._sent = 0
        self.took_s: list[float] = []
        self._url, self._interval, self._waiting = url, interval, list(runs)
        self._senders: list[Sender] = []

    @property
    def sent(self) -> int:
        in_flight = sum(thread.name == "push" for thread in threading.enumerate())
        # A push whose thread is over and whose outcome waits to be taken is in neither.
        self._sent = max(self._sent, self.answered + self.late + in_flight)
        return self._sent

    async def run(self, seconds: float) -> None:
        began, runs = time.monotonic(), len(self._waiting)
        while (now := time.monotonic() - began) < seconds:
            while self._waiting and len(self._senders) < runs * now / self._interval:
                self._senders.append(Sender(self._url, self._waiting.pop(), self._interval))
            for sender in self._senders:
                self._turn(sender)
            await asyncio.sleep(_TURN_S)

    def intervals(self) -> list[float]:
        return [sender.account.interval for sender in self._senders]

    def _turn(self, sender: Sender) -> None:
        before = sender.delivery.pushes, sender.account.push_failures
        sender.turn()
        if sender.delivery.pushes > before[0]:
            self.answered += 1
            self.took_s.append(sender.account.push_seconds or 0.0)
        self.late += sender.account.push_failures - before[1]


async def _tell(pushing: Pushing, every: float) -> None:
    began = time.monotonic()
    while True:
        took, intervals = list(pushing.took_s), pushing.intervals()
        del pushing.took_s[: len(took)]
        line = {
            "at_s": round(time.monotonic() - began, 3),
            "sent": pushing.sent,
            "answered": pushing.answered,
            "late": pushing.late,
            "p50_s": share(took, 0.5),
            "p99_s": share(took, 0.99),
            "interval_s": [share(intervals, part) for part in (0.05, 0.5, 0.95)],
            "cpu_s": time.process_time(),
        }
        print(json.dumps(line), flush=True)
        await asyncio.sleep(every)


async def main(kind: str, url: str, count: int, interval: float, seconds: float) -> None:
    runs = [SimulatedRun(number, interval) for number in range(count)]
    # The gateway is as heavy from the start as it will be at the end.
    await Load(url, [run.request(url) for run in runs], interval).fill()
    pushing: Pushing = {"naive": Naive, "ours": Ours}[kind](url, runs, interval)
    telling = asyncio.create_task(_tell(pushing, seconds / SAMPLES))
    await pushing.run(seconds * (1 + 0.5 / SAMPLES))
    telling.cancel()


if __name__ == "__main__":
    allow_many_connections()
    what, where, *numbers = sys.argv[1:6]
    asyncio.run(main(what, where, int(numbers[0]), float(numbers[1]), float(numbers[2])))
    os._exit(0)  # with what is still in flight
