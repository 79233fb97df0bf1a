"""Who this run is: its id, name, rank and attempt, agreed by all ranks without talking."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from reporter.run import given
from reporter.run.wrapper import launch_started

RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "JOB_COMPLETION_INDEX")
LOCAL_RANKS = ("LOCAL_RANK", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID")
WORLD_SIZES = ("WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")

_FIRST = "amber bold brisk calm clear deft eager fair fleet glad keen kind lucid mild neat nimble"
_SECOND = "birch comet crane delta ember finch fjord grove heron iris lark maple otter reef tern"


def new_run_id(now: float | None = None) -> str:
    """Globally unique, sorts by time, safe in a URL and a path."""
    at = time.strftime("%Y%m%d-%H%M%S", time.gmtime(time.time() if now is None else now))
    return f"{at}-{os.urandom(6).hex()}"


def new_name() -> str:
    """Two words that a person can say."""
    first, second = _FIRST.split(), _SECOND.split()
    a, b = os.urandom(2)
    return f"{first[a % len(first)]}-{second[b % len(second)]}"


def rank_of(environment: Mapping[str, str]) -> int:
    """The rank that the launcher gave this process; 0 without one."""
    torchs = _first_number(environment, RANKS[:1])
    if torchs is not None:
        return torchs
    # A 0 may be the word of a launcher further above, which started the first copy alone.
    return _first_number(environment, RANKS[1:]) or _rank_of_copy(environment)


def local_rank_of(environment: Mapping[str, str]) -> int:
    """Which of its machine's processes this is; 0 where the launcher does not say."""
    return _first_number(environment, LOCAL_RANKS) or 0


def world_size_of(environment: Mapping[str, str]) -> int:
    """How many processes the launcher started; 1 where it does not say."""
    return _first_number(environment, WORLD_SIZES) or 1


def is_copy(environment: Mapping[str, str]) -> bool:
    """Whether this is the script once more, started by its own rank 0: so Lightning's `ddp` does.

    It gives its copies LOCAL_RANK and NODE_RANK, and a RANK to none of them.
    """
    return _copies(environment) and local_rank_of(environment) > 0


def shared_run_id(environment: Mapping[str, str], nth: int = 1) -> str | None:
    """The id that every rank of this launch derives alike, or None without a launcher's word.

    `nth` counts the Reporters of one process, so that two runs in one launch stay two.
    """
    found = (
        _from_torch(environment)
        or _from_slurm(environment)
        or _from_kubernetes(environment)
        or _from_master(environment)
    )
    if found is None:
        return None
    return found if nth == 1 else f"{found}-{nth}"


def _from_torch(environment: Mapping[str, str]) -> str | None:
    given = environment.get("TORCHELASTIC_RUN_ID")
    if not given or given == "none":  # torchrun's word for "nobody chose one"
        return None
    # A chosen id may be used again for the next launch: its port is not.
    parts = [given, environment.get("TORCHELASTIC_RESTART_COUNT", "0"), _master(environment) or ""]
    return f"torch-{_safe(given)}-{_digest(*parts)}"


def _from_slurm(environment: Mapping[str, str]) -> str | None:
    job = environment.get("SLURM_JOB_ID")
    if not job:
        return None
    step = environment.get("SLURM_STEP_ID", "batch")
    restart = environment.get("SLURM_RESTART_COUNT", "0")
    cluster = environment.get("SLURM_CLUSTER_NAME", "")
    return f"slurm-{_safe(job)}-{_safe(step)}-{_safe(restart)}-{_digest(cluster, job)[:6]}"


def _from_kubernetes(environment: Mapping[str, str]) -> str | None:
    job = environment.get("JOB_UID")
    return f"job-{_safe(job)}" if job else None


def _from_master(environment: Mapping[str, str]) -> str | None:
    master = _master(environment)
    # After its first training Lightning takes the world's size away, and leaves the rest: to
    # these ranks, and to every other program that they start.
    ranks = world_size_of(environment) > 1 or is_copy(environment) or _copied_itself(environment)
    if master is None or not ranks:
        return None
    return f"ranks-{_digest(master, str(_launched(environment)))}"


def _launched(environment: Mapping[str, str]) -> int:
    """When the process started that started the other ranks."""
    if _copied_itself(environment):
        return start_of(os.getpid())
    return launch_started(environment, start_of_parent())


def _copied_itself(environment: Mapping[str, str]) -> bool:
    """Whether this is the process that set the variables, and then started its copies."""
    return _copies(environment) and local_rank_of(environment) == 0 and not given.LOCAL_RANK


def _copies(environment: Mapping[str, str]) -> bool:
    """Whether Lightning's own launcher is at work here: it gives no RANK."""
    told = _first_number(environment, ("LOCAL_RANK",)), _first_number(environment, ("NODE_RANK",))
    return None not in told and "RANK" not in environment and _master(environment) is not None


def _rank_of_copy(environment: Mapping[str, str]) -> int:
    """Its LOCAL_RANK. On another node than the first one that does not tell the rank."""
    if not _copies(environment) or _first_number(environment, ("NODE_RANK",)):
        return 0
    return _first_number(environment, ("LOCAL_RANK",)) or 0


def _master(environment: Mapping[str, str]) -> str | None:
    address, port = environment.get("MASTER_ADDR"), environment.get("MASTER_PORT")
    return f"{address}:{port}" if address and port else None


def start_of_parent() -> int:
    """When the process above this one started, in ticks since the machine did."""
    return start_of(os.getppid())


def start_of(pid: int) -> int:
    """When a process started, in ticks since the machine did; its number if that is not seen."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return pid


def _first_number(environment: Mapping[str, str], variables: tuple[str, ...]) -> int | None:
    for variable in variables:
        given = environment.get(variable, "")
        if given.isdecimal() and given.isascii():
            return int(given)
    return None


def _safe(given: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in given)[:48]


def _digest(*parts: str) -> str:
    import hashlib  # noqa: PLC0415 - milliseconds that only distributed runs pay

    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:12]
