"""Puts the commands together, and turns what stops one into a line and an exit code."""

from __future__ import annotations

import sys

import typer

from reporter.cli.config import config
from reporter.cli.grafana import grafana
from reporter.cli.push import push
from reporter.cli.run import run as run_program
from reporter.cli.up import up
from reporter.errors import SettingRefused
from reporter.run import __version__

_WRONG = 2

app = typer.Typer(
    name="reporter",
    help="Reports training runs to Prometheus, and looks after what they left behind.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # its boxes show a flag as if it took a value
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


@app.command("run", add_help_option=False, context_settings={"ignore_unknown_options": True})
def _run(arguments: list[str] = typer.Argument(None)) -> None:
    """Run any program as a run: its exit code, signals and console too."""
    raise typer.Exit(run_program(arguments or []))  # main() comes here for help alone


app.command(epilog="Example: reporter up --port 9092")(up)
app.command(epilog="Example: reporter push --gateway http://pushgateway:9091")(push)
app.command(epilog="Example: REPORTER_INTERVAL=10s reporter config")(config)
app.add_typer(grafana, name="grafana")


def run() -> int:
    """Run the command. Returns the exit code where the command did not exit by itself."""
    try:
        app()
    except SettingRefused as refused:
        sys.stderr.write(f"reporter: {refused}\n")
        return _WRONG
    return 0


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"run-reporter {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: bool = typer.Option(
        False, "--version", is_eager=True, callback=_show_version, help="Show the version."
    ),
) -> None:
    pass
