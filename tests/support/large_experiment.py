"""A made-up experiment of any size, as its drivers would have left it on disk.

Nothing is run: the events are made up, deterministically from a seed, and written
through the real codec, so that whatever reads an experiment can read this one.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpcopt import __version__
from hpcopt.config.file import load_config
from hpcopt.config.specs import run_spec
from hpcopt.core import events as ev
from hpcopt.core.trials.adjustment import Adjustment
from hpcopt.core.trials.trial import Cause, Phase
from hpcopt.core.types import JSONValue
from hpcopt.experiment.folder import CONFIG, JOURNAL, LEASE
from hpcopt.storage.journal_file import JournalFile
from hpcopt.storage.lease import Lease
from tests.support.made_up_trials import METRICS, MadeUpTrials

#: When the experiment begins, in seconds since the epoch.
T0 = 1_700_000_000.0

_TOKEN = "k3f9"

#: What ends an attempt in vain: the cause, its share of these, and the sentence.
_FAILURES: tuple[tuple[Cause, float, str], ...] = (
    (Cause.TRIAL, 0.4, "the trial's script ended with exit code 1"),
    (Cause.MEMORY, 0.15, "the job ran out of memory"),
    (Cause.TIME, 0.15, "the job reached its time limit"),
    (Cause.INFRASTRUCTURE, 0.2, "a node of the job failed"),
    (Cause.RESULT, 0.1, "result.h5: expected the dataset '/cost', found none"),
)

_LOG = """\
reading parameters.json
step 100: residual 3.1e-02
step 200: residual 7.7e-04
{end}
"""


@dataclass(frozen=True)
class Shape:
    """What the experiment is like; shares are of all trials, from 0 to 1."""

    n_trials: int
    n_objectives: int = 1
    """1 or 2."""
    is_constrained: bool = False
    """Whether there is an outcome constraint, which half of the trials satisfy."""
    has_tracking: bool = True
    """Whether two more metrics are read: ``drift``, which a fifth of the trials
    lacks (it was NaN), and ``energy``, which the first half lacks."""
    failed: float = 0.08
    early_stopped: float = 0.1
    """Trials stopped after some of their steps; as many others ran through theirs."""
    retried: float = 0.1
    """Trials that needed more than one attempt."""
    with_logs: int = 20
    """How many trials, the last ones and those that failed first, have log files."""
    n_slots: int = 50
    """How many trials are live at once."""
    n_live: int = 0
    """How many of the last trials still run or wait; the driver has then not ended."""
    n_extra_parameters: int = 0
    """Parameters, all of ranges, beyond the five that there always are."""
    seed: int = 0


def write_experiment(folder: Path, shape: Shape) -> Path:
    """Write an experiment's folder: journal, config and some logs.

    Args:
        folder: Where; it is made.
        shape: What the experiment is like.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True)
    (folder / CONFIG).write_text(config_text(folder, shape), encoding="utf-8")
    made = list(events(folder, shape))
    with Lease.acquire(folder / LEASE, heartbeat_s=None) as lease:
        store = JournalFile.open_or_create(folder / JOURNAL, lease)
        store.append(made)
        store.close()
    _write_logs(folder, shape, made)
    return folder


def config_text(folder: Path, shape: Shape) -> str:
    """Return the experiment's config, in which ``folder`` is its folder."""
    objective = "-cost, -weight" if shape.n_objectives == 2 else "-cost"
    constraints = '["temperature <= 350"]' if shape.is_constrained else "[]"
    names = [name for name in METRICS if _is_read(name, shape)]
    metrics = "\n".join(
        f"  - {{name: {name}, file: result.h5, dataset: /{name}}}" for name in names
    )
    extra = "\n".join(
        f"  - {{name: y{k}, type: range, bounds: [0, 1]}}"
        for k in range(shape.n_extra_parameters)
    )
    return f"""\
name: made-up
folder: {folder}
parameters:
  - {{name: x1, type: range, bounds: [0, 1]}}
  - {{name: x2, type: range, bounds: [-5, 5]}}
  - {{name: rate, type: range, bounds: [1.0e-5, 0.1], scaling: log}}
  - {{name: n_cells, type: range, bounds: [8, 64], parameter_type: int}}
  - {{name: solver, type: choice, values: [cg, gmres, direct]}}
{extra}
objective: "{objective}"
outcome_constraints: {constraints}
metrics:
{metrics}
job:
  runner: slurm
  command: [simulate, "parameters.json"]
  slurm: {{time: "04:00:00", cpus_per_task: 4, mem: 8G}}
  on: {{infrastructure: {{retry: 2}}, memory: {{retry: 2, factor: 2}}}}
run: {{max_trials: {shape.n_trials}, parallelism: {shape.n_slots}}}
"""


def events(folder: Path, shape: Shape) -> Iterator[ev.Event]:
    """Yield the experiment's events, in the order of their times."""
    spec = run_spec(load_config(folder / CONFIG), "slurm")
    definition, settings = spec.experiment.definition(), spec.settings()
    yield ev.ExperimentBegun(T0, __version__, definition, settings)
    yield ev.DriverBegun(T0, "login1", 4711, __version__)
    history = _History(folder, shape)
    yield from history.events()
    if not shape.n_live:
        reason = f"all {shape.n_trials} trials have ended"
        calls = {"sbatch": shape.n_trials, "squeue": 6 * shape.n_trials}
        yield ev.DriverEnded(history.end + 1.0, reason, calls)


class _History:
    """What happens to the trials, one after the other."""

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.end = T0
        """The latest time of which something was told."""
        self._folder = folder
        self._shape = shape
        self._random = np.random.default_rng([shape.seed, 1])
        self._trials = MadeUpTrials(
            shape.n_trials, shape.n_extra_parameters, shape.seed
        )
        self._told: list[tuple[float, int, ev.Event]] = []
        self._numbers = itertools.count()

    def events(self) -> list[ev.Event]:
        """Return the events about trials."""
        slots = [T0 + 2.0 + 0.1 * k for k in range(self._shape.n_slots)]
        for index in range(self._shape.n_trials):
            begin = heapq.heappop(slots)
            heapq.heappush(slots, self._live(index, begin) + 1.0)
        return [event for _, _, event in sorted(self._told)]

    def _tell(self, event: ev.Event) -> None:
        self.end = max(self.end, event.time)
        self._told.append((event.time, next(self._numbers), event))

    def _live(self, index: int, time: float) -> float:
        """Tell the whole life of a trial that is generated at ``time``.

        Returns:
            When it has ended.
        """
        shape, random = self._shape, self._random
        trial = self._trials[index]
        generated = ev.GeneratedTrial(index, trial.parameters, trial.method)
        details: dict[str, JSONValue] = {"used": [{"offset": 0, **trial.origin}]}
        self._tell(ev.TrialsGenerated(time, (generated,), 2, 0.05, details, 1))
        fate = random.random()
        is_live = index >= shape.n_trials - shape.n_live
        fails = not is_live and fate < shape.failed
        stops = not is_live and not fails and fate < shape.failed + shape.early_stopped
        n_retries = 0
        if random.random() < shape.retried and not is_live:
            n_retries = 1 + int(random.random() < 0.2)
        cause, reason, node = Cause.INFRASTRUCTURE, "", ""
        for number in range(n_retries):
            cause, reason = self._failure(Cause.INFRASTRUCTURE, Cause.MEMORY)
            time, node = self._run(index, number, time, cause, reason, node)
        if is_live:
            return self._run_on(index, time)
        if fails:
            cause, reason = self._failure()
            end, why = cause, reason
            if cause is Cause.RESULT:  # the program itself has succeeded
                end, why = Cause.SUCCESS, "exit code 0"
            time, node = self._run(index, n_retries, time, end, why, node)
            self._tell(ev.TrialFailed(time + 0.2, index, cause, reason))
        elif stops:
            time, node = self._run(
                index, n_retries, time, Cause.USER, "it was stopped early", node, 3
            )
            reason = "after 3 of 12 steps its cost was among the worst half"
            self._tell(ev.TrialEarlyStopped(time + 0.2, index, reason))
        else:
            has_steps = fate < shape.failed + 2 * shape.early_stopped
            n_steps = 12 if has_steps else 0
            time, node = self._run(
                index, n_retries, time, Cause.SUCCESS, "exit code 0", node, n_steps
            )
            self._tell(ev.TrialCompleted(time + 0.2, index, self._outcome(index)))
        return time + 0.2

    def _failure(self, *among: Cause) -> tuple[Cause, str]:
        """Return a random cause, of all or of some, and its sentence."""
        known = [f for f in _FAILURES if not among or f[0] in among]
        weights = np.array([weight for _, weight, _ in known])
        k = int(self._random.choice(len(known), p=weights / weights.sum()))
        return known[k][0], known[k][2]

    def _submit(self, index: int, number: int, time: float, avoid: str = "") -> str:
        """Tell that an attempt was submitted; return the id of its job."""
        name = f"hpcopt.made-up.{_TOKEN}.{index}.{number}"
        adjustment = Adjustment(avoid=(avoid,) if avoid else ()).to_json()
        staged = ev.StagedAttempt(index, number, name, adjustment=adjustment)
        self._tell(ev.AttemptsStaged(time + 0.1, (staged,)))
        job_id = str(100_000 + 10 * index + number)
        metadata: dict[str, JSONValue] = {
            "folder": str(_attempt_path(self._folder, index, number)),
            "attempt": number,
            "job_id": job_id,
            "name": name,
            "cluster": "",
            "requested": {"nodes": 1, "cpus": 4},
        }
        submitted = ev.SubmittedAttempt(index, number, metadata)
        self._tell(ev.AttemptsSubmitted(time + 0.4, (submitted,)))
        return job_id

    def _run(
        self,
        index: int,
        number: int,
        time: float,
        cause: Cause,
        reason: str,
        avoid: str,
        n_steps: int = 0,
    ) -> tuple[float, str]:
        """Tell an attempt from its submission to its end.

        Returns:
            When it has ended, and the node if that is to blame.
        """
        job_id = self._submit(index, number, time, avoid)
        began = time + 0.4 + float(self._random.exponential(300.0))
        elapsed = round(float(self._random.lognormal(np.log(2400.0), 0.4)), 1)
        if cause is not Cause.SUCCESS:
            elapsed = round(elapsed * float(self._random.uniform(0.02, 0.8)), 1)
        node = f"n{int(self._random.integers(1, 17)):02d}"
        if cause is Cause.INFRASTRUCTURE:
            node = f"n{int(self._random.choice([3, 3, 3, 7, 11])):02d}"
        facts: dict[str, JSONValue] = {"job_id": job_id, "node": node}
        running = ev.AttemptObserved(
            began, index, number, Phase.RUNNING, "RUNNING", dict(facts)
        )
        self._tell(running)
        for step in range(1, n_steps + 1):
            outcome = self._trials[index].progression(step)
            when = began + elapsed * step / (n_steps + 1)
            self._tell(ev.DataAttached(when, index, outcome))
        end = began + elapsed
        facts["elapsed_s"] = elapsed
        if cause is Cause.SUCCESS:
            facts["exit_code"] = 0
        elif cause is Cause.TRIAL:
            facts["exit_code"] = 1
        elif cause is Cause.INFRASTRUCTURE:
            facts["bad_node"] = node
        if cause in (Cause.SUCCESS, Cause.TRIAL):
            facts["started_at"] = round(began, 3)
        else:  # Slurm was asked
            facts["accounting"] = {
                "cpus": 4,
                "nodes": 1,
                "submitted_at": int(time + 0.4),
                "eligible_at": int(time + 0.4),
                "started_at": int(began),
                "ended_at": int(began + elapsed),
                "elapsed_s": int(elapsed),
                "max_rss_bytes": 2**30 + 2**26 * (index % 97),
            }
        self._tell(ev.AttemptEnded(end, index, number, cause, reason, facts))
        return end, node if cause is Cause.INFRASTRUCTURE else ""

    def _run_on(self, index: int, time: float) -> float:
        """Tell an attempt that has not ended: every third one waits."""
        job_id = self._submit(index, 0, time)
        facts: dict[str, JSONValue] = {"job_id": job_id, "node": f"n{index % 16:02d}"}
        phase, reason = Phase.RUNNING, "RUNNING"
        if index % 3 == 0:
            phase, reason = Phase.WAITING, "Resources"
            facts = {"job_id": job_id, "node": "", "pending_reason": reason}
        self._tell(ev.AttemptObserved(time + 60.0, index, 0, phase, reason, facts))
        return time + 1e9

    def _outcome(self, index: int) -> Mapping[str, ev.ObservedMetric]:
        found = self._trials[index].outcome
        return {name: o for name, o in found.items() if _is_read(name, self._shape)}


def _is_read(name: str, shape: Shape) -> bool:
    if name == "weight":
        return shape.n_objectives == 2
    if name == "temperature":
        return shape.is_constrained
    return shape.has_tracking if name in ("drift", "energy") else True


def _attempt_path(folder: Path, index: int, number: int) -> Path:
    return folder / "trials" / f"{index:04d}" / f"attempt-{number}"


def _write_logs(folder: Path, shape: Shape, made: list[ev.Event]) -> None:
    """Write the logs of some trials' last attempts."""
    ended = [event for event in made if isinstance(event, ev.AttemptEnded)]
    failed = [e for e in ended if e.cause is not Cause.SUCCESS]
    n_half = shape.with_logs // 2
    for event in [*failed[:n_half], *ended[len(ended) - n_half :]]:
        path = _attempt_path(folder, event.trial_index, event.number)
        path.mkdir(parents=True, exist_ok=True)
        text = _LOG.format(end=event.reason)
        (path / "log.txt").write_text(text, encoding="utf-8")
