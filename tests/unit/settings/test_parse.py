"""What each kind of setting accepts, and in what words it refuses the rest."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.settings import parse
from reporter.settings.parse import Wrong

ACCEPTED = [
    (parse.text, "any", "any"),
    (parse.text, "", ""),
    (parse.flag, True, True),
    (parse.flag, False, False),
    (parse.flag, "true", True),
    (parse.flag, " TRUE ", True),
    (parse.flag, "1", True),
    (parse.flag, 1, True),
    (parse.flag, "False", False),
    (parse.flag, "0", False),
    (parse.flag, 0, False),
    (parse.duration, 0, 0.0),
    (parse.duration, 2.5, 2.5),
    (parse.duration, "30", 30.0),
    (parse.duration, "30s", 30.0),
    (parse.duration, "1.5m", 90.0),
    (parse.duration, " 24 h ", 86400.0),
    (parse.duration, "2d", 172800.0),
    (parse.duration, "1e3", 1000.0),
    (parse.duration, "1e1s", 10.0),
    (parse.interval, "1s", 1.0),
    (parse.sampling, "0", 0.0),
    (parse.sampling, "1s", 1.0),
    (parse.size, 10, 10),
    (parse.size, "10", 10),
    (parse.size, "10B", 10),
    (parse.size, "1KiB", 1024),
    (parse.size, "1.5 MiB", 1572864),
    (parse.size, "2GiB", 2**31),
    (parse.size, "1TiB", 2**40),
    (parse.count, 0, 0),
    (parse.count, "12", 12),
    (parse.run_id, "20240101-1_a.B", "20240101-1_a.B"),
    (parse.run_id, "x" * 128, "x" * 128),
    (parse.one_of("a", "b"), "b", "b"),
    (parse.gateway_url, "http://host:9091", "http://host:9091"),
    (parse.gateway_url, "HTTPS://Host/", "https://Host"),
    (parse.gateway_url, "host:9091", "http://host:9091"),
    (parse.gateway_url, "host", "http://host"),
    (parse.gateway_url, "localhost:9091/base/path/", "http://localhost:9091/base/path"),
    (parse.gateway_url, " http://h/p@x ", "http://h/p@x"),
    (parse.gateway_url, "http://[::1]:9091/x", "http://[::1]:9091/x"),
    (parse.gateway_url, "[fe80::1]", "http://[fe80::1]"),
]
DURATION = "must be a number of seconds, or one with s, m, h or d, such as 5m"
SAMPLING = "must be 0 (none) or at least 1 second: reading must cost next to nothing"
SIZE = "must be a number of bytes, or one with KiB, MiB or GiB, such as 2GiB"
RUN_ID = "must be 1 to 128 letters, digits, '.', '_' or '-', and not start with '.'"
PORT = "has no usable port; write it like http://pushgateway:9091"
NO_QUERY = "must not hold a query, a fragment or white space"
REFUSED = [
    (parse.text, 3, "must be text"),
    (parse.flag, "yes", "must be true, false, 1 or 0"),
    (parse.flag, "", "must be true, false, 1 or 0"),
    (parse.flag, None, "must be true, false, 1 or 0"),
    (parse.flag, 2, "must be true, false, 1 or 0"),
    (parse.duration, "soon", DURATION),
    (parse.duration, "", DURATION),
    (parse.duration, "5x", DURATION),
    (parse.duration, "s", DURATION),
    (parse.duration, "nan", DURATION),
    (parse.duration, "inf", DURATION),
    (parse.duration, float("nan"), DURATION),
    (parse.duration, "1e400", DURATION),
    (parse.duration, True, DURATION),
    (parse.duration, None, DURATION),
    (parse.duration, [5], DURATION),
    (parse.duration, "5M", DURATION),
    (parse.duration, -1, "must not be negative"),
    (parse.duration, "-1s", "must not be negative"),
    (parse.interval, "0.5s", "must be at least 1 second: a gateway serves many runs"),
    (parse.sampling, "0.5s", SAMPLING),
    (parse.sampling, "-1s", "must not be negative"),
    (parse.size, "2GB", SIZE),
    (parse.size, "2gib", SIZE),
    (parse.size, -5, "must not be negative"),
    (parse.count, -1, "must be a whole number from 0"),
    (parse.count, "1.5", "must be a whole number from 0"),
    (parse.count, 1.0, "must be a whole number from 0"),
    (parse.count, True, "must be a whole number from 0"),
    (parse.count, "x", "must be a whole number from 0"),
    (parse.run_id, "", RUN_ID),
    (parse.run_id, "..", RUN_ID),
    (parse.run_id, ".hidden", RUN_ID),
    (parse.run_id, "a/b", RUN_ID),
    (parse.run_id, "ü", RUN_ID),
    (parse.run_id, "a b", RUN_ID),
    (parse.run_id, "x" * 129, RUN_ID),
    (parse.run_id, 7, "must be text"),
    (parse.one_of("a", "b"), "c", "must be one of a, b"),
    (parse.one_of("a", "b"), None, "must be one of a, b"),
    (parse.one_of("a", "b"), [], "must be one of a, b"),
    (parse.gateway_url, "ftp://host", "must be an http or https URL, or host:port"),
    (parse.gateway_url, "unix:///run/x", "must be an http or https URL, or host:port"),
    (parse.gateway_url, "", "has no host; write it like http://pushgateway:9091"),
    (parse.gateway_url, "http://", "has no host; write it like http://pushgateway:9091"),
    (parse.gateway_url, "http://:9091", "has no host; write it like http://pushgateway:9091"),
    (parse.gateway_url, "http:///path", "has no host; write it like http://pushgateway:9091"),
    (parse.gateway_url, "http://[]:1", "has no host; write it like http://pushgateway:9091"),
    (parse.gateway_url, "host:", PORT),
    (parse.gateway_url, "host:0", PORT),
    (parse.gateway_url, "host:65536", PORT),
    (parse.gateway_url, "host:x", PORT),
    (parse.gateway_url, "host:-1", PORT),
    (parse.gateway_url, "host:²", PORT),
    (parse.gateway_url, "::1", PORT),
    (parse.gateway_url, "[::1]9091", PORT),
    (parse.gateway_url, "http://h/?a=1", NO_QUERY),
    (parse.gateway_url, "http://h/#a", NO_QUERY),
    (parse.gateway_url, "http://h/a b", NO_QUERY),
    (parse.gateway_url, "http://h\r\nX: y", NO_QUERY),
    (parse.gateway_url, 9091, "must be text"),
]


@pytest.mark.parametrize(("check", "given", "expected"), ACCEPTED)
def test_accepted(check: Callable[[object], object], given: Any, expected: Any) -> None:
    """As arguments are given, and as the environment spells them."""
    found = check(given)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(("check", "given", "message"), REFUSED)
def test_refused(check: Callable[[object], object], given: Any, message: str) -> None:
    """In words that say what to write instead."""
    with pytest.raises(Wrong) as wrong:
        check(given)
    assert str(wrong.value) == message


@pytest.mark.parametrize("url", ["http://me:s3cret@host", "me:s3cret@host:9091", "https://@host"])
def test_a_url_with_credentials_is_refused_without_showing_them(url: str) -> None:
    """The message says where they belong."""
    with pytest.raises(Wrong) as wrong:
        parse.gateway_url(url)
    assert str(wrong.value) == (
        "must not hold a user name or password: use REPORTER_GATEWAY_USERNAME and"
        " REPORTER_GATEWAY_PASSWORD_FILE"
    )


def test_a_file_must_be_readable_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in its path is told when the Reporter is made, not by a failing push."""
    file = tmp_path / "token"
    file.write_text("t")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse.readable_file("token") == parse.readable_file("~/token") == str(file)
    with pytest.raises(Wrong, match=r"^the file cannot be read: No such file or directory$"):
        parse.readable_file("missing")
    with pytest.raises(Wrong, match=r"^is a folder; a file is needed$"):
        parse.readable_file(str(tmp_path))
    with pytest.raises(Wrong, match=r"^must be text$"):
        parse.readable_file(3)


def test_a_folder_need_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made where it is needed; its path is absolute from the start."""
    monkeypatch.chdir(tmp_path)
    assert parse.folder("runs") == os.path.join(tmp_path, "runs")
    assert parse.folder("~").startswith("/")


@pytest.mark.parametrize("check", [parse.duration, parse.size, parse.gateway_url, parse.run_id])
@given(text=st.text())
def test_no_text_ends_in_another_exception(check: Callable[[object], object], text: str) -> None:
    """Whatever stands in a variable, the person gets a sentence."""
    said = "accepted"
    try:
        check(text)
    except Wrong as wrong:
        said = str(wrong)
    assert said
