"""PID 1 of a namespace whose trainer is killed, and whose number another process then gets."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

TRAINER = """
import os, sys, reporter
with reporter.Reporter() as r:
    r.report_metric("loss", 0.37)
    r.flush()
    print(r.status()["sender"], flush=True)
    sys.stdin.read()
"""


def process_with(pid: int) -> int:
    """Another process with this number; its pidfd."""
    for _ in range(1000):
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        other = os.fork()
        if not other:
            time.sleep(60)
            os._exit(0)
        if other == pid:
            return os.pidfd_open(other)
        os.kill(other, signal.SIGKILL)
        os.waitpid(other, 0)
    raise RuntimeError(f"no process got the number {pid}")


trainer = subprocess.Popen(
    [sys.executable, "-c", TRAINER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
)
assert trainer.stdout is not None
sender = int(trainer.stdout.readline())
over = os.pidfd_open(sender)
os.kill(sender, signal.SIGSTOP)
trainer.kill()
trainer.wait()
other = process_with(trainer.pid)
os.kill(sender, signal.SIGCONT)
ended = bool(select.select([over], [], [], 15)[0])
alive = not select.select([other], [], [], 0)[0]
sys.stdout.write(f"sender ended: {ended}, the other lives: {alive}\n")
