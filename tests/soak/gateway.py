"""The gateway of the soak: a real Pushgateway behind a front, both of which fail now and then."""

from __future__ import annotations

import itertools
import random
import threading
import urllib.request
from collections import Counter
from pathlib import Path

from tests.front import Front, Push, Pushed
from tests.misbehaving import Received
from tests.runs import Group
from tests.services.programs import Pushgateway, fetch
from tests.soak.canaries import Canaries

UP_S, DOWN_S = (8.0, 30.0), (1.0, 8.0)
OUTAGES = ("restarted", "down", "silent", "refuses", "garbage")
DENIED = 401


class _Guarded(Front):
    """Lets nobody in without one of the credentials, which the gateway behind it need not know."""

    canaries: Canaries

    def admit(self, request: Received) -> tuple[int, bytes]:
        if request.headers.get("authorization") not in self.canaries.authorizations:
            return DENIED, b"who are you?\n"
        headers = {k: v for k, v in request.headers.items() if k != "authorization"}
        return super().admit(request._replace(headers=headers))


class SoakGateway:
    """Knows of each run the last push that was accepted, and every end that was ever pushed."""

    def __init__(self, folder: Path, canaries: Canaries) -> None:
        self.outages: Counter[str] = Counter()
        self.pushes: Counter[int] = Counter()  # by status
        self._program = Pushgateway(folder)
        self._canaries = canaries
        self._front = _Guarded(self._program.url, self._seen)
        self._front.canaries = canaries
        self._lock = threading.Lock()
        self._last: dict[str, tuple[Push, int]] = {}
        self._ends: dict[str, set[tuple[float, str]]] = {}
        self._losses = 0  # how often it lost its state
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._fail_now_and_then)
        self._random = random.Random()

    @property
    def url(self) -> str:
        return self._front.url

    @property
    def version(self) -> str:
        build = fetch(self._program.url + "/api/v1/status")
        return build.partition('"version":"')[2].partition('"')[0]

    @property
    def up(self) -> bool:
        return self._front.mode == "ok"

    def start(self) -> None:
        self._program.start()
        self._front.__enter__()
        self._thread.start()

    def heal(self) -> None:
        """From now on it does not fail any more."""
        self._over.set()
        self._thread.join()

    def stop(self) -> None:
        self._front.__exit__(None, None, None)
        self._program.stop()

    def last(self, run: str) -> Pushed | None:
        """What the last push of a run that was accepted says."""
        with self._lock:
            found = self._last.get(run)
        return Pushed(found[0]) if found else None

    def ends(self, run: str) -> set[tuple[float, str]]:
        """State code and reason of every end of the run that was accepted."""
        with self._lock:
            return set(self._ends.get(run, ()))

    def group(self, run: str) -> Group | None:
        """What the real gateway shows of a run; None where it lost that since the last push."""
        with self._lock:
            losses = self._losses
            if run not in self._last or self._last[run][1] != losses:
                return None
        try:
            text = fetch(self._program.url + "/metrics")
        except OSError:  # it fails just now
            return None
        return Group(text, run) if losses == self._losses else None

    def forget(self, run: str) -> None:
        """The run is checked: its group would only make each push dearer."""
        with self._lock:
            found = self._last.pop(run, None)
            self._ends.pop(run, None)
        if found is None:
            return
        url = self._program.url + found[0].request.path
        request = urllib.request.Request(url, method="DELETE")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(request, timeout=5).close()
        except OSError:
            pass  # it is down, and will have forgotten it when it is back

    def _seen(self, push: Push) -> None:
        self._canaries.search_push(push)
        with self._lock:
            self.pushes[push.status] += 1
            if push.status != 200 or push.request.method != "PUT":
                return
            self._last[push.run] = push, self._losses
        told = Pushed(push)
        if told.reason is not None and told.state is not None:
            with self._lock:
                self._ends.setdefault(push.run, set()).add((told.state, told.reason))

    def _fail_now_and_then(self) -> None:
        # Each kind before any comes again: a short soak has not many of them.
        outages = itertools.cycle(self._random.sample(OUTAGES, len(OUTAGES)))
        while not self._over.wait(self._random.uniform(*UP_S)):
            outage = next(outages)
            self.outages[outage] += 1
            self._fail(outage)
        self._front.mode = "ok"

    def _fail(self, outage: str) -> None:
        if outage == "restarted":
            self._front.mode = "down"
            self._program.stop()
            with self._lock:
                self._losses += 1
        else:
            self._front.mode = outage
        self._over.wait(self._random.uniform(*DOWN_S))
        if outage == "restarted":
            self._program.start()
        self._front.mode = "ok"
