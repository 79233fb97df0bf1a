"""Every measure that any subject can be put to, and what its figures are."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import gateways
import lineup
import machine
from effort import Effort
from gateways import Gateway
from probing import Probes, Told
from subject import wait_for

BESIDE = ("reporter_newest", "reporter_points")
BESIDE_LABELS = ("report_metric, points=False", "report_metric")
DEAD = ("closed", "silent")
STATES = ("alive", *DEAD)
_TOLD = ("label", "note")
_SETTLE_S = 15.0


class Bench:
    """The subjects that can be had here, the probes, the effort."""

    def __init__(self, probes: Probes, effort: Effort) -> None:
        self.probes = probes
        self.effort = effort
        self.looks: dict[str, Told] = {}

    def look(self, names: Iterable[str]) -> None:
        """Who is there; one whose package is not installed is left out with a word."""
        for name in names:
            told = self.probes.run("look", subject=name)
            if "label" in told:
                self.looks[name] = told
            else:
                reason = told.get("missing") or told.get("failed") or "it did not answer"
                print(f"{name} is left out: {reason}")

    def there(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if name in self.looks]

    def speaks(self, name: str) -> str:
        return str(self.looks[name]["speaks"])

    def found(self) -> Told:
        """Where everything goes, by subject, with the versions of all that is measured."""
        subjects = {name: {key: look[key] for key in _TOLD} for name, look in self.looks.items()}
        versions = {k: v for look in self.looks.values() for k, v in look["versions"].items()}
        return {"versions": machine.versions() | versions, "subjects": subjects}

    @contextmanager
    def gateway(self, name: str) -> Iterator[Gateway | None]:
        """A fresh one for what the subject speaks; None where it speaks nothing."""
        if not self.speaks(name):
            yield None
            return
        with gateways.healthy(self.speaks(name)) as found:
            if found is None:
                raise RuntimeError("no gateway could be started: install prometheus-pushgateway")
            yield found


def said(what: str) -> None:
    """Progress goes to standard error, tables to standard output."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def keep(subjects: dict[str, Any], measure: str, told: dict[str, Any]) -> None:
    for name, each in told.items():
        subjects[name][measure] = each


def own_calls(bench: Bench, names: list[str]) -> Told:
    """All in one process, offline."""
    effort = bench.effort
    told = bench.probes.run("calls", 300, subjects=names, rounds=effort.rounds, share=effort.share)
    return _with_spreads(told)


def calls_beside(bench: Bench, name: str) -> Told:
    """A subject in a process of its own, with ours as its neighbours; the ratios to them.

    All that deliver anything do so, ours to a gateway of their own.
    """
    effort = bench.effort
    with bench.gateway(name) as gateway, bench.gateway(lineup.OURS[0]) as beside:
        told = bench.probes.run(
            "calls",
            subjects=[*(each for each in BESIDE if each != name), name],
            labels=BESIDE_LABELS,
            gateway=_address(gateway),
            beside=_address(beside),
            rounds=effort.rounds,
            share=effort.share,
        )
    raw = told.get("found", {})
    label = bench.looks[name]["label"]
    for other in BESIDE_LABELS:
        if label in raw and other in raw and label != other:
            told[f"to {other}"] = spread(against(raw, label, other, "wall"))
    return _with_spreads(told)


def against(raw: dict[str, Any], label: str, other: str, clock: str) -> list[float]:
    """Of each round one label's figure over another's."""
    return [a / b for a, b in zip(raw[label][clock], raw[other][clock], strict=True)]


def calls_in_a_row(bench: Bench, names: list[str]) -> dict[str, Told]:
    """Single calls without a gateway, as a tight loop makes them: medians over the rounds."""
    effort, told = bench.effort, dict[str, list[Told]]()
    for _ in range(effort.row_rounds):
        for name in names:
            asked = {"subject": name, "calls": effort.row_calls, "seconds": 0}
            one = bench.probes.run("latency", **asked, burst=effort.row_calls)
            told.setdefault(name, []).append(one)
    return {name: _of_single_calls(each) for name, each in told.items()}


def calls_in_bursts(bench: Bench, name: str, states: Iterable[str]) -> dict[str, Told]:
    """Single calls for a while, in each state of what the subject delivers to.

    At a dead gateway from the first call on, for that is when it is tried most often.
    """
    effort, found = bench.effort, dict[str, Told]()
    asked = {"subject": name, "calls": 1000, "burst": effort.burst, "seconds": effort.burst_s}
    for state in states:
        with address_in(bench, name, state) as address:
            how = {"stopped": state == "stopped", "cold": state in DEAD}
            found[state] = bench.probes.run("latency", gateway=address, **how, **asked)
    return found


@contextmanager
def address_in(bench: Bench, name: str, state: str) -> Iterator[str | None]:
    """Where to deliver to; where only the sender is stopped, it is healthy."""
    if state == "closed":
        with gateways.closed() as url:
            yield url
    elif state == "silent":
        with gateways.silent() as url:
            yield url
    else:
        with bench.gateway(name) as gateway:
            yield _address(gateway)


def paced(bench: Bench, names: list[str]) -> dict[str, Told]:
    """Ten metrics each 5 ms: what a round takes, and its ratio to dict stores in the same turn."""
    effort = bench.effort
    with bench.gateway(names[-1]) as gateway:
        asked = {"blocks": effort.paced_blocks, "rounds": effort.paced_rounds}
        told = bench.probes.run("paced", subjects=names, gateway=_address(gateway), **asked)
    us = told.get("us")
    if us is None:
        return dict.fromkeys(names, told)
    found = {}
    for name in names:
        ratios = [a / b for a, b in zip(us[name], us[lineup.FLOOR], strict=True)]
        longest = told["longest_us"][name]
        found[name] = {"us": spread(us[name]), "ratio": spread(ratios), "longest_us": longest}
    return found


def product(bench: Bench, names: list[str]) -> dict[str, Told]:
    """A matrix product between reports: its time over that between empty calls, run by run."""
    effort = bench.effort
    with bench.gateway(names[-1]) as gateway:
        asked = {"runs": effort.product_runs, "products": effort.products, "settle_s": _SETTLE_S}
        told = bench.probes.run(
            "product", 2 * effort.limit_s, subjects=names, gateway=_address(gateway), **asked
        )
    if "ratios" not in told:
        return dict.fromkeys(names, told)
    found: dict[str, Told] = {name: {"ms": spread(told["ms"][name])} for name in names}
    for name, ratios in told["ratios"].items():
        found[name]["ratio"] = spread(ratios)
    return found


def footprint(bench: Bench, name: str) -> Told:
    """Medians of start, memory, threads and processes."""
    told = []
    for _ in range(bench.effort.footprints):
        with bench.gateway(name) as gateway:
            one = bench.probes.run(
                "footprint", subject=name, gateway=_address(gateway), reports=1000
            )
        if "mb" not in one:
            return one
        told.append(one)
    return {key: round(statistics.median(each[key] for each in told), 3) for key in told[0]}


def leaving(bench: Bench, name: str) -> Told:
    """With many reports outstanding; also how many had arrived, where that can be counted."""
    effort = bench.effort
    with bench.gateway(name) as gateway:
        asked = {"subject": name, "gateway": _address(gateway), "reports": effort.reports}
        running = bench.probes.start("leave", effort.leave_limit_s, **asked)
        told = running.result()
        requests = gateway.requests() if gateway else None
    arrived = told.get("recorded") or None
    if bench.looks[name]["each_is_sent"]:
        arrived = requests
    elif gateway is None:
        arrived = bench.probes.arrived(name, running.folder)
    running.discard()
    return {**told, "requests": requests, "arrived": arrived, "reports": effort.reports}


def leaving_the_dead(bench: Bench, names: list[str], reports: int) -> dict[str, dict[str, Told]]:
    """A closed port or a silent gateway: all at once, for they only wait."""

    def leave(name: str, state: str) -> Told:
        with address_in(bench, name, state) as url:
            limit = bench.effort.leave_limit_s
            return bench.probes.run("leave", limit, subject=name, gateway=url, reports=reports)

    asked = [(name, state) for name in names for state in DEAD]
    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        told = list(pool.map(lambda each: leave(*each), asked))
    found: dict[str, dict[str, Told]] = {}
    for (name, state), each in zip(asked, told, strict=True):
        found.setdefault(name, {})[state] = each
    return found


def delivery(bench: Bench, name: str, changes: int, rounds: int, groups: int = 0) -> Told:
    """When values show at the other end, and how many requests that took in all."""
    with bench.gateway(name) as gateway:
        if gateway is None:
            return {}
        gateways.fill(gateway, groups, 50)
        before = gateway.requests()
        asked = {"url": gateway.url, "kind": gateway.kind, "changes": changes, "rounds": rounds}
        told = bench.probes.run("delivery", subject=name, gateway=gateway.address, **asked)
        after = gateway.requests()
    told["reports"] = 2 + changes + 10 * rounds
    told["requests"] = _difference(before, after)
    return told


def names(bench: Bench, name: str) -> Told:
    effort = bench.effort
    with bench.gateway(name) as gateway:
        asked = {"subject": name, "counts": effort.names, "gateway": _address(gateway)}
        return bench.probes.run("names", effort.names_limit_s, **asked)


def hook(bench: Bench, name: str, framework: str) -> Told:
    """What three reports take in a framework's hook."""
    with bench.gateway(name) as gateway:
        asked = {"subject": name, "steps": bench.effort.steps, "gateway": _address(gateway)}
        return bench.probes.run(f"{framework}_step", 120, **asked)


def ranks(bench: Bench, name: str, count: int) -> Told:
    """Several training processes at once, one gateway."""
    with bench.gateway(name) as gateway:
        asked = {"subject": name, "gateway": _address(gateway), "seconds": bench.effort.rank_s}
        running = [bench.probes.start("rank", rank=rank, **asked) for rank in range(count)]
        wait_for(lambda: all(each.so_far() for each in running), bench.effort.limit_s, 0.05)
        before = gateway.requests() if gateway else None
        for each in running:
            each.go()
        told = [each.result() for each in running]
        after = gateway.requests() if gateway else None
    for each in running:
        each.discard()
    failed = [each for each in told if "cpu_percent" not in each]
    return failed[0] if failed else {**_of_ranks(told), "requests": _difference(before, after)}


def _of_ranks(told: list[Told]) -> Told:
    return {
        "us": round(statistics.median(each["us"] for each in told), 1),
        "max_us": round(max(each["max_us"] for each in told)),
        "cpu_percent": round(sum(each["cpu_percent"] for each in told), 1),
        "reports": sum(each["reports"] for each in told),
    }


def spread(values: list[float]) -> dict[str, float]:
    """Median, quartiles and extremes."""
    if len(values) < 2:
        values = values * 2
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    named = {"median": middle, "q1": low, "q3": high, "min": min(values), "max": max(values)}
    return {name: float(f"{value:.4g}") for name, value in named.items()}


def _with_spreads(told: Told) -> Told:
    """Lists of rounds become medians and quartiles."""
    raw = told.pop("found", {})
    for label, found in raw.items():
        told.setdefault("labels", {})[label] = {key: spread(each) for key, each in found.items()}
    return {**told, "raw": raw}


def _of_single_calls(told: list[Told]) -> Told:
    failed = [each for each in told if "p99.9" not in each]
    if failed:
        return failed[0]
    found = {key: round(statistics.median(e[key] for e in told), 3) for key in ("p50", "p99.9")}
    dropped = sum(each.get("dropped") or 0 for each in told)
    return {**found, "max": max(each["max"] for each in told), "dropped": dropped}


def _address(gateway: Gateway | None) -> str | None:
    return None if gateway is None else gateway.address


def _difference(before: float | None, after: float | None) -> float | None:
    return None if after is None or before is None else after - before
