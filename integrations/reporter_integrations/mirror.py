"""What is told to wandb, mlflow and TensorBoard also reaches us, so that nothing has to be edited.

    from reporter_integrations.mirror import mirror

    with mirror("wandb"): …         # until the scope is left
    mirrored = mirror("mlflow")     # until mirrored.stop()
    mirror()                        # all three, as soon as the program imports them

or, without an edit at all: `python -m reporter_integrations.mirror train.py --epochs 3`.

The peer's call comes first and is its own: what it returns or raises is what the caller gets, and
what it refused is not reported. Values then go to the Reporter that is the innermost open one at
that moment. Left out are what holds no number (images, tables, histograms, texts), what wandb
drops in its mode `disabled`, and calls within calls, which are the same news again. Where an
integration reports the same name itself, the value is there twice and no less right.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import importlib.util
import io
import math
import os
import runpy
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple, Self

from reporter.reporter.module_level import current
from reporter.reporter.notices import say
from reporter.reporter.scope import Reporter, foresee, open_reporters
from reporter_integrations._listening import Listener, Undo, listen, once_imported
from reporter_integrations._voice import Voice

# A writer of its own for each of these is the usual way, and all write the same tags.
_HELD_OUT = ("val", "valid", "validation", "test", "eval", "evaluation", "dev")
_DEPTH = 20

Told = dict[str, Any]  # the arguments of a call
Heard = tuple[Any, str, str, Callable[["_Ear", Told, Any], None]]


class _Ear:
    """Tells a Reporter what a peer was told."""

    def __init__(self, reporter: Reporter | None, all_ranks: bool) -> None:
        self._given, self._all_ranks = reporter, all_ranks
        self._voice: Voice | None = None
        self._told: dict[str, str] = {}
        self._runs: weakref.WeakSet[Any] = weakref.WeakSet()

    def whom(self) -> Reporter | None:
        reporter = current() if self._given is None else self._given
        if self._voice is None or self._voice.reporter is not reporter:
            self._voice, self._told = Voice(reporter, all_ranks=self._all_ranks), {}
            self._runs.clear()
        return reporter if self._voice.leads else None

    @property
    def voice(self) -> Voice:
        assert self._voice is not None  # whom() was asked before
        return self._voice

    def metrics(self, values: Mapping[str, Any], step: Any = None) -> None:
        at = _whole(step)
        for name, value in _flat(values):
            if _holds_one_number(value):
                self.voice.metric(name, value, at)

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Those that are new or changed: wandb's config is looked at again and again."""
        for name, value in _flat(values):
            text = str(value)
            if self._told.get(name) != text:
                self._told[name] = text
                self.voice.parameter(name, value)

    def tags(self, values: Mapping[str, Any]) -> None:
        """All but those that the peer sets for itself."""
        for key, value in values.items():
            if not key.startswith("mlflow."):
                self.voice.tag(key, value)

    def meets(self, run: Any) -> None:
        """A run of wandb's, which has brought settings if it is new."""
        if run not in self._runs:
            self._runs.add(run)
            self.parameters(dict(run.config))
            self.tags(dict.fromkeys(run.tags or (), ""))


def _flat(values: Mapping[str, Any], before: str = "", depth: int = _DEPTH) -> Iterator[Any]:
    """Names and values; a name within a name as wandb shows it: `outer.inner`."""
    for name, value in values.items():
        if isinstance(value, Mapping) and depth:
            yield from _flat(value, f"{before}{name}.", depth - 1)
        else:
            yield f"{before}{name}", value


def _holds_one_number(value: Any) -> bool:
    """Told by type and shape alone: reading a tensor may have to wait for its device."""
    kind = type(value)
    if kind in (float, int, bool):
        return True
    if isinstance(value, (str, bytes)) or not hasattr(kind, "__float__"):
        return False
    if getattr(getattr(value, "dtype", None), "kind", "f") not in "biuf":
        return False
    return math.prod(getattr(value, "shape", ())) == 1


def _whole(step: Any) -> int | None:
    """The step as the peers take it: the fraction of one is cut."""
    try:
        return None if step is None else int(step)
    except (TypeError, ValueError, OverflowError):
        return None


# What is heard: the function, the arguments that matter and those before them, what they say.


def _of_wandb(wandb: Any) -> Iterator[Heard]:
    # Not `log`: bound methods of it are kept, by wandb itself as `wandb.log`.
    yield wandb.sdk.wandb_run.Run, "_log", "self data step commit", _wandb_logged
    yield wandb, "init", "", lambda ear, _, run: ear.meets(run)
    config = wandb.sdk.wandb_config.Config
    for name in ("update", "setdefaults", "__setitem__", "__setattr__"):
        yield config, name, "self", lambda ear, told, _: ear.parameters(dict(told["self"]))


def _wandb_logged(ear: _Ear, told: Told, _: Any) -> None:
    run, step, commit = told["self"], told.get("step"), told.get("commit")
    ear.meets(run)
    if step is None:
        # Counted by now, unless more is to come for this step. `run.step` asks another process.
        step = run._local_step - (commit is None or bool(commit))  # noqa: SLF001
    ear.metrics(told["data"], step)


def _of_mlflow(mlflow: Any) -> Iterator[Heard]:
    def metric(ear: _Ear, told: Told, _: Any) -> None:
        ear.metrics({told["key"]: told["value"]}, told.get("step"))

    def metrics(ear: _Ear, told: Told, _: Any) -> None:
        ear.metrics(told["metrics"], told.get("step"))

    def parameter(ear: _Ear, told: Told, _: Any) -> None:
        ear.parameters({told["key"]: told["value"]})

    def tag(ear: _Ear, told: Told, _: Any) -> None:
        ear.tags({told["key"]: told["value"]})

    # These two alone know that no step was given: the client is told 0.
    yield mlflow, "log_metric", "key value step", metric
    yield mlflow, "log_metrics", "metrics step", metrics
    client = mlflow.MlflowClient
    yield client, "log_metric", "self run_id key value timestamp step", metric
    yield client, "log_batch", "self run_id metrics params tags", _mlflow_batch
    yield client, "log_param", "self run_id key value", parameter
    yield client, "set_tag", "self run_id key value", tag
    begun = "self experiment_id start_time tags"
    yield client, "create_run", begun, lambda ear, told, _: ear.tags(told.get("tags") or {})


def _mlflow_batch(ear: _Ear, told: Told, _: Any) -> None:
    for each in told.get("metrics", ()):
        ear.metrics({each.key: each.value}, each.step)
    ear.parameters({each.key: each.value for each in told.get("params", ())})
    ear.tags({each.key: each.value for each in told.get("tags", ())})


def _of_tensorboard(library: Any) -> Iterator[Heard]:
    writer = library.SummaryWriter
    yield writer, "add_scalar", "self tag scalar_value global_step", _tensorboard_scalar
    yield writer, "add_scalars", "self main_tag tag_scalar_dict global_step", _tensorboard_scalars
    yield writer, "add_hparams", "self hparam_dict metric_dict", _tensorboard_settings


def _tensorboard_scalar(ear: _Ear, told: Told, _: Any) -> None:
    ear.metrics({_tag(told, told["tag"]): told["scalar_value"]}, told.get("global_step"))


def _tensorboard_scalars(ear: _Ear, told: Told, _: Any) -> None:
    main, values = _tag(told, told["main_tag"]), told["tag_scalar_dict"]
    ear.metrics({f"{main}/{tag}": value for tag, value in values.items()}, told.get("global_step"))


def _tensorboard_settings(ear: _Ear, told: Told, _: Any) -> None:
    ear.parameters(told["hparam_dict"])
    ear.metrics(told["metric_dict"], told.get("global_step"))


def _tag(told: Told, tag: str) -> str:
    """A tag, with the writer's folder before it where that alone tells it from training's."""
    writer = told["self"]
    folder = getattr(writer, "log_dir", None) or getattr(writer, "logdir", None) or ""
    last = os.path.basename(os.path.normpath(str(folder)))
    return f"{last}/{tag}" if last in _HELD_OUT else tag


class _Peer(NamedTuple):
    packages: tuple[str, ...]  # that it may come from
    modules: tuple[str, ...]  # whose import brings the functions
    functions: Callable[[Any], Iterator[Heard]]


_PEERS = {
    "wandb": _Peer(("wandb",), ("wandb",), _of_wandb),
    "mlflow": _Peer(("mlflow",), ("mlflow",), _of_mlflow),
    "tensorboard": _Peer(
        ("torch", "tensorboardX"), ("torch.utils.tensorboard", "tensorboardX"), _of_tensorboard
    ),
}


class Mirror:
    """Calls are heard from when it is made until `stop()`, or until its scope is left."""

    def __init__(self, peers: Sequence[str], reporter: Reporter | None, all_ranks: bool) -> None:
        self._ear = _Ear(reporter, all_ranks)
        self._undo: list[Undo] = []
        self._stopped = False
        for peer in dict.fromkeys(peers):
            for module in _PEERS[peer].modules:
                listen_to = functools.partial(self._listen, _PEERS[peer])
                self._undo.append(once_imported(module, listen_to))

    def stop(self) -> None:
        """From now on nothing is heard, and every function is its library's own again."""
        self._stopped = True
        while self._undo:
            self._undo.pop()()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _listen(self, peer: _Peer, module: ModuleType) -> None:
        try:
            for owner, name, arguments, hear in peer.functions(module):
                listener = Listener(self._ear, tuple(arguments.split()), hear)
                self._undo.append(listen(owner, name, listener))
        except Exception as error:  # noqa: BLE001 - training is never affected
            version = getattr(module, "__version__", "of unknown version")
            say(f"{module.__name__} {version} is not mirrored, or not all of it: {error!r}")
        if self._stopped:  # meanwhile, by another thread
            self.stop()


def mirror(*peers: str, reporter: Reporter | None = None, all_ranks: bool = False) -> Mirror:
    """Mirror "wandb", "mlflow" and "tensorboard", or those of them that are named.

    Rank 0 reports what it hears, the others only with `all_ranks`. Without a Reporter it is the
    innermost open one at each call, else the implicit one.
    """
    for peer in peers:
        if peer not in _PEERS:
            raise ValueError(f"mirror knows {', '.join(_PEERS)}, and not {peer!r}")
        packages = _PEERS[peer].packages
        if not any(each in sys.modules or importlib.util.find_spec(each) for each in packages):
            raise ImportError(f"{' or '.join(packages)} is not installed: nothing to mirror")
    return Mirror(peers or tuple(_PEERS), reporter, all_ranks)


# Without an edit: python -m reporter_integrations.mirror train.py


def main() -> None:
    """Run a script, or with -m a module, as Python would, with all peers mirrored."""
    arguments = sys.argv[1:]
    as_module = arguments[:1] == ["-m"]
    sys.argv = arguments[1:] if as_module else arguments
    if not sys.argv or (sys.argv[0].startswith("-") and not as_module):
        sys.exit(
            "usage: python -m reporter_integrations.mirror (script.py | -m module) [argument …]"
        )
    mirror()
    try:
        if as_module:
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            _run_script(sys.argv[0])
    except SystemExit as error:
        if error.code not in (None, 0):
            _tell_open_runs(error)
        raise


def _tell_open_runs(error: SystemExit) -> None:
    """They end with the interpreter, which does not show the code of a `sys.exit`."""
    for each in open_reporters:
        if each._foreseen is None:  # noqa: SLF001 - what a framework has told says more
            foresee(each, error)


def _run_script(path: str) -> None:
    try:
        with io.open_code(os.path.abspath(path)) as file:
            code = compile(file.read(), path, "exec")
    except OSError as error:
        sys.stderr.write(f"{sys.executable}: can't open file {path!r}: {error}\n")
        sys.exit(2)
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    # It stays the main module until the interpreter ends, for whoever pickles or spawns by then.
    program = ModuleType("__main__")
    vars(program).update(__file__=os.path.abspath(path), __builtins__=builtins)
    sys.modules["__main__"] = program
    exec(code, vars(program))  # noqa: S102 - the program that we were told to run


if __name__ == "__main__":
    # The one that others import, and not a second one beside it.
    importlib.import_module("reporter_integrations.mirror").main()
