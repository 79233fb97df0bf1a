"""How often and how long each thing is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """Of ours in little more than a minute; the peers' run and a quick one differ."""

    rounds: int = 11  # over the loops of calls
    share: float = 1.0  # of each subject's calls in a loop
    row_rounds: int = 1  # processes that make single calls in a row
    row_calls: int = 50_000
    burst_s: float = 1.3  # of single calls, for each state of the gateway: a push falls into it
    burst: int = 100
    paced_blocks: int = 4
    paced_rounds: int = 60
    product_runs: int = 5
    products: int = 150  # with the runs between, a subject's push falls into its own
    starts: int = 5  # pairs of fresh processes
    entries: int = 30
    upkeep_s: int = 5
    firsts: int = 2
    changes: int = 2
    leaves: int = 2
    reports: int = 100_000  # outstanding when a subject is left
    leave_limit_s: float = 60.0
    limit_s: float = 60.0  # of everything else
    footprints: int = 3
    names: tuple[int, ...] = (1, 10, 100, 1000, 10_000)
    names_limit_s: float = 20.0
    delivered_rounds: int = 200
    steps: int = 1500  # of a framework's fit
    ranks: tuple[int, ...] = (1, 2, 4, 8)
    rank_s: float = 3.0
    groups: tuple[int, ...] = (0, 100, 300)  # of other runs on the gateway


OURS = Effort()
OURS_QUICK = Effort(
    rounds=3,
    share=0.2,
    row_rounds=1,
    row_calls=10_000,
    burst_s=0.5,
    paced_blocks=3,
    product_runs=3,
    products=40,
    starts=3,
    entries=5,
    upkeep_s=5,
    firsts=1,
    changes=2,
    leaves=1,
)
PEERS = Effort(
    rounds=7,
    products=250,
    burst_s=2.0,
    paced_rounds=130,
    changes=3,
    leave_limit_s=30.0,
    footprints=2,
    names_limit_s=10.0,
)
PEERS_QUICK = Effort(
    rounds=2,
    share=0.2,
    row_rounds=1,
    burst_s=0.5,
    paced_blocks=2,
    paced_rounds=20,
    product_runs=2,
    products=40,
    changes=1,
    reports=2000,
    leave_limit_s=10,
    limit_s=10,
    footprints=1,
    names=(1, 10, 100),
    names_limit_s=10,
    delivered_rounds=20,
    steps=200,
    ranks=(1, 2),
    rank_s=1.0,
    groups=(0, 20),
)
