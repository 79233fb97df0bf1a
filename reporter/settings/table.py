"""The settings: each one's name, default, meaning and check. Docs and `reporter config` read it."""

from __future__ import annotations

from collections.abc import Callable

from reporter.names import METRIC_PREFIX, PARAMETER_PREFIX_OF_OLD
from reporter.settings import parse


class Setting:
    """One setting, as a keyword argument `name` and as the variable REPORTER_<NAME>."""

    __slots__ = ("also", "check", "default", "meaning", "name")

    def __init__(
        self,
        name: str,
        check: Callable[[object], object],
        default: object,
        meaning: str,
        also: str | None = None,
    ) -> None:
        self.name = name
        self.check = check
        self.default = default
        self.meaning = meaning
        self.also = also

    @property
    def variable(self) -> str:
        return "REPORTER_" + self.name.upper()


SETTINGS = (
    Setting(
        "gateway",
        parse.gateway_url,
        None,
        "URL or host:port of the Pushgateway; without it the local hub if `reporter up` runs,"
        " else the run is only recorded",
        also="reporterGatewayURL",
    ),
    Setting(
        "mode",
        parse.one_of("online", "offline", "disabled"),
        "online",
        "`offline`: no socket is ever opened; `disabled`: every call is a no-op",
    ),
    Setting("project", parse.text, None, "what groups runs; the working folder's name if not set"),
    Setting("name", parse.text, None, "the run's name; generated if not set"),
    Setting("run", parse.run_id, None, "the run's id; generated if not set, continued if it ended"),
    Setting("dir", parse.folder, "reporter_runs", "where records go"),
    Setting("points", parse.flag, "true", "`false`: keep the newest values only, no history"),
    Setting("record_limit", parse.size, "2GiB", "points stop there; the rest is still written"),
    Setting("interval", parse.interval, "5s", "between pushes"),
    Setting("exit_timeout", parse.duration, "5s", "the most that leaving may delay the trainer"),
    Setting(
        "on_finish",
        parse.one_of("keep", "delete"),
        "keep",
        "`delete`: the last push carries a lease of 5 minutes",
    ),
    Setting("lease", parse.duration, "24h", "how long after its last push a group may be deleted"),
    Setting("series_limit", parse.count, "1000", "users' series per run and rank on the gateway"),
    Setting("sample_interval", parse.sampling, "10s", "between machine readings; `0`: none"),
    Setting("cloud", parse.flag, "false", "ask the cloud's metadata address for facts"),
    Setting("strict", parse.flag, "false", "raise for every bad value (for tests)"),
    Setting(
        "parameter_prefix",
        parse.one_of(METRIC_PREFIX, PARAMETER_PREFIX_OF_OLD),
        METRIC_PREFIX,
        "the family prefix of parameters; the other one is what the older library sent",
    ),
    Setting("rank", parse.count, None, "this process's rank; taken from the launcher if not set"),
    Setting("gateway_username", parse.text, None, "for basic authentication"),
    Setting("gateway_password_file", parse.readable_file, None, "holds the password"),
    Setting("gateway_token_file", parse.readable_file, None, "holds the bearer token"),
    Setting("gateway_ca_file", parse.readable_file, None, "own certificate authority, PEM"),
    Setting("gateway_cert_file", parse.readable_file, None, "own certificate, PEM"),
    Setting("gateway_key_file", parse.readable_file, None, "key of the own certificate, PEM"),
)
