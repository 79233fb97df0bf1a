"""Many threads and a reader in another process, under every interpreter that is at hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interpreters import FREE_THREADED, OTHERS, REPOSITORY, interpreter

SCRIPT = Path(__file__).with_name("stress.py")


def stress(python: str, *arguments: str) -> None:
    done = subprocess.run(
        [python, str(SCRIPT), *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout[:3]) == (0, "ok,"), done.stdout + done.stderr


def test_c9_nothing_is_torn_doubled_invented_or_reordered() -> None:
    """Whatever the number of threads, no point is torn, twice, invented or out of order.

    Eight threads, own metrics and a shared one: read + drops = reported, for each metric.
    """
    stress(sys.executable)


@pytest.mark.slow
def test_c12_the_lease_of_free_threaded_builds_keeps_the_same_promises() -> None:
    """The way in which slots are handed out without a GIL keeps the same promises as with one.

    There a range's iterator would hand out slots twice; its stand-in is run here as well.
    """
    stress(sys.executable, "takewhile")


@pytest.mark.parametrize("version", OTHERS)
def test_c9_every_interpreter_keeps_the_same_promises(version: str) -> None:
    """The same holds under the other interpreters that are at hand, of CPython 3.11 to 3.14."""
    stress(interpreter(version))


@pytest.mark.parametrize("version", FREE_THREADED)
def test_c12_interpreters_without_a_gil_keep_the_same_promises(version: str) -> None:
    """Where a free-threaded interpreter is at hand, the same is run under it."""
    stress(interpreter(version))


@pytest.mark.parametrize("version", OTHERS)
def test_no_interpreter_can_interrupt_between_claim_and_commit(version: str) -> None:
    """The look at the bytecode, once the interpreter has specialised it."""
    code = (
        "import dis, os\n"
        "from reporter.board.layout import create\n"
        "from reporter.board.ring import Ring\n"
        "ring = Ring(create(True))\n"
        "handle = ring.metric('m')\n"
        "for n in range(3000): ring.report_metric('m', 1.0); ring.report_metric('m', 1.0, n)\n"
        "for n in range(3000): handle(1.0); handle(1.0, n)\n"
        "seen = 0\n"
        "for call in (ring.report_metric, handle):\n"
        "    inside = None\n"
        "    for each in dis.get_instructions(call, adaptive=True):\n"
        "        name = each.opname\n"
        "        if name.startswith('FOR_ITER'): inside = []\n"
        "        elif inside is not None and name.startswith('RETURN'):\n"
        "            last = max(k for k, n in enumerate(inside) if 'STORE_SUBSCR' in n)\n"
        "            hot, inside, seen = inside[:last], None, seen + 1\n"
        "            assert not [n for n in hot if 'CALL' in n or 'BACKWARD' in n], hot\n"
        "        elif inside is not None: inside.append(name)\n"
        "assert seen == 4, seen\n"
    )
    done = subprocess.run(
        [interpreter(version), "-c", code],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
