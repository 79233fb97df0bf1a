"""The Reporter: the scoped handle on a run, and all that training code can say through it."""

from __future__ import annotations

import atexit
import os
import sys
import threading

from reporter.board.writer import check_name
from reporter.errors import ReporterError
from reporter.names import State
from reporter.reporter.awaiting import in_thread
from reporter.reporter.ends import End, end_of, end_of_interpreter
from reporter.reporter.files import Attachment, Stage, checked_artifact
from reporter.reporter.notices import mention_no_gateway, say
from reporter.reporter.plain import parameter, structure, text_of
from reporter.reporter.session import Inert, Session
from reporter.run import given as _given  # noqa: F401 - it looks as early as it can
from reporter.run import wrapper
from reporter.settings import Settings, resolve, unknown_variables

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Any, Self, Unpack

    from reporter.reporter.options import Options
    from reporter.reporter.pace import Pace

_NOT_ENTERED = "a Reporter reports nothing before it is entered: with reporter.Reporter() as r: …"
_OF_KERAS = "; Keras's has: from reporter_integrations.keras import Reporter"

open_reporters: list[Reporter] = []  # innermost last; of the whole process, threads included


class Reporter:
    """Reports one run: metrics, parameters and what happens on the way.

        with reporter.Reporter() as r:
            r.report_metric("loss", 0.37)

    Entering starts the sender process; leaving waits, at most `exit_timeout`, until the gateway
    has the newest values and the run's end. Every other setting is a keyword argument as well;
    `reporter config` lists them. A wrong one raises SettingRefused here.
    """

    # A slot holds the run's own call: a method in between would cost as much as the report, and
    # an attribute in the shadow of a method is slow on newer interpreters.
    __slots__ = {
        "__dict__": "",
        "__weakref__": "",
        "report_metric": "report_metric(name, value, step=None)\n\nReport a number: NaN and"
        " infinities too, and whatever holds exactly one number.",
    }

    if TYPE_CHECKING:

        def report_metric(self, name: str, value: Any, step: int | None = None) -> None:
            """Report a number: NaN and infinities too, and whatever holds exactly one number."""

    def __init__(
        self,
        project: str | None = None,
        name: str | None = None,
        *,
        gateway: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        **settings: Unpack[Options],
    ) -> None:
        given = {"project": project, "name": name, "gateway": gateway, **settings}
        unknown = given.keys() - Settings.__annotations__.keys()
        if unknown:
            raise TypeError(
                f"Reporter has no setting {', '.join(sorted(unknown))}"
                + (_OF_KERAS if "autolog" in unknown else "")
            )
        self.settings = resolve(given)
        self._parameters, self._tags = dict(parameters or {}), dict(tags or {})
        for kind, names in (("parameter", self._parameters), ("tag", self._tags)):
            for each in names:
                check_name(kind, each)
        self._stage: str | None = None
        self._foreseen: End | None = None
        self._use(Inert(_NOT_ENTERED))
        self._entered = False

    # The scope.

    def __enter__(self) -> Self:
        if self._entered:
            raise RuntimeError("a Reporter is entered once; make a new one for a new run")
        self._entered = True
        self._use(_session(self.settings))
        if self._session.live:
            _end_with_the_interpreter()
        open_reporters.append(self)
        self.report_parameters(self._parameters)
        for key, value in self._tags.items():
            self.tag(key, value)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._end(*self._ending(error))
        except KeyboardInterrupt:
            if error is None:
                raise
            # A second Ctrl-C: leave at once, with the first exception. The sender goes on.

    async def __aenter__(self) -> Self:
        given_up: list[BaseException] = []

        def enter() -> None:
            self.__enter__()
            if given_up:
                self._end(*end_of(given_up[0]))

        try:
            await in_thread(enter)
        except Exception:
            raise
        except BaseException as error:  # cancelled meanwhile: nobody is going to leave the scope
            given_up.append(error)
            ending = end_of(error)
            await in_thread(lambda: self._end(*ending))
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await in_thread(lambda: self._end(*self._ending(error)))

    def _ending(self, error: BaseException | None) -> End:
        foreseen = self._foreseen if isinstance(error, SystemExit) else None
        return foreseen or end_of(error)

    def _use(self, session: Session | Inert) -> None:
        self._session = session
        # By the slot itself: a subclass may have a method of that name, which calls this one.
        _report_metric_slot.__set__(self, session.report_metric)

    def finish(self) -> None:
        """End the run as succeeded, and wait as leaving the scope does."""
        self._end(State.SUCCEEDED, "returned", "")

    def fail(self, why: str = "") -> None:
        """End the run as failed, and say why."""
        self._end(State.FAILED, "asked", text_of(why))

    def _end(self, state: State, reason: str, detail: str, *, sure: bool = True) -> None:
        if self in open_reporters:
            open_reporters.remove(self)
        self._session.end(int(state), reason, detail, sure=sure)

    # What training says.

    def report_metrics(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Report several; one that is refused does not keep the others back."""
        refused: ReporterError | None = None
        for name, value in values.items():
            try:
                self.report_metric(name, value, step)
            except ReporterError as error:
                refused = refused or error
        if refused is not None:
            raise refused

    def metric(self, name: str) -> Callable[..., None]:
        """A handle, `handle(value, step=None)`: the cheapest way to report."""
        return self._session.metric(name)

    def report_parameter(self, name: str, value: Any) -> None:
        """Report a setting of the run: text or a number, else its text. The latest one holds."""
        check_name("parameter", name)
        self._session.tell("parameter", name, value=parameter(value))

    def report_parameters(self, values: Mapping[str, Any]) -> None:
        """Report several settings of the run."""
        for name, value in values.items():
            self.report_parameter(name, value)

    def tag(self, key: str, value: Any = "") -> None:
        """Tag the run, so that it can be found."""
        check_name("tag", key)
        self._session.tell("tag", key, value=text_of(value))

    def stage(self, name: str) -> Stage:
        """Enter a stage of the run; as a scope, it returns to the stage before."""
        check_name("stage", name)
        before, self._stage = self._stage, name
        self._tell_stage(name)
        return Stage(self._return_to_stage, before)

    def _return_to_stage(self, before: str | None) -> None:
        self._stage = before
        self._tell_stage(before)

    def _tell_stage(self, name: str | None) -> None:
        self._session.tell("stage", name)

    def milestone(self, name: str) -> None:
        """Mark this moment."""
        check_name("milestone", name)
        self._session.tell("milestone", name)

    def note(self, data: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """Keep anything structured that was found on the way, in the run's record."""
        self._session.tell("note", None, data=structure({**(data or {}), **more}))

    def progress(self, done: float, total: float) -> None:
        """How far the run is: `done` of `total`, in any unit."""
        try:
            self._session.progress(float(done), float(total))
        except (TypeError, ValueError, OverflowError):
            say(f"progress got {done!r} of {total!r}, which are not numbers; it is ignored")

    @property
    def pace(self) -> Pace:
        """Steps, samples and where their time goes; for integrations, and loops of one's own."""
        return self._session.pace

    def uses(self, framework: str, version: str = "") -> None:
        """Say which framework trains; integrations do."""
        check_name("framework", framework)
        self._session.tell("framework", framework, version=text_of(version))

    def artifact(self, path: str | os.PathLike[str], kind: str = "other", name: str = "") -> None:
        """Keep a copy of a file with the run. It is copied soon: leave it as it is until then.

        Kinds: log, model, plot, data, checkpoint, other. `flush` waits for the copy.
        """
        if self._session.live:
            told = checked_artifact(path, kind, name)
            self._session.tell("artifact", told.pop("name"), **told)

    def attach(self, name: str, mode: str = "w", kind: str = "other") -> Attachment:
        """A new file to write, kept with the run once it is closed.

        with r.attach("notes.txt") as f: f.write("…")
        """
        return Attachment(name, mode, kind, self._session.tell)

    # What training asks.

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all that was reported is recorded, and on the gateway if there is one."""
        return self._session.flush(timeout)

    def status(self) -> dict[str, Any]:
        """How the run stands: its id, its record, and what the sender has done so far."""
        return {"run": self.run_id, "live": self._session.live, **self._session.status()}

    @property
    def run_id(self) -> str:
        return self._session.run_id

    @property
    def rank(self) -> int:
        """Which process of a distributed run this is; 0 where there is but one."""
        return self._session.rank

    # The older library's spelling.

    def reportMetric(self, name: str, value: Any) -> None:  # noqa: N802
        """The same as report_metric."""
        self.report_metric(name, value)

    def reportParameter(self, name: str, value: Any) -> None:  # noqa: N802
        """The same as report_parameter."""
        self.report_parameter(name, value)

    # Copies: in this process the same object, in another one inert.

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return inert_copy, (type(self),)

    def __repr__(self) -> str:
        return f"<Reporter of run {self.run_id or '(not entered)'}>"


_report_metric_slot = Reporter.__dict__["report_metric"]


def inert_copy(kind: type[Reporter]) -> Reporter:
    """A Reporter that reports nothing."""
    copy = kind.__new__(kind)
    copy.settings = resolve({"mode": "disabled"}, {})
    copy._parameters, copy._tags, copy._stage, copy._foreseen = {}, {}, None, None
    copy._entered = False  # entering it is as harmless as all else
    copy._use(Inert())
    return copy


def foresee(reporter: Reporter, error: BaseException | None) -> None:
    """A framework caught what makes it end the program: that tells more than the exit does."""
    reporter._foreseen = None if error is None else end_of(error)


def _session(settings: Settings) -> Session | Inert:
    if settings.mode == "disabled":
        return Inert()
    if not hasattr(os, "fork"):
        return Inert(f"runs are not reported on {sys.platform}; training goes on")
    for variable in unknown_variables():
        say(f"{variable} is no setting: is it misspelt?")
    try:
        # Not above: it needs fcntl, which Windows has not.
        from reporter.reporter.opening import Opening  # noqa: PLC0415

        opening = Opening(settings)
    except Exception as error:  # noqa: BLE001 - nothing about the machine may end training
        return Inert(f"this run is not reported: {type(error).__name__}: {error}")
    mention_no_gateway(settings)
    if os.getpid() == 1:
        say("this process is PID 1: if it is killed, the kernel ends its sender with it, and the"
            " gateway keeps the last push; `reporter run -- …` closes that gap")  # fmt: skip
    try:
        return Session(settings, opening)
    except Exception as error:  # noqa: BLE001 - as above
        opening.release()
        return Inert(f"this run is not reported: {type(error).__name__}: {error}")


def _end_with_the_interpreter() -> None:
    """A run that nobody leaves ends with the interpreter, or with a multiprocessing child."""
    if interpreter_is_ending():  # a handler that is registered now would not be called
        return
    atexit.unregister(_end_open_reporters)  # registered once, whatever the number of runs
    atexit.register(_end_open_reporters)
    multiprocessing = sys.modules.get("multiprocessing.util")
    if multiprocessing is not None and in_child():  # which skips atexit
        multiprocessing.Finalize(None, _end_open_reporters, exitpriority=10)


def in_child() -> bool:
    """Whether this is a child of multiprocessing."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


_ended = False


def interpreter_is_ending() -> bool:
    """Whether nobody would end a run that is opened by itself now: exit handlers run already.

    They do not while the end of the program still waits for the thread that asks.
    """
    main, asking = threading.main_thread(), threading.current_thread()
    return _ended or (not main.is_alive() and (asking is main or asking.daemon))


def _end_open_reporters() -> None:
    global _ended  # noqa: PLW0603 - it ends once
    _ended = True
    end = end_of_interpreter()
    for each in reversed(list(open_reporters)):
        state, reason, detail = each._foreseen or end
        # The code of a `sys.exit` does not show here; a `reporter run` above us will see it.
        sure = state is not State.SUCCEEDED or not os.environ.get(wrapper.VARIABLE)
        each._end(state, reason, detail, sure=sure)
