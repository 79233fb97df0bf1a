"""How many reports a subject that is gone has left in its files. Asked: subject."""

import lineup
from told import asked, place, tell


def main() -> None:
    spec = asked()
    tell(arrived=lineup.adapter(spec["subject"]).arrived(place(spec)))


if __name__ == "__main__":
    main()
