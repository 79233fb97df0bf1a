"""`reporter run`: any program as a run, as PID 1 of a container or anywhere else.

Nothing of the command's extra is needed here: it has to be light, and there in every pod.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from reporter.errors import SettingRefused
from reporter.settings import Settings, resolve

_WRONG = 2
_DESCRIPTION = """\
Run a program as a run: python train.py, or anything else.

A Reporter in the program takes the run over and ends it when its scope is left. What it cannot
say itself, this command says: the exit code, the signal, a kill for memory, a preemption. It
forwards signals, reaps what the program leaves behind, keeps the end of what was printed with the
run (console.log), and passes the exit code on. Made to be PID 1 of a container."""
_EPILOG = """\
exit code: the program's own; 128 and the signal's number if a signal ended it; 127 if there is no
such program, 126 if it cannot be run; 2 if an option is wrong.

examples:
  reporter run -- python train.py --epochs 10
  reporter run --project vision --name baseline -- torchrun --nproc-per-node 8 train.py
  ENTRYPOINT ["reporter", "run", "--"]"""


def run(arguments: Sequence[str]) -> int:
    """Run what `reporter run` was told to. Returns the exit code."""
    _open_streams()
    given = _parser().parse_args(arguments)
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    if not command:
        _parser().error("there is no program to run: reporter run -- python train.py")
    options = {name: getattr(given, name) for name in ("project", "name", "gateway")}
    try:
        settings = _settings(options)
    except SettingRefused as refused:
        sys.stderr.write(f"reporter run: {refused}\n")
        return _WRONG
    if not hasattr(os, "memfd_create"):
        sys.stderr.write("reporter run: needs Linux; elsewhere run the program by itself\n")
        return _WRONG
    from reporter.launch.supervise import Supervisor  # noqa: PLC0415 - Linux alone has its parts

    chosen = {f"REPORTER_{name.upper()}": text for name, text in options.items() if text}
    return Supervisor(settings, command, {**os.environ, **chosen}).run()


def _settings(options: Mapping[str, object]) -> Settings:
    """Raises SettingRefused for an option, which a person gave just now.

    A variable may be that of a whole cluster: whatever is wrong with it, training goes on.
    """
    try:
        return resolve(options)
    except SettingRefused as refused:
        resolve(options, {})
        from reporter.launch.say import say  # noqa: PLC0415 - as above

        say(f"{refused}. The program runs, and is not reported")
        return resolve({"mode": "disabled"}, {})


def _open_streams() -> None:
    """Streams that are closed would be taken by the first files that we open."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest one that is free: just this
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8")  # noqa: SIM115 - for as long as we live


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reporter run",
        usage="reporter run [--project NAME] [--name NAME] [--gateway URL] [--] PROGRAM ...",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--project", metavar="NAME", help="the project; the setting if not given")
    parser.add_argument("--name", metavar="NAME", help="the run's name; generated if not given")
    parser.add_argument("--gateway", metavar="URL", help="where to push; the setting if not given")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="PROGRAM ...")
    return parser
