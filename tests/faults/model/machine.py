"""What the model may do to a run: rules that Hypothesis puts into an order."""

from __future__ import annotations

import itertools
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import assume, event, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from reporter.names import POINT_DROPS
from tests.faults.model import checker
from tests.faults.model.expected import ENDS, Attempt, End, Expected
from tests.faults.model.trainee import Trainee
from tests.faults.model.world import EXIT_TIMEOUT, LINGER, ROOM_KEPT, SLACK, World
from tests.front import MODES
from tests.runs import counted
from tests.services.programs import Pushgateway
from tests.waiting import wait_for

METRICS = st.sampled_from(["loss", "val/loss", "accuracy"])
PARAMETERS = st.sampled_from(["lr", "depth"])
FORKS = st.sampled_from(["falls through", "exception", "finish", "os._exit"])
FLOOD = 300_000  # more than the ring holds
WORK = st.one_of(
    st.tuples(st.just("report"), METRICS, st.sampled_from([1, 1, 10, 1000, 20_000])),
    st.tuples(st.just("report_no_number"), METRICS),
    st.tuples(st.just("set_parameter"), PARAMETERS),
    st.tuples(st.just("fork"), FORKS),
)
MOMENTS = st.sampled_from([0.02, 0.1, 0.3, 1.1])  # the last one: time for a successor
GATEWAYS = st.sampled_from([*MODES, "ok", "restarted"])
DISKS = st.sampled_from(["full", "nearly full", "locked", "mended"])
CLOCKS = st.sampled_from([-86_400, -30, 0, 30, 86_400])
LEAVES = st.sampled_from(["returned", "exception", "exit-0", "exit-3", "interrupt", "os._exit"])
FLUSH_S = 6
_numbers = itertools.count(1)


class RunOfTheModel(RuleBasedStateMachine):
    """One run, with as many attempts as there is time for."""

    def __init__(self, folder: Path, gateway: Pushgateway, library: Mapping[str, str]) -> None:
        super().__init__()
        self._folder, self._gateway, self._library = folder, gateway, library
        self._begun = self.leaving = self.settled = self.disk_fails = False
        self.calls = 0

    # The first one is what Hypothesis tries before all else: a run of which nothing is reported.
    @initialize(points=st.sampled_from(["", "true", "true", "true", "false"]), moment=MOMENTS)
    def begin(self, points: str, moment: float) -> None:
        assume(points)
        settings = {**self._library, "REPORTER_POINTS": points}
        self.world = World(self._folder / str(next(_numbers)), self._gateway, settings)
        self._begun = True
        self.expected = Expected(keeps_points=points == "true")
        self.run = ""
        self._start()
        _let_pass(moment)

    def teardown(self) -> None:
        if not self._begun:
            return
        try:
            if sys.exc_info()[0] is None:  # else a rule has failed, and that is what counts
                self._end()
            else:
                note(self.world.story())
        except BaseException:
            note(self.world.story())
            raise
        finally:
            self.world.close()

    # What is reported.

    @precondition(lambda self: self.live)
    @rule(work=st.lists(WORK, min_size=1, max_size=4))
    def train(self, work: list[tuple[Any, ...]]) -> None:
        self.calls += 1
        self.settled = False
        for kind, *arguments in work:
            getattr(self, "_" + kind)(*arguments)

    @precondition(lambda self: self.live)
    @rule(work=st.lists(WORK, min_size=1, max_size=4), moment=MOMENTS)
    def train_for_a_moment(self, work: list[tuple[Any, ...]], moment: float) -> None:
        self.train(work)
        _let_pass(moment)

    @precondition(lambda self: self.live and self.expected.keeps_points)
    @rule(metric=METRICS)
    def report_more_than_fits(self, metric: str) -> None:
        self.stop_sender()
        self._report(metric, FLOOD)

    def _report(self, metric: str, count: int) -> None:
        self.trainee("burst", metric, self.expected.report(metric, count), count, patience=30)

    def _report_no_number(self, metric: str) -> None:
        refused = self.expected.report_bad(metric)
        assert self.trainee("bad", metric) == refused

    def _set_parameter(self, name: str) -> None:
        self.trainee("parameter", name, self.expected.set_parameter(name))

    def _fork(self, way: str) -> None:
        assert self.trainee("fork", way) == (1 if way == "exception" else 0)

    # What goes wrong around it.

    @rule(how=GATEWAYS)
    def change_gateway(self, how: str) -> None:
        if how != "restarted":
            self.world.front.mode = how
        elif self.live and not self.expected.attempt.said:  # else nobody would push again
            self.world.restart_gateway()
        self.expected.attempt.gateway_failed |= how != "ok"

    @precondition(lambda self: self.world.disk_is_small)
    @rule(how=DISKS)
    def change_disk(self, how: str) -> None:
        self.world.empty_disk()
        failed = how != "mended"
        if how == "locked":
            failed = self.world.lock_disk()
        elif failed:
            self.world.fill_disk(0 if how == "full" else ROOM_KEPT)
        self.expected.attempt.disk_failed |= failed
        self.disk_fails = how != "mended"  # what Hypothesis draws next must not hang on `failed`

    @rule(offset=CLOCKS)
    def set_clock(self, offset: int) -> None:
        self.world.set_clock(offset)

    @rule()
    def stop_sender(self) -> None:
        self.world.signal_senders(signal.SIGSTOP)

    @precondition(lambda self: self.world.stopped)
    @rule()
    def continue_sender(self) -> None:
        self.world.signal_senders(signal.SIGCONT)

    @precondition(lambda self: self.calls > 0)
    @rule()
    def kill_sender(self) -> None:
        if self.world.senders():
            self.world.signal_senders(signal.SIGKILL)
            self.expected.attempt.sender_killed = True
            if not self.live or self.expected.attempt.said:  # nobody gives it a successor
                self.expected.attempt.lose_both()

    # How it ends.

    @precondition(lambda self: self.live and self.calls > 1)
    @rule(way=st.sampled_from(["finish", "fail"]), stopped=st.booleans())
    def end_early(self, way: str, stopped: bool) -> None:
        if stopped:  # so that it sees the end only later, with whatever else is said
            self.stop_sender()
        self.expected.attempt.say(way)
        self.trainee(way, patience=EXIT_TIMEOUT + SLACK)

    @precondition(lambda self: self.live and self.calls > 1)
    @rule(way=LEAVES)
    def leave(self, way: str) -> None:
        if way == "os._exit":
            self._die()
        else:
            self.expected.attempt.say(way)
        self.trainee.leave(way)
        self.leaving = True

    @precondition(lambda self: not self.trainee.over and self.calls > 1)
    @rule()
    def kill(self) -> None:
        if self.leaving:
            self.expected.attempt.may_have_died_first()
            if not self.world.senders():
                self.expected.attempt.lose_both()
        else:
            self._die()
        self.trainee.kill()

    @precondition(lambda self: self.live and self.calls > 1)
    @rule(everybody=st.booleans())
    def terminate(self, everybody: bool) -> None:
        heard = self.world.senders_listen() and not self.world.stopped
        if everybody:
            self.world.signal_senders(signal.SIGTERM)
        self._die(ENDS["terminated" if everybody else "os._exit"])
        if everybody and not heard:  # it may have ended the sender
            self.expected.attempt.lose_both()
        self.trainee.kill(signal.SIGTERM)

    @precondition(lambda self: not self.live and not self.disk_fails)
    @rule()
    def go_on(self) -> None:
        """The same run again, once nobody holds it."""
        self._wait_until_it_is_over()
        self._start()

    # When all is quiet.

    @precondition(lambda self: self.live and not self.settled and not self.expected.attempt.said)
    @rule()
    def settle(self) -> None:
        self.settled = True
        self.world.front.mode = "ok"
        self.world.signal_senders(signal.SIGCONT)
        done = self.trainee("flush", FLUSH_S, patience=FLUSH_S + SLACK)
        attempt = self.expected.attempt
        unharmed = not (attempt.sender_killed or attempt.gateway_failed)
        event(f"flushed: {done}")
        assert done or not unharmed, "a run that nothing befell is not flushed"
        records = self.world.records(self.run)
        if (
            done
            and self.expected.keeps_points
            and not self.expected.cut
            and not attempt.disk_failed
            and len(records) < 2  # an attempt before this one went on where the disk was better
        ):
            (record,) = records
            here = self.trainee("status")["dropped"]
            dropped = counted(record)[1] + sum(here.get(reason, 0) for reason in POINT_DROPS)
            checker.check_quiet(self.expected, record, self.world.group(self.run), dropped)
            self.expected.be_sure(counted(record)[0])

    # What the rules are made of.

    @property
    def trainee(self) -> Trainee:
        assert self.world.trainee is not None
        return self.world.trainee

    @property
    def live(self) -> bool:
        """Whether the training process takes calls."""
        return not self.trainee.over and not self.leaving

    def _start(self) -> None:
        self.expected.attempts.append(Attempt())
        self.leaving = False
        self.disk_fails = self.settled = False
        self.calls = 0
        self.world.start(self.run)
        self.run = self.run or self.trainee.run
        assert self.trainee.run == self.run, self.trainee.said

    def _die(self, *ends: End) -> None:
        """The training process is about to be killed."""
        self.expected.attempt.die(*ends)
        if not self.world.senders():
            self.expected.attempt.lose_both()

    def _wait_until_it_is_over(self) -> None:
        self.world.front.mode = "ok"
        self.world.signal_senders(signal.SIGCONT)
        self.trainee.wait(EXIT_TIMEOUT + SLACK)
        longest = EXIT_TIMEOUT + LINGER + SLACK
        wait_for(self.world.ended, longest, "every process of the run to end")

    def _end(self) -> None:
        if self.live:
            self.expected.attempt.say("returned")
            self.trainee.leave("returned")
        self._wait_until_it_is_over()
        if self.world.disk_is_small:
            self.world.empty_disk()
        self.world.deliver()
        records = self.world.records(self.run)
        checker.check_end(self.expected, records, self.world.group(self.run), self.world.pushes)


def _let_pass(moment: float) -> None:
    """Nothing is waited for: what happens next happens that much later."""
    threading.Event().wait(moment)
