"""The settings as keyword arguments, for type checkers; imported by nothing that runs."""

from __future__ import annotations

from typing import Literal, TypedDict


class Options(TypedDict, total=False):
    """Every setting but those that Reporter names itself; None means: not given here."""

    mode: Literal["online", "offline", "disabled"] | None
    run: str | None
    dir: str | None
    points: bool | None
    record_limit: int | str | None
    interval: float | str | None
    exit_timeout: float | str | None
    on_finish: Literal["keep", "delete"] | None
    lease: float | str | None
    series_limit: int | None
    sample_interval: float | str | None
    cloud: bool | None
    strict: bool | None
    parameter_prefix: str | None
    rank: int | None
    gateway_username: str | None
    gateway_password_file: str | None
    gateway_token_file: str | None
    gateway_ca_file: str | None
    gateway_cert_file: str | None
    gateway_key_file: str | None
