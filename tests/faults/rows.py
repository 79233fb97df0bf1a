"""The fault matrix: what may go wrong, by id.

A test that covers a row has its id in the name (`test_a1_...`, `test_a1_b3_...`), and its
docstring's first paragraph says what happens, in a user's words. docs/reliability.md is made from
both; tests/test_fault_matrix.py holds that no row is silently absent.
"""

from __future__ import annotations

from typing import NamedTuple


class Section(NamedTuple):
    """Faults of one kind. `limits`: rows (id to reason) where it is known to be less than good."""

    title: str
    faults: dict[str, str]
    limits: dict[str, str]


TRAINER = Section(
    "The training process",
    {
        "A1": "killed by SIGKILL",
        "A2": "killed within 100 ms of its start",
        "A3": "killed by the kernel for memory (cgroup)",
        "A4": "segmentation fault or abort",
        "A5": "`os._exit`, `exec`",
        "A6": "an exception leaves the scope",
        "A7": "Ctrl-C, SIGINT to the whole group",
        "A8": "a second Ctrl-C while leaving",
        "A9": "`sys.exit(n)` in the scope",
        "A10": "SIGTERM, with and without a grace period",
        "A11": "SIGTERM while a C call holds the GIL",
        "A12": "hangs for ever (deadlock, collective)",
        "A13": "never leaves the scope, leaks the Reporter",
        "A14": "opening goes wrong",
        "A15": "`MemoryError`, `RecursionError`",
        "A16": "reports while the interpreter shuts down",
    },
    {
        "A3": "Where the kernel kills the whole cgroup (`memory.oom.group`, which Kubernetes sets"
        " with cgroup v2), the sender dies with training: the gateway keeps the last push, in"
        " state running, others derive `lost`, and the record has all up to the last drain.",
        "A9": "A run without a scope cannot see the code of `sys.exit`, and ends as succeeded."
        " `reporter run` sees it.",
        "A10": "`preempted` is said under `reporter run` alone; without it a preemption shows as"
        " `terminated`, or as `died` where only training was told.",
        "A15": "A new name, a parameter and leaving need a little memory and depth themselves:"
        " without it the error is raised where you call, and a run that cannot be left has failed,"
        " `died`.",
        "A16": "Run under CPython 3.11, 3.12 and 3.13. No 3.14 could be had when this was written:"
        " the tests run under it where one is found.",
    },
)

SENDER = Section(
    "The sender process",
    {
        "B1": "killed in mid-run",
        "B2": "stopped (SIGSTOP, a disk that hangs)",
        "B3": "stopped while the scope is left",
        "B4": "an error of its own",
        "B5": "slow to start",
        "B6": "cannot be started (descriptors, processes, no interpreter)",
        "B7": "a damaged environment",
        "B8": "a working folder that shadows the standard library",
        "B9": "standard streams that others wait for",
        "B10": "zombies",
        "B11": "outliving everything",
        "B12": "two senders for one run",
    },
    {
        "B1": "The death is seen at the next slow call: a new name, a parameter, a stage, `flush`,"
        " every 4,096th report (not with `points=False`), or the end. Until then the gateway keeps"
        " the last push.",
        "B6": "Nothing takes the sender's place: a run whose sender cannot be started is not"
        " recorded.",
        "B10": "The sender is a child of training: a program that waits for any child"
        " (`os.wait()`) meets it there.",
        "B12": "On a file system without locks (some NFS and Lustre mounts) nothing keeps a second"
        " process from the same run.",
    },
)

PROCESSES = Section(
    "Processes, threads, copies",
    {
        "C1": "a fork after the start (DataLoader)",
        "C2": "a forked child leaves the scope",
        "C3": "a child that wants to report",
        "C4": "forks while other threads report",
        "C5": "a fork in the middle of a report",
        "C6": "spawn, forkserver, pickles, deep copies",
        "C7": "no `__main__` guard, `python -`, notebooks",
        "C8": "daemonic parents (Pool, dask)",
        "C9": "many threads",
        "C10": "asyncio",
        "C11": "sub-interpreters",
        "C12": "free-threaded builds",
        "C13": "a notebook's kernel is restarted",
        "C14": "a notebook's cell is run again",
        "C15": "CUDA before fork",
        "C16": "many ranks",
        "C17": "a process id that is used again",
        "C18": "descriptors closed or reused by the user",
        "C19": "nested Reporters",
        "C20": "use after the end, ends out of order",
    },
    {
        "C5": "A child that is forked within a report, by a signal handler or by the value's own"
        " `__float__`, and then goes on with that report instead of ending, may store it as well.",
        "C8": "Daemonic processes and pools of multiprocessing were run; dask itself was not."
        " From Python 3.13 on, a run without a scope in a child of multiprocessing does not see the"
        " exception that ends the child, and ends as succeeded.",
        "C9": "Run under CPython 3.11, 3.12 and 3.13. No 3.14 could be had when this was written:"
        " the tests run under it where one is found.",
        "C10": "`flush`, `finish` and `fail` wait where they are called: in a coroutine, call them"
        " by `asyncio.to_thread`, or leave the scope by `async with`.",
        "C11": "Python 3.11 lets a sub-interpreter that was made as usual start no process: a run"
        " in it is not reported, and one notice says so. Run under 3.11, 3.12 and 3.13, as C9.",
        "C12": "No free-threaded interpreter could be had when this was written. What is different"
        " without a GIL is run with one; the tests run without it where an interpreter is found.",
        "C15": "Not run on a GPU: tested is that the training process is never copied.",
        "C16": "Run with eight ranks on one machine; with more, or on more, it was not.",
        "C18": "A program that has closed its run's descriptors has no second sender, should the"
        " first be killed. On Python 3.11 and 3.12, one that closes every descriptor after a run"
        " has ended, and lets go of that Reporter later, may have one file of its own closed.",
    },
)

HOST = Section(
    "Machine and container",
    {
        "D1": "a read-only folder for records",
        "D2": "a full disk, a quota, an I/O error",
        "D3": "an error only at `close` or `fsync`",
        "D4": "a slow disk",
        "D5": "a network file system",
        "D6": "no /dev/shm, or a read-only one",
        "D7": "low ulimits",
        "D8": "the clock jumps",
        "D9": "PID 1 of a container",
        "D10": "eviction: SIGTERM to every process",
        "D11": "power loss",
        "D12": "no host name",
        "D13": "locale C, paths that are not UTF-8",
    },
    {
        "D2": "Where a disk takes nothing any more to the very end, the record has no end:"
        " `reporter push` then tells the run as died, though the gateway knew better.",
        "D4": "Where the first write of run.json takes seconds to sync, the sender begins later by"
        " as much; nothing in the program waits for it.",
        "D5": "Not run on a real NFS or Lustre, but where locks fail. There nothing keeps two"
        " processes that are told one run id from writing one record, and a run of another"
        " machine that reports nothing for a quarter of an hour is taken for dead.",
        "D7": "With less than 12 MB for a file or about 50 MB of address space a run is not"
        " reported, and a notice says so.",
        "D8": "After a clock was set back, a run's times stand still until it has caught up. A"
        " machine that is suspended was not tried: all intervals and time limits stand still with"
        " it, others see the run as `lost` until it wakes up, and points that were reported in the"
        " last 0.1 s before it have the time of its waking up, not marked as uncertain.",
        "D10": "A sender that is told to end more than 0.2 s after its trainer died says that the"
        " run died: so does a run whose processes are told far apart.",
        "D11": "Text has no checksum: that a bit flips within a line of events.jsonl is not seen.",
    },
)

NETWORK = Section(
    "Gateway and network",
    {
        "E1": "down when the run starts",
        "E2": "down in mid-run, and back",
        "E3": "down when the run ends",
        "E4": "accepts and never answers",
        "E5": "answers drop by drop",
        "E6": "connecting hangs",
        "E7": "a host name that fails or hangs",
        "E8": "a reset, a short answer, garbage",
        "E9": "an answer without end",
        "E10": "400: one bad family",
        "E11": "400: another team's type for the same name",
        "E12": "401, 403",
        "E13": "404, 405, redirects",
        "E14": "413, 431",
        "E15": "408, 425, 429, 5xx",
        "E16": "overloaded and slow",
        "E17": "restarted without its state",
        "E18": "two runs on one key",
        "E19": "groups that stay for ever",
        "E20": "proxies",
        "E21": "TLS: expired, wrong host, unknown authority, no client certificate",
        "E22": "gzip that the gateway cannot read",
        "E23": "IPv6, and one dead address of two",
    },
    {
        "E3": "Where connections are refused, leaving takes the whole exit timeout all the same:"
        " the gateway may be about to come back.",
        "E4": "A gateway that wakes up may apply a push that was given up behind a newer one. The"
        " end is therefore sent twice then; a value amid a run is right again an interval later.",
        "E14": "A push is all or nothing: where a proxy allows less than a run's group, nothing of"
        " it arrives until the proxy allows more or `series_limit` is lower.",
        "E16": "An answer that takes longer than 10 s is none, though the gateway may have applied"
        " the push.",
        "E18": "The same `REPORTER_RUN` and rank, set by hand on machines that share no folder for"
        " records, are two writers of one group: neither can see the other.",
        "E19": "A group says until when it is wanted. Nothing deletes it then yet: `reporter gc`,"
        " which will, comes later.",
        "E20": "`ALL_PROXY` alone is not read, and a proxy has to be written `http://host:port`.",
    },
)

DATA = Section(
    "Names and values",
    {
        "F1": "NaN and infinities",
        "F2": "huge integers",
        "F3": "numpy scalars",
        "F4": "arrays of one number",
        "F5": "arrays, lists, None, complex, dates",
        "F6": "text and bytes",
        "F7": "tensors",
        "F8": "booleans, decimals",
        "F9": "odd metric names",
        "F10": "reserved names",
        "F11": "odd label values",
        "F12": "label injection",
        "F13": "path injection",
        "F14": "a label that overrides the group's",
        "F15": "a million names",
        "F16": "a million reports a second",
        "F17": "a parameter that changes",
        "F18": "one family with different labels",
        "F19": "timestamps in the body",
        "F20": "steps that go backwards or repeat",
    },
    {
        "F2": "A value is a double: an integer beyond 2**53 is rounded, without a word.",
        "F5": "A later value that is a complex number of numpy's is recorded by its real part: the"
        " fast path leaves the conversion to numpy, which warns.",
        "F6": "A later value that is numpy's array of no dimension with a text in it, or its raw"
        " bytes (`numpy.void`), becomes the number that the text reads as, by numpy's conversion.",
        "F7": "A name that began with plain numbers reads a tensor on a GPU at once, which waits as"
        " `.item()` does, until the slow path has seen one. TensorFlow cannot tell whether a tensor"
        " is there: it is read at the next report of its name. Torch's MPS is read at once. Values"
        " that are not read yet are lost with a process that is killed.",
        "F15": "A run has room for 16,383 metric names: reports under further ones are counted as"
        " `ring_full` and are not in the record.",
    },
)

SECTIONS = {
    "A": TRAINER,
    "B": SENDER,
    "C": PROCESSES,
    "D": HOST,
    "E": NETWORK,
    "F": DATA,
}
