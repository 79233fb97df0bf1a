"""Whether a subject can be had here, and what it is. Asked: subject."""

from importlib import metadata

import lineup
from told import asked, tell


def main() -> None:
    name = asked()["subject"]
    try:
        found = lineup.adapter(name)
    except ImportError as error:
        tell(missing=str(error))
        return
    versions = {package: metadata.version(package) for package in found.packages}
    tell(label=found.label, note=found.note, versions=versions)
    tell(speaks=found.speaks, each_is_sent=found.each_is_sent)


if __name__ == "__main__":
    main()
