"""A mirror changes nothing but what is heard, and leaves nothing behind, whatever the order."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import reporter
from reporter.testing import Reported
from reporter_integrations import _listening
from reporter_integrations.mirror import mirror
from tests.integrations.frameworks import needs

pytestmark = pytest.mark.slow  # most of them start a sender


class Writing:
    """A real writer of tensorboardX's, and its class's own function."""

    def __init__(self, folder: Path) -> None:
        from tensorboardX import SummaryWriter  # noqa: PLC0415

        self.kind = SummaryWriter
        self.original = self.own
        self.writer = SummaryWriter(str(folder))

    @property
    def own(self) -> Any:
        return vars(self.kind)["add_scalar"]

    @property
    def untouched(self) -> bool:
        return self.own is self.original and _listening._awaiting not in sys.meta_path


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[Writing]:
    needs("tensorboardX")
    writing = Writing(tmp_path)
    yield writing
    writing.writer.close()
    assert writing.untouched


@pytest.mark.parametrize("first", [0, 1])
def test_two_mirrors_end_in_any_order(first: int, writing: Writing, reported: Reported) -> None:
    """Two mirrors tell a Reporter once; the original is back when both have stopped."""
    with reporter.Reporter():
        mirrors = [mirror("tensorboard"), mirror("tensorboard")]
        writing.writer.add_scalar("loss", 1)
        mirrors[first].stop()
        assert not writing.untouched
        writing.writer.add_scalar("loss", 2)
        mirrors[not first].stop()
        mirrors[first].stop()  # once more, for nothing
        assert writing.untouched
        writing.writer.add_scalar("loss", 3)
    assert reported.metrics == {"loss": [1, 2]}


def test_each_reporter_that_is_named_is_told(writing: Writing, reported: Reported) -> None:
    """A mirror with a Reporter tells that one; without, the innermost at the time of the call."""
    with reporter.Reporter(name="outer") as outer, mirror("tensorboard", reporter=outer):
        with mirror("tensorboard"), reporter.Reporter(name="inner"):
            writing.writer.add_scalar("loss", 1)
        writing.writer.add_scalar("loss", 2)
    found = {run.identity["name"]: list(run.points["loss"].values) for run in reported.runs}
    assert found == {"outer": [1, 2], "inner": [1]}


def test_another_tools_patch_on_top_stays(writing: Writing, reported: Reported) -> None:
    """It goes on working, ours below lets all pass, and when it is gone a new mirror hears."""
    seen: list[float] = []
    with reporter.Reporter():
        ours = mirror("tensorboard")
        below = writing.own

        def theirs(writer: Any, tag: str, value: float, *rest: Any) -> None:
            seen.append(value)
            below(writer, tag, value, *rest)

        writing.kind.add_scalar = theirs
        writing.writer.add_scalar("loss", 1)
        ours.stop()
        assert writing.own is theirs
        writing.writer.add_scalar("loss", 2)
        with mirror("tensorboard"):
            writing.writer.add_scalar("loss", 3)
        assert writing.own is theirs
        writing.kind.add_scalar = below
        writing.writer.add_scalar("loss", 4)
        with mirror("tensorboard"):
            writing.writer.add_scalar("loss", 5)
        writing.kind.add_scalar = writing.original
    assert seen == [1, 2, 3]
    assert reported.metrics == {"loss": [1, 3, 5]}


def test_what_the_peer_raises_passes_and_is_not_reported(
    writing: Writing, reported: Reported
) -> None:
    """The caller gets the peer's own exception; a call that it refused is no news."""
    with reporter.Reporter(), mirror("tensorboard"):
        with pytest.raises(NotImplementedError):
            writing.writer.add_scalar("loss", object())
        with pytest.raises(TypeError, match="scalar_value"):
            writing.writer.add_scalar("loss")
        assert writing.writer.add_scalar("loss", 1, 7) is None
    assert reported.metrics == {"loss": [1]}
    assert reported.steps == {"loss": [7]}


def test_what_cannot_be_mirrored_raises_nothing(writing: Writing, reported: Reported) -> None:
    """A value that fails when it is looked at is left out, and the next one is not."""

    class Odd(float):
        @property
        def shape(self) -> Any:
            raise RuntimeError("on purpose")

    with reporter.Reporter(), mirror("tensorboard"):
        writing.writer.add_scalar("odd", Odd(1))
        writing.writer.add_scalar("loss", 1)
    assert reported.metrics == {"loss": [1]}


def test_a_reporter_that_raises_or_logs_itself_does_no_harm(
    writing: Writing, reported: Reported
) -> None:
    """A subclass of the older kind may raise, or tell the very peer that is mirrored."""

    class Echo(reporter.Reporter):
        def reportMetric(self, name: str, value: Any) -> None:
            writing.writer.add_scalar(f"echo-{name}", value)
            super().reportMetric(name, value)
            raise ValueError("on purpose")

    with Echo(), mirror("tensorboard"):
        writing.writer.add_scalar("loss", 1)
    assert reported.metrics == {"loss": [1]}


def test_rank_0_alone_reports_unless_told(
    writing: Writing, reported: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other ranks log into the same peers; only with `all_ranks` do they tell it here too."""
    monkeypatch.setenv("REPORTER_RANK", "1")
    with reporter.Reporter():
        with mirror("tensorboard"):
            writing.writer.add_scalar("loss", 1)
        with mirror("tensorboard"), mirror("tensorboard", all_ranks=True):
            writing.writer.add_scalar("loss", 2)
    assert reported.metrics == {"loss": [2]}


def test_threads_lose_nothing_while_mirrors_come_and_go(
    writing: Writing, reported: Reported
) -> None:
    """Every call of the peer's is made, and every one is heard while one mirror stands."""

    def log(thread: int) -> None:
        for step in range(200):
            writing.writer.add_scalar(f"loss-{thread}", step, step)

    with reporter.Reporter(), mirror("tensorboard"):
        threads = [threading.Thread(target=log, args=[k]) for k in range(4)]
        for each in threads:
            each.start()
        while any(each.is_alive() for each in threads):
            mirror("tensorboard").stop()
    assert reported.metrics == {f"loss-{k}": list(range(200)) for k in range(4)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_logs_and_reports_nothing(
    writing: Writing, reported: Reported, tmp_path: Path
) -> None:
    """The child's calls reach the peer alone, and it may stop the mirror."""
    with reporter.Reporter(), mirror("tensorboard") as mirrored:
        writing.writer.add_scalar("loss", 1)
        child = os.fork()
        if not child:
            # One without a thread: the parent's may hold a lock at this very moment.
            writing.kind(str(tmp_path / "child"), write_to_disk=False).add_scalar("loss", 2)
            mirrored.stop()
            os._exit(0 if writing.untouched else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert not writing.untouched
    assert reported.metrics == {"loss": [1]}


def test_what_is_no_peer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that it does not know, or a peer that is not installed: at the caller's line."""
    with pytest.raises(ValueError, match="wandb, mlflow, tensorboard, and not 'neptune'"):
        mirror("neptune")
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="wandb is not installed"):
        mirror("wandb")


# A module that is imported later.


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module that raises the first time."""
    name = "imported_by_and_by"
    lines = (
        f"import os\nif not os.path.exists({str(tmp_path / 'again')!r}):\n    raise KeyError(7)\n"
    )
    (tmp_path / f"{name}.py").write_text(lines, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)
    assert _listening._awaiting not in sys.meta_path


def test_a_module_is_awaited(module: str, tmp_path: Path) -> None:
    """Whoever waits is called once it is there whole; a failed import passes and is no end."""
    found: list[ModuleType] = []
    _listening.once_imported(module, found.append)
    with pytest.raises(KeyError):
        importlib.import_module(module)
    assert found == []
    (tmp_path / "again").touch()
    imported = importlib.import_module(module)
    assert found == [imported]
    assert imported.__loader__ is not None
    assert "exec_module" not in vars(imported.__loader__)
    _listening.once_imported(module, found.append)
    assert found == [imported, imported]


def test_one_that_waits_may_give_up(module: str, tmp_path: Path) -> None:
    """The others are still called."""
    (tmp_path / "again").touch()
    first: list[ModuleType] = []
    second: list[ModuleType] = []
    give_up = _listening.once_imported(module, first.append)
    _listening.once_imported(module, second.append)
    give_up()
    give_up()
    imported = importlib.import_module(module)
    assert (first, second) == ([], [imported])
    give_up()
