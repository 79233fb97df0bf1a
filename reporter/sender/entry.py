"""Where the sender process begins: run as a file by `python -I -S`, with the standard library."""

import json
import mmap
import os
import signal
import sys


def main() -> None:
    """Find the brief in the shared memory, make the library importable, and be the sender."""
    # From the first moment: what stops the trainer may reach us before we are ready.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    memory, trainer, events, offset, length = (int(word) for word in sys.argv[1:6])
    with mmap.mmap(memory, 0, prot=mmap.PROT_READ) as area:
        brief = json.loads(area[offset : offset + length])
    # The file's own folder must not shadow the standard library.
    own = os.path.dirname(os.path.abspath(__file__))
    standard = [p for p in sys.path if os.path.abspath(p) != own]
    # First the library itself: the very copy that the trainer runs, whatever else is installed.
    sys.path[:] = [*standard, os.path.dirname(os.path.dirname(own))]
    __import__("reporter")
    sys.path[:] = standard + brief["import_path"]

    from reporter.sender.loop import run  # noqa: PLC0415 - only now can it be found

    run(brief, memory, trainer, None if events < 0 else events)


if __name__ == "__main__":
    main()
