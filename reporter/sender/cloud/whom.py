"""Decides which clouds are asked, and where: whom the environment or the firmware names."""

from __future__ import annotations

import os
from collections.abc import Mapping

AWS, GCP, AZURE = "aws", "gcp", "azure"
FIRMWARE = "/sys/class/dmi/id"

# Not metadata.google.internal: elsewhere, a resolver would learn of the question.
_USUAL = "http://169.254.169.254"
_USUAL_6 = "http://[fd00:ec2::254]"
_BARRED_BY = {AWS: "AWS_EC2_METADATA_DISABLED", GCP: "NO_GCE_CHECK"}
_SIGNS = {
    AWS: ("amazon",),  # Nitro in the vendor's name, Xen in the version of its firmware
    GCP: ("google compute engine",),
    AZURE: ("microsoft corporation",),
}


def whom_to_ask(environment: Mapping[str, str], firmware: str = FIRMWARE) -> dict[str, str]:
    """The address of each cloud that this may be; of all of them where nothing says which."""
    chosen = _named(environment)
    if not chosen:
        chosen = dict.fromkeys(_guessed(firmware) or _SIGNS, _USUAL)
    return {name: url for name, url in chosen.items() if not _barred(name, environment)}


def _named(environment: Mapping[str, str]) -> dict[str, str]:
    """As the clouds' own tools do; Azure's know no variable."""
    aws = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "")
    mode = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "")
    if not aws and mode.lower() == "ipv6":
        aws = _USUAL_6
    gcp = environment.get("GCE_METADATA_HOST", "")
    found = {AWS: aws, GCP: gcp and f"http://{gcp}"}
    return {name: url for name, url in found.items() if url}


def _barred(name: str, environment: Mapping[str, str]) -> bool:
    return environment.get(_BARRED_BY.get(name, ""), "").lower() == "true"


def _guessed(firmware: str) -> list[str]:
    files = ("sys_vendor", "board_vendor", "product_name", "bios_version")
    said = " ".join(_first_line(os.path.join(firmware, file)) for file in files).lower()
    return [name for name, signs in _SIGNS.items() if any(sign in said for sign in signs)]


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readline(256).strip()
    except OSError:
        return ""
