"""What calls cost, in rounds, beside dict stores.

Asked: subjects, gateway, beside, rounds, share, labels. The gateway is for the last subject alone;
what is beside it, its neighbours, deliver to another one.
"""

import os
import time
from typing import Any

import lineup
import rounds
from told import asked, end, tell

_STATUS_S = 1.2  # our sender renews its status once a second


def main() -> None:
    spec: dict[str, Any] = asked()
    *neighbours, name = spec["subjects"]
    (floor,) = lineup.opened([lineup.FLOOR], os.getcwd())
    subjects = lineup.opened(neighbours, os.getcwd(), spec.get("beside"))
    subjects += lineup.opened([name], os.getcwd(), spec.get("gateway"))
    wanted = {*spec["labels"], *subjects[-1].loops} if "labels" in spec else None
    # Once through the whole ring, whose pages are new: a round that does not count.
    rounds.Rounds(rounds.entries(subjects, 1.0, wanted), floor).play(0)
    played = rounds.Rounds(rounds.entries(subjects, spec["share"], wanted), floor)
    for number in range(spec["rounds"]):
        played.play(number)
        tell(found=played.found)
    time.sleep(_STATUS_S)
    tell(dropped=sum(int(str(each.told().get("dropped", 0))) for each in subjects))
    end()


if __name__ == "__main__":
    main()
