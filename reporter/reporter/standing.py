"""How a run stands, in the words that a person reads."""

from __future__ import annotations

from reporter.names import POINT_DROPS

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from typing import Any

    from reporter.settings import Settings

# What `status` says before the sender has said anything.
UNKNOWN: dict[str, Any] = {
    "record": None,
    "notice": "",
    "gateway": None,
    "pushes": 0,
    "push_failures": 0,
    "problem": "",
    "delivered": False,
    "closed": False,
    "recorded": 0,
    "dropped": {},
    "sender": None,
}


def outage(status: dict[str, Any]) -> str:
    """That the gateway has not taken a push for a while."""
    return (
        f"{status['gateway']} takes no push ({status['problem']}); training goes on,"
        " the run is recorded, and its sender keeps trying"
    )


def farewell(run: str, settings: Settings, status: dict[str, Any], over: bool) -> list[str]:
    """What a person should know when a run has been left; nothing if all is well."""
    said = [f"run {run}: {status['notice']}"] if status["notice"] else []
    lost = {reason: n for reason, n in status["dropped"].items() if reason in POINT_DROPS}
    if lost:
        told = ", ".join(f"{n} {reason}" for reason, n in lost.items())
        said.append(f"run {run}: {sum(lost.values())} reports are not in the history ({told})")
    over_limit, untold = (status["dropped"].get(why) for why in ("series_limit", "message_lost"))
    if over_limit and settings.gateway and settings.mode == "online":
        limit = settings.series_limit
        said.append(f"run {run}: {over_limit} series are not on the gateway (the limit is {limit})")
    if untold and status["record"] is not None:  # else it is said that there is none
        said.append(f"run {run}: {untold} parameters, tags or the like are not in the record")
    if not over:
        said.append(f"run {run} {_undelivered(settings, status)}")
    return said


def _undelivered(settings: Settings, status: dict[str, Any]) -> str:
    online = settings.mode == "online"
    where = (online and settings.gateway) or "the record"
    if status["sender"] is None:
        if status["record"] is None:
            return "was not recorded: its sender could not run"
        return f"has not reached {where}: its sender died; `reporter push` delivers it"
    if status["delivered"]:
        return "is delivered; its files are still being copied, for up to 10 s more"
    problem = status["problem"] or "no answer yet"
    return (
        f"has not reached {where} within {settings.exit_timeout:g} s ({problem});"
        " its sender tries for 10 s more, then `reporter push` delivers it"
    )
