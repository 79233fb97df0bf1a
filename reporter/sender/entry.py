"""Where the sender process begins: run as a file by `python -I -S`, with the standard library."""

import json
import mmap
import os
import sys


def main() -> None:
    """Find the brief in the shared memory, make the library importable, and be the sender."""
    memory, trainer, events, offset, length = (int(word) for word in sys.argv[1:6])
    with mmap.mmap(memory, 0, prot=mmap.PROT_READ) as area:
        brief = json.loads(area[offset : offset + length])
    # The file's own folder must not shadow the standard library.
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if os.path.abspath(p) != own] + brief["import_path"]

    from reporter.sender.loop import run  # noqa: PLC0415 - only now can it be found

    run(brief, memory, trainer, None if events < 0 else events)


if __name__ == "__main__":
    main()
