"""Makes every suggestion of a journal again, and compares bit for bit. Loads no torch.

A suggestion depends on the events before its position, on the versions of what
computes, on the number of threads and on the processor, and on nothing else. So one
that this version made, with the same packages on the same processor, must come out
again; one that another version made need not, as a better generator proposes better
points, and it is told who made it.
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
from hpcopt.core.errors import GenerationError, UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.types import TParameterization
from hpcopt.generation.protocol import FallbackLevel, Generation
from hpcopt.generation.service.environment import differences
from hpcopt.generation.service.environment import environment as here
from hpcopt.generation.service.process_service import ProcessService
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.spec import GeneratorSpec

#: The methods of what no generator of hpcopt's has made.
_FOREIGN = ("manual", "own")

#: How long an answer is waited for before it is looked again.
_PATIENCE_S = 60.0

Ask = Callable[[GeneratorSpec, int, Snapshot, FallbackLevel], Generation]


@dataclass(frozen=True)
class Difference:
    """A trial that came out otherwise."""

    trial_index: int
    recorded: TParameterization
    regenerated: TParameterization | None
    """``None`` if nothing came out in its place."""


@dataclass
class Maker:
    """What made some of the suggestions, and what came of them."""

    environment: Mapping[str, str]
    """The version of hpcopt and, as far as the journal tells, those of the packages,
    and the processor. Not the threads: as many are used again."""
    differences: Mapping[str, str]
    """What of that is otherwise here: a sentence each, by its name."""
    identical: list[int] = field(default_factory=list)
    """The trials that came out again."""
    different: list[Difference] = field(default_factory=list)

    @property
    def is_here(self) -> bool:
        """Whether it is this version, with the packages and the processor here."""
        return not self.differences


@dataclass
class Replay:
    """What came of it."""

    makers: list[Maker] = field(default_factory=list)
    """All that made suggestions, in the order of the journal."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """How many trials nothing can be said about, by their method."""

    @property
    def n_identical(self) -> int:
        """How many trials came out again, whatever made them."""
        return sum(len(maker.identical) for maker in self.makers)

    @property
    def different(self) -> list[Difference]:
        """The trials that came out otherwise, whatever made them."""
        return [one for maker in self.makers for one in maker.different]

    @property
    def mismatches(self) -> list[Difference]:
        """Those of them that were made by what is here: they should have come out."""
        return [d for maker in self.makers if maker.is_here for d in maker.different]

    @property
    def differences(self) -> list[str]:
        """How what computes differs from what computed then."""
        sentences = (one for maker in self.makers for one in maker.differences.values())
        return list(dict.fromkeys(sentences))

    def maker(self, environment: Mapping[str, str]) -> Maker:
        """Return the one of that environment; add it if it is new."""
        known = {key: value for key, value in environment.items() if key != "threads"}
        for maker in self.makers:
            if maker.environment == known:
                return maker
        self.makers.append(Maker(known, differences(known, here(threads=1))))
        return self.makers[-1]


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
        GenerationError: The generator failed where this version's did not.
    """
    result = Replay()
    by_position = _by_position(events, result)
    experiment = Experiment.from_events(events[:1])
    for event in [*events[1:], None]:
        for group in by_position[experiment.n_events].values():
            _compare(group, experiment, ask, result)
            observe(result.n_identical + len(result.different))
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
    # Only journals older than all versions tell nothing but hpcopt's.
    begun = experiment.drivers[-1] if experiment.drivers else experiment.begun
    recorded = group[0].environment or experiment.environment
    maker = result.maker({"hpcopt": begun.version, **recorded})
    threads = recorded.get("threads", "")
    if threads.isdecimal():
        spec = replace(spec, threads=int(threads))
    snapshot = Snapshot.of(experiment).with_fixed(group[0].fixed_parameters)
    try:
        answer = ask(spec, n, snapshot, FallbackLevel(group[0].rung))
        suggestions = answer.suggestions
    except GenerationError:
        if maker.is_here:
            raise
        suggestions = ()
    for event in group:
        for k, trial in enumerate(event.trials, event.offset):
            again = suggestions[k].parameters if k < len(suggestions) else None
            if again is not None and _bits(again) == _bits(trial.parameters):
                maker.identical.append(trial.index)
            else:
                maker.different.append(Difference(trial.index, trial.parameters, again))


def _bits(parameterization: TParameterization) -> str:
    # JSON has all digits of a float, and tells 1 from 1.0 and from true.
    return json.dumps(dict(parameterization), sort_keys=True)


def _spec(settings: Mapping[str, Any]) -> GeneratorSpec:
    return GeneratorSpec.from_json(settings.get("generation", {}))


@contextmanager
def asked_of_processes(log: Path, folder: Path | None = None) -> Iterator[Ask]:
    """Yield an ``Ask`` that has the suggestions made as a driver has them made.

    It raises ``UsageError`` where a user's own function proposed, and no folder says
    where it is.

    Args:
        log: What the generators' processes say on stderr is appended to it.
        folder: Where a user's own modules are looked for first.
    """
    services: dict[str, ProcessService] = {}

    def ask(
        spec: GeneratorSpec, n: int, snapshot: Snapshot, level: FallbackLevel
    ) -> Generation:
        if folder is not None:
            spec = replace(spec, folder=str(folder))
        elif spec.own_names:
            names = " and ".join(spec.own_names.values())
            raise UsageError(
                f"{names} proposed trials, and the experiment's folder does not say "
                "where that is: name its config instead"
            )
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
