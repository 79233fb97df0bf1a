"""When values show on the gateway. Arguments: gateway, interval, later changes, a folder."""

import http.client
import json
import sys
import time
from urllib.parse import urlsplit

import reporter

_PATIENCE_S = 20.0
_NAP_S = 0.01


class Page:
    """The gateway's /metrics, over one connection."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)

    def wait_for(self, run: str, value: int) -> float:
        """When the metric of this run was seen to have this value."""
        until = time.perf_counter() + _PATIENCE_S
        while time.perf_counter() < until:
            self._connection.request("GET", "/metrics")
            for line in self._connection.getresponse().read().decode().splitlines():
                ours = 'metric_name="delay"' in line and f'run="{run}"' in line
                if ours and float(line.rpartition(" ")[2]) == value:
                    return time.perf_counter()
            time.sleep(_NAP_S)
        raise RuntimeError(f"value {value} did not show within {_PATIENCE_S:g} s")


def main() -> None:
    gateway, interval, changes, folder = sys.argv[1:5]
    page = Page(gateway)
    run = reporter.Reporter("benchmarks", gateway=gateway, interval=interval, dir=folder)
    began = time.perf_counter()
    with run:
        run.report_metric("delay", 1)
        first = page.wait_for(run.run_id, 1) - began
        later = []
        for value in range(2, 2 + int(changes)):
            reported = time.perf_counter()  # right after a push: the longest way to the next one
            run.report_metric("delay", value)
            later.append(page.wait_for(run.run_id, value) - reported)
    print(json.dumps({"first_s": first, "later_s": later}))


if __name__ == "__main__":
    main()
