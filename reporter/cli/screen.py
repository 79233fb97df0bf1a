"""How commands print: tables for people, JSON for programs, problems on stderr."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

_UNBOUNDED = 400  # columns, where no terminal sets a limit: nothing is cut or wrapped


def console(*, stderr: bool = False) -> Console:
    """A place to print to. What a user wrote is never read as markup."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _UNBOUNDED
    return Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


def table(*columns: str) -> Table:
    """An empty table with these columns."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def print_json(found: Any) -> None:
    """One JSON document."""
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


def complain(text: str) -> None:
    """One problem."""
    sys.stderr.write(f"reporter: {text}\n")
