"""Makes every suggestion of a journal again, and compares bit for bit. Loads no torch.

A suggestion depends on the events before its position, on the versions of what
computes, on the number of threads and on the processor, and on nothing else.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hpcopt.core import events as ev
from hpcopt.core.experiment import Experiment
from hpcopt.core.types import TParameterization
from hpcopt.generation.methods import GeneratorSpec
from hpcopt.generation.protocol import FallbackLevel, Generation
from hpcopt.generation.service.environment import differences, environment
from hpcopt.generation.service.process_service import ProcessService
from hpcopt.generation.snapshot import Snapshot

#: The methods of what no generator of hpcopt's has made.
_FOREIGN = ("manual", "own")

#: How long an answer is waited for before it is looked again.
_PATIENCE_S = 60.0

Ask = Callable[[GeneratorSpec, int, Snapshot, FallbackLevel], Generation]


@dataclass(frozen=True)
class Mismatch:
    """A trial that came out otherwise."""

    trial_index: int
    recorded: TParameterization
    regenerated: TParameterization | None
    """``None`` if nothing came out in its place."""


@dataclass
class Replay:
    """What came of it."""

    n_identical: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    """How many trials nothing can be said about, by their method."""
    differences: list[str] = field(default_factory=list)
    """How what computes differs from what computed then."""


def replay(
    events: Sequence[ev.Event],
    ask: Ask,
    observe: Callable[[int], None] = lambda n: None,
) -> Replay:
    """Make every suggestion again.

    Args:
        events: The journal.
        ask: Generates: what ``asked_of_processes`` gives.
        observe: Called after each answer with the number of trials compared.

    Raises:
        StorageError: The events are no journal.
        GenerationError: The generator failed.
    """
    result = Replay(differences=_differences(events))
    by_position = _by_position(events, result)
    experiment = Experiment.from_events(events[:1])
    for event in [*events[1:], None]:
        for group in by_position[experiment.n_events].values():
            _compare(group, experiment, ask, result)
            observe(result.n_identical + len(result.mismatches))
        if event is not None:
            experiment.apply(event)
    return result


#: By position, then by level, number and what was fixed: what came of one answer.
_Groups = defaultdict[int, defaultdict[tuple[str, int, str], list[ev.TrialsGenerated]]]


def _by_position(events: Sequence[ev.Event], result: Replay) -> _Groups:
    """Return the generations that can be made again: by position, then by answer."""
    positions: _Groups = defaultdict(lambda: defaultdict(list))
    settings: Mapping[str, Any] = {}
    for event in events:
        match event:
            case ev.ExperimentBegun() | ev.SettingsChanged():
                settings = event.settings
            case ev.TrialAttached():
                result.passed_over["manual"] += 1
            case ev.TrialsGenerated():
                methods = {trial.method for trial in event.trials}
                if methods & set(_FOREIGN) or _spec(settings).generator is not None:
                    result.passed_over.update(trial.method for trial in event.trials)
                    continue
                n = event.n_requested or len(event.trials)
                answer = event.rung, n, _bits(event.fixed_parameters)
                positions[event.position][answer].append(event)
    return positions


def _compare(
    group: Sequence[ev.TrialsGenerated],
    experiment: Experiment,
    ask: Ask,
    result: Replay,
) -> None:
    """Make one answer again, and compare the trials that were made of it."""
    n = group[0].n_requested or len(group[0].trials)
    spec = _spec(experiment.settings)
    threads = (group[0].environment or experiment.environment).get("threads", "")
    if threads.isdecimal():
        spec = replace(spec, threads=int(threads))
    snapshot = Snapshot.of(experiment).with_fixed(group[0].fixed_parameters)
    answer = ask(spec, n, snapshot, FallbackLevel(group[0].rung))
    for event in group:
        for k, trial in enumerate(event.trials, event.offset):
            again = (
                answer.suggestions[k].parameters
                if k < len(answer.suggestions)
                else None
            )
            if again is not None and _bits(again) == _bits(trial.parameters):
                result.n_identical += 1
            else:
                result.mismatches.append(Mismatch(trial.index, trial.parameters, again))


def _bits(parameterization: TParameterization) -> str:
    # JSON has all digits of a float, and tells 1 from 1.0 and from true.
    return json.dumps(dict(parameterization), sort_keys=True)


def _spec(settings: Mapping[str, Any]) -> GeneratorSpec:
    return GeneratorSpec.from_json(settings.get("generation", {}))


def _differences(events: Sequence[ev.Event]) -> list[str]:
    """Return how the environments that are recorded differ from this one."""
    sentences: dict[str, None] = {}
    for event in events:
        if isinstance(event, ev.TrialsGenerated) and event.environment:
            # The threads are those that are recorded: the processes get as many.
            threads = event.environment.get("threads", "")
            here = {**environment(1), "threads": threads}
            sentences.update(dict.fromkeys(differences(event.environment, here)))
    return list(sentences)


@contextmanager
def asked_of_processes(log: Path) -> Iterator[Ask]:
    """Yield an ``Ask`` that has the suggestions made as a driver has them made.

    Args:
        log: What the generators' processes say on stderr is appended to it.
    """
    services: dict[str, ProcessService] = {}

    def ask(
        spec: GeneratorSpec, n: int, snapshot: Snapshot, level: FallbackLevel
    ) -> Generation:
        key = json.dumps(spec.to_json(), sort_keys=True)
        if key not in services:
            services[key] = ProcessService(log, spec)
        services[key].request(n, snapshot, level)
        while True:
            answer = services[key].collect(_PATIENCE_S)
            if answer is not None:
                return answer

    try:
        yield ask
    finally:
        for service in services.values():
            service.close()
