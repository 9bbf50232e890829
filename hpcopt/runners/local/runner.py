"""Runs trials as processes on this machine, with what Slurm would do around them."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence

from typing_extensions import override

from hpcopt.core.errors import PollError, RunnerError
from hpcopt.core.trials.cost import REQUESTED
from hpcopt.core.trials.trial import DISK_FULL, Attempt, AttemptState, Cause, Phase
from hpcopt.core.types import JSONValue
from hpcopt.runners.local import session_processes
from hpcopt.runners.local.processes import LocalProcesses
from hpcopt.runners.local.session_processes import Machine
from hpcopt.runners.local.verdict import ended_state
from hpcopt.runners.protocol import (
    AttemptRequest,
    Submission,
    SubmissionMetadata,
    submission_name,
)
from hpcopt.runners.script.attempt_folder import (
    NEVER_RUN,
    AttemptFolder,
    Started,
    Stopped,
)
from hpcopt.runners.script.exit_status import CANNOT_WRITE
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.rendered_job import RenderedJob, digest
from hpcopt.runners.script.time_limit import parse_slurm_time
from hpcopt.runners.single_trials import SingleTrials

#: Seconds from TERM to KILL; what Slurm waits by default (``KillWait``).
_KILL_GRACE_S = 30.0

_Key = tuple[int, int]


class LocalRunner(SingleTrials):
    """Runs each attempt as a session of processes on this machine.

    The attempts' folders are the only state that matters: another ``LocalRunner`` on
    the same folder, in a later process, goes on where this one was left. Attempts that
    exceed ``max_processes`` wait, and are started by later calls of ``submit`` and
    ``poll``.
    """

    def __init__(
        self,
        scripts: JobScripts,
        *,
        max_processes: int | None = None,
        time_limit_s: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Run what ``scripts`` renders.

        Args:
            scripts: Renders and writes the trials' scripts.
            max_processes: How many attempts may run at once; ``None`` is no limit.
            time_limit_s: When an attempt is ended; else the option ``time`` of sbatch.
            clock: Returns the seconds since the epoch.

        Raises:
            RunnerError: This machine is no Linux with bash.
        """
        self._scripts = scripts
        self._time_limit_s = time_limit_s
        self._clock = clock
        self._processes = LocalProcesses(scripts.experiment_folder, max_processes)
        self._planned: dict[str, RenderedJob] = {}
        """What was rendered for submissions that are not submitted yet."""

    @override
    def plan(self, requests: Sequence[AttemptRequest]) -> list[Submission]:
        submissions = []
        for request in requests:
            name = submission_name(self._scripts.experiment_name, [request])
            rendered = self._scripts.render(request, name)
            self._limit_s(rendered)
            self._planned[name] = rendered
            submissions.append(
                Submission(name, requests=(request,), digest=digest([rendered]))
            )
        return submissions

    @override
    def submit(self, submission: Submission) -> SubmissionMetadata:
        (request,) = submission.requests
        rendered = self._rendered(submission)
        folder = self._scripts.write(request, rendered)
        self._processes.add(request.key, folder)
        self._processes.start()
        return self._metadata(request, rendered)

    def _rendered(self, submission: Submission) -> RenderedJob:
        (request,) = submission.requests
        planned = self._planned.pop(submission.name, None)
        return planned or self._scripts.render(request, submission.name)

    @override
    def find(self, submission: Submission) -> SubmissionMetadata | None:
        """Return the metadata if an attempt of the submission has started.

        One that has not may have been launched by a driver that died: it comes too
        late then, finds the ``started`` of the next one, and leaves.
        """
        (request,) = submission.requests
        folder = self._scripts.folder(request)
        try:
            has_started = folder.read_started() is not None
            has_started |= _orphan(folder) is not None
        except OSError as exc:
            raise PollError(f"cannot look into {folder.path}: {exc}") from exc
        if has_started or self._processes.has(request.key):
            return self._metadata(request, self._rendered(submission))
        return None

    @override
    def poll(self, attempts: Sequence[Attempt]) -> Mapping[_Key, AttemptState]:
        self._processes.reap()
        states = {attempt.key: self._known_state(attempt) for attempt in attempts}
        self._processes.start()
        return states

    @override
    def poll_files(self, attempts: Sequence[Attempt]) -> Mapping[_Key, AttemptState]:
        return self.poll(attempts)

    @override
    def stop(self, attempts: Sequence[Attempt]) -> None:
        problems = []
        for attempt in attempts:
            try:
                problem = self._stop(attempt)
            except OSError as exc:
                problem = f"trial {attempt.trial_index}: {exc}"
            if problem:
                problems.append(problem)
        if problems:
            raise RunnerError("; ".join(problems))

    @override
    def next_attempt(self, trial_index: int) -> int:
        return self._scripts.next_attempt(trial_index)

    def _metadata(
        self, request: AttemptRequest, rendered: RenderedJob
    ) -> SubmissionMetadata:
        return [
            {
                "folder": str(self._scripts.folder(request).path),
                "attempt": request.number,
                "time_limit_s": self._limit_s(rendered),
                REQUESTED: rendered.requested,
            }
        ]

    @override
    def gives_more(self, before: AttemptRequest, after: AttemptRequest) -> bool:
        return self._scripts.gives_more(before, after)

    def _limit_s(self, rendered: RenderedJob) -> float | None:
        if self._time_limit_s is not None:
            return self._time_limit_s
        limit = rendered.options.get("time")
        return None if limit is None else parse_slurm_time(limit)

    def _known_state(self, attempt: Attempt) -> AttemptState:
        try:
            return self._state(attempt)
        except OSError as exc:
            # A file system that fails just now says nothing about the trial.
            return AttemptState(Phase.UNKNOWN, reason=f"cannot look: {exc}")

    def _state(self, attempt: Attempt) -> AttemptState:
        folder = self._folder(attempt)
        started = folder.read_started()
        if started is None and not folder.job.exists():
            return self._deleted_state(attempt.key, folder)
        if started is None:
            return self._unstarted_state(attempt.key, folder)
        self._processes.remove(attempt.key)
        # Looked at before `ended`: a wrapper that is dead now can write it no more.
        machine = session_processes.machine_of(started)
        is_alive = machine is Machine.HERE and session_processes.is_alive(started)
        code = folder.read_ended()
        if code is None and started.job_id != NEVER_RUN:
            if is_alive:
                return self._running_state(attempt, folder, started)
            if machine is Machine.ELSEWHERE:
                return AttemptState(
                    Phase.UNKNOWN,
                    reason=f"it runs on {started.host}, where alone it can be watched",
                )
        if machine is Machine.HERE:
            # As Slurm does, so that nothing of an ended trial computes or writes on.
            session_processes.send_signal(started, signal.SIGKILL)
        return ended_state(folder, started, code)

    def _unstarted_state(self, key: _Key, folder: AttemptFolder) -> AttemptState:
        code = self._processes.exit_code(key)
        if code is not None:
            return AttemptState(
                Phase.ENDED,
                Cause.INFRASTRUCTURE,
                f"job.sh ended with exit code {code} before it could run the trial's "
                f"script; see {folder.log}",
                {DISK_FULL: True} if code == CANNOT_WRITE else {},
            )
        self._processes.add(key, folder)
        return AttemptState(Phase.WAITING, reason="it waits to be started")

    def _deleted_state(self, key: _Key, folder: AttemptFolder) -> AttemptState:
        """Return the state of an attempt whose files were deleted.

        Nothing can come of it any more, but while it runs it must not run again.
        """
        self._processes.remove(key)
        orphan = session_processes.find_wrapper(folder)
        why = f"{folder.path} was deleted"
        if orphan is not None:
            facts: dict[str, JSONValue] = {"host": orphan.host, "pid": orphan.pid}
            return AttemptState(Phase.RUNNING, reason=why, facts=facts)
        return AttemptState(Phase.ENDED, Cause.INFRASTRUCTURE, why)

    def _running_state(
        self, attempt: Attempt, folder: AttemptFolder, started: Started
    ) -> AttemptState:
        limit_s = (attempt.metadata or {}).get("time_limit_s")
        stopped = folder.read_stopped()
        if stopped is not None:
            if self._clock() - stopped.time > _KILL_GRACE_S:
                session_processes.send_signal(started, signal.SIGKILL)
        elif (
            isinstance(limit_s, (int, float))
            and self._clock() - folder.started.stat().st_mtime > limit_s
        ):
            self._end(folder, started, Cause.TIME)
        facts: dict[str, JSONValue] = {"host": started.host, "pid": started.pid}
        return AttemptState(Phase.RUNNING, facts=facts)

    def _folder(self, attempt: Attempt) -> AttemptFolder:
        request = AttemptRequest(attempt.trial_index, attempt.number, {})
        return self._scripts.folder(request)

    def _stop(self, attempt: Attempt) -> str | None:
        """Stop an attempt; return what is in the way, if anything is."""
        folder = self._folder(attempt)
        self._processes.remove(attempt.key)
        if (orphan := _orphan(folder)) is not None:
            # Nobody could tell later when it was asked to end.
            session_processes.send_signal(orphan, signal.SIGKILL)
        if not folder.job.exists():
            return None
        if folder.forbid_start() or folder.read_ended() is not None:
            return None
        started = folder.read_started()
        if started is None:
            return f"trial {attempt.trial_index} is just starting; try again"
        if session_processes.machine_of(started) is Machine.ELSEWHERE:
            return f"trial {attempt.trial_index} runs on {started.host}, not here"
        if folder.read_stopped() is None:
            self._end(folder, started, Cause.USER)
        return None

    def _end(self, folder: AttemptFolder, started: Started, cause: Cause) -> None:
        """Ask all processes of an attempt to end, and note why."""
        folder.write_stopped(Stopped(cause, self._clock()))
        session_processes.send_signal(started, signal.SIGTERM)


def _orphan(folder: AttemptFolder) -> Started | None:
    """Return the process of an attempt whose files were deleted, while it runs."""
    return None if folder.job.exists() else session_processes.find_wrapper(folder)
