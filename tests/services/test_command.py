"""The commands as a person types them: `up`, `push`, `config`, each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from reporter.names import State
from reporter.settings.local_hub import discovery_file
from tests.runs import Training
from tests.services.command import Up, hub, reporter

pytestmark = [pytest.mark.service, pytest.mark.slow]

SCRIPT = """
import reporter
with reporter.Reporter(parameters={"lr": 0.1}) as r:
    r.report_metric("loss", 0.25, step=3)
"""


def _end(up: Up, number: signal.Signals) -> int:
    up.process.send_signal(number)
    return up.process.wait(timeout=10)


def test_a_script_finds_the_hub_with_nothing_set(tmp_path: Path) -> None:
    """With a hub up, a script that sets nothing shows its run there, and ends without a word."""
    with hub(tmp_path) as up:
        ran = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        training = Training(tmp_path, up.url)
        training.records_folder = tmp_path / "reporter_runs"
        group = training.group()
        assert group.metric("loss") == 0.25
        assert group.parameters("lr") == ["0.1"]
        assert group.state is State.SUCCEEDED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_hub_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM: exit code 0, no traceback, and no script finds the hub any more."""
    with hub(tmp_path) as up:
        assert os.path.exists(discovery_file())
        assert _end(up, number) == 0
        assert not os.path.exists(discovery_file())
        assert "Traceback" not in up.output


def test_up_says_where_to_look_and_what_to_do(tmp_path: Path) -> None:
    """It names the URL of the metrics and the next step."""
    with hub(tmp_path) as up:
        assert f"{up.url}/metrics" in up.output
        assert "Next: start a script that reports" in up.output


def test_a_second_up_names_the_first(tmp_path: Path) -> None:
    """It exits with 1, and says where the hub is and which process it is."""
    with hub(tmp_path) as up:
        second = reporter("up", "--port", "0")
        assert second.returncode == 1
        assert second.stdout == ""
        assert second.stderr == (
            f"reporter: a hub is up already at {up.url} (process {up.process.pid}):"
            " use it, or stop it first\n"
        )
        assert os.path.exists(discovery_file())


def test_the_discovery_file_of_a_killed_hub_is_ignored(tmp_path: Path) -> None:
    """After SIGKILL the file stays; the next `up` starts all the same."""
    with hub(tmp_path) as up:
        up.process.kill()
        up.process.wait()
        assert os.path.exists(discovery_file())
    with hub(tmp_path) as up:
        assert up.url


def test_an_occupied_port_is_said_in_one_line() -> None:
    """Exit code 1, the port, what to do, and no discovery file."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = reporter("up", "--port", port)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"reporter: port {port} on 127.0.0.1 is in use")
    assert len(refused.stderr.splitlines()) == 1
    assert not os.path.exists(discovery_file())


def test_an_open_address_is_warned_of_and_found_by_loopback(tmp_path: Path) -> None:
    """Listening on every interface says that there is no authentication; scripts use loopback."""
    with hub(tmp_path, "--host", "0.0.0.0") as up:
        assert "0.0.0.0 can be reached from other machines" in up.output
        assert "no authentication" in up.output
        assert up.url.startswith("http://127.0.0.1:")
        assert json.loads(reporter("config", "--json").stdout)["settings"][0]["value"] == up.url


def test_config_shows_every_source(tmp_path: Path) -> None:
    """Each setting with its value and who said so: a variable, the local hub, the default."""
    with hub(tmp_path) as up:
        shown = reporter("config", "--json", REPORTER_INTERVAL="10s")
    settings = {one["name"]: one for one in json.loads(shown.stdout)["settings"]}
    assert shown.returncode == 0
    assert (settings["gateway"]["value"], settings["gateway"]["source"]) == (up.url, "local hub")
    assert (settings["interval"]["value"], settings["interval"]["source"]) == (
        10.0,
        "REPORTER_INTERVAL",
    )
    assert settings["lease"]["source"] == "default"
    assert all(one["meaning"] for one in settings.values())


def test_config_shows_a_wrong_setting_and_an_unknown_variable() -> None:
    """Exit code 2; the others are shown all the same, and the misspelt one is named."""
    shown = reporter("config", REPORTER_MODE="of", REPORTER_INTERVALL="1", REPORTER_LEASE="1h")
    assert shown.returncode == 2
    assert "reporter: REPORTER_INTERVALL is no setting: is it misspelt?" in shown.stderr
    assert "REPORTER_MODE='of': must be one of online, offline, disabled" in shown.stderr
    assert "1h" in shown.stdout


def test_config_never_shows_a_secret(tmp_path: Path) -> None:
    """Of a token, only where it lies; of a password in a URL, nothing."""
    token = tmp_path / "token"
    token.write_text("hunter2")
    shown = reporter(
        "config",
        REPORTER_GATEWAY="http://me:hunter2@gateway:9091",
        REPORTER_GATEWAY_TOKEN_FILE=str(token),
        REPORTER_TOKEN="hunter2",
    )
    assert str(token) in shown.stdout
    assert "hunter2" not in shown.stdout + shown.stderr


@pytest.mark.parametrize("command", ["up", "push", "config"])
def test_help_shows_an_example(command: str) -> None:
    """The help of each command ends in a line that can be typed."""
    shown = reporter(command, "--help")
    assert shown.returncode == 0
    assert "Example: " in shown.stdout
    assert f"reporter {command}" in shown.stdout.partition("Example: ")[2]


@pytest.mark.parametrize(
    "arguments", [["frob"], ["push", "--frob"], ["push", "/no/such/folder"], ["up", "--port", "x"]]
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    """What is wrong is said on stderr, without a traceback."""
    refused = reporter(*arguments)
    assert refused.returncode == 2
    assert refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_wrong_setting_is_one_line_and_exit_code_2() -> None:
    """`push` does not start with a setting that is wrong."""
    refused = reporter("push", "--gateway", "ftp://gateway")
    assert refused.returncode == 2
    assert refused.stderr == (
        "reporter: gateway='ftp://gateway': must be an http or https URL, or host:port\n"
    )
