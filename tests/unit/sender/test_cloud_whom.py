"""Which clouds are asked, and where: by the environment, else by the firmware, else all."""

from __future__ import annotations

from pathlib import Path

import pytest

from reporter.sender.cloud.whom import whom_to_ask

USUAL = "http://169.254.169.254"


def _firmware(folder: Path, **said: str) -> str:
    for name, text in said.items():
        (folder / name).write_text(text + "\n")
    return str(folder)


@pytest.mark.parametrize(
    ("said", "cloud"),
    [
        ({"sys_vendor": "Amazon EC2", "product_name": "p4d.24xlarge"}, "aws"),
        ({"sys_vendor": "Xen", "product_name": "HVM domU", "bios_version": "4.11.amazon"}, "aws"),
        ({"sys_vendor": "Google", "product_name": "Google Compute Engine"}, "gcp"),
        ({"sys_vendor": "Microsoft Corporation", "product_name": "Virtual Machine"}, "azure"),
    ],
)
def test_the_firmware_tells_whose_machine_it_is(
    said: dict[str, str], cloud: str, tmp_path: Path
) -> None:
    """Then nobody else is asked."""
    assert whom_to_ask({}, _firmware(tmp_path, **said)) == {cloud: USUAL}


@pytest.mark.parametrize("said", [{}, {"sys_vendor": "QEMU"}, {"sys_vendor": "\xff\x00"}])
def test_where_nothing_tells_all_are_asked(said: dict[str, str], tmp_path: Path) -> None:
    """A sandbox may hide the firmware, and a cloud's own hardware be named for its maker."""
    assert whom_to_ask({}, _firmware(tmp_path, **said)) == dict.fromkeys(
        ("aws", "gcp", "azure"), USUAL
    )


def test_who_is_named_is_asked_alone(tmp_path: Path) -> None:
    """By the variables that the clouds' own tools know, whatever the firmware says."""
    on_azure = _firmware(tmp_path, sys_vendor="Microsoft Corporation")
    aws = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1338"}
    gcp = {"GCE_METADATA_HOST": "127.0.0.1:8080"}
    assert whom_to_ask(aws, on_azure) == {"aws": "http://127.0.0.1:1338"}
    assert whom_to_ask(gcp, on_azure) == {"gcp": "http://127.0.0.1:8080"}
    assert list(whom_to_ask({**aws, **gcp}, on_azure)) == ["aws", "gcp"]
    six = {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}
    assert whom_to_ask(six, on_azure) == {"aws": "http://[fd00:ec2::254]"}
    assert whom_to_ask({**six, **aws}, on_azure) == {"aws": "http://127.0.0.1:1338"}
    assert whom_to_ask({"GCE_METADATA_HOST": ""}, on_azure) == {"azure": USUAL}


def test_who_is_barred_is_not_asked(tmp_path: Path) -> None:
    """By the switches of the clouds' own tools, whoever names or guesses them."""
    barred = {"AWS_EC2_METADATA_DISABLED": "True", "NO_GCE_CHECK": "true"}
    assert whom_to_ask(barred, str(tmp_path)) == {"azure": USUAL}
    named = {**barred, "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1338"}
    assert whom_to_ask(named, str(tmp_path)) == {}
    assert whom_to_ask(barred, _firmware(tmp_path, sys_vendor="Amazon EC2")) == {}
    assert "aws" in whom_to_ask({"AWS_EC2_METADATA_DISABLED": "false"}, str(tmp_path / "none"))
