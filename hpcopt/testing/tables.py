"""How a fake Slurm prints its jobs: the columns of squeue and sacct."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence

from hpcopt.testing.jobs import TERMINAL, Job, Run
from hpcopt.testing.world import World

#: What each step of a fake job had resident at most.
_MAX_RSS = "20480K"


def queue_line(
    layout: str, job: Job, job_id: str, environment: Mapping[str, str]
) -> str:
    """Return one line of squeue."""
    columns = {
        "i": job_id,
        "A": str(job.base),
        "F": str(job.base),
        "K": "N/A" if job.task is None else str(job.task),
        "T": job.word,
        "t": job.word[:2],
        "V": moment(job.submitted_at, environment),
        "S": moment(job.started_at, environment),
        "e": moment(job.ends_at or job.ended_at, environment),
        "N": job.node,
        "r": job.reason,
        "j": job.name,
        "Z": job.folder,
        "k": job.options.get("comment", "(null)"),
        "P": job.partition,
        "u": "root",
        "U": str(job.uid),
    }
    return re.sub(r"%[.\d]*([A-Za-z])", lambda m: columns.get(m[1], ""), layout)


def accounting_lines(
    world: World,
    jobs: Iterable[Job],
    fields: Sequence[str],
    environment: Mapping[str, str],
    *,
    has_steps: bool,
    has_earlier_runs: bool,
) -> list[list[str]]:
    """Return the rows of sacct, as it has heard of jobs by now."""
    at = world.now - world.site.accounting_lag_s
    rows: list[list[str]] = []
    pending: dict[int, list[Job]] = {}
    for job in jobs:
        heard = [run for run in job.runs if run.word(at)]
        if heard and heard[-1].word(at) == "PENDING" and job.task is not None:
            pending.setdefault(job.base, []).append(job)
            continue
        for run in heard if has_earlier_runs else heard[-1:]:
            cells = _cells(job, run, at, environment)
            rows.append([cells.get(f.lower(), "") for f in fields])
            if has_steps and run is heard[-1] and run.started_at is not None:
                for step, word in {"batch": cells["state"], **job.steps}.items():
                    step_cells = _step(cells, step, word)
                    rows.append([step_cells.get(f.lower(), "") for f in fields])
    for tasks in pending.values():
        # Tasks that wait are one row, with a list of their numbers.
        cells = _cells(tasks[0], tasks[0].runs[-1], at, environment)
        numbers = ",".join(str(job.task) for job in tasks)
        cells["jobid"] = f"{tasks[0].base}_[{numbers}]"
        rows.append([cells.get(f.lower(), "") for f in fields])
    return rows


def _cells(
    job: Job, run: Run, at: float, environment: Mapping[str, str]
) -> dict[str, str]:
    word = run.word(at)
    is_over = word.split()[0] in TERMINAL | {"REQUEUED"}
    until = run.ended_at if is_over and run.ended_at is not None else at
    elapsed = 0.0 if run.started_at is None else max(0.0, until - run.started_at)
    return {
        "jobid": job.job_id,
        "jobname": job.name,
        "state": word,
        "exitcode": f"{run.exit_code}:{run.signal}" if is_over else "0:0",
        "derivedexitcode": "0:0",
        "submit": moment(run.submitted_at, environment),
        "start": moment(run.started_at, environment),
        "end": moment(run.ended_at if is_over else None, environment),
        "elapsedraw": str(int(elapsed)),
        "nodelist": run.node or "None assigned",
        "workdir": job.folder,
        "eligible": moment(run.submitted_at, environment),
        "alloccpus": "0" if run.started_at is None else str(job.cpus),
        "nnodes": "1",
        "alloctres": "" if run.started_at is None else _allocated(job),
        "maxrss": "",
        "partition": job.partition,
        "reason": "None",
        "uid": str(job.uid),
    }


def _step(cells: Mapping[str, str], step: str, word: str) -> dict[str, str]:
    # A job over its time limit is TIMEOUT, and its batch step CANCELLED by signal 15.
    word, code = ("CANCELLED", "0:15") if word == "TIMEOUT" else (word, "")
    code = "0:125" if word == "OUT_OF_MEMORY" else code or cells["exitcode"]
    job_id = f"{cells['jobid']}.{step}"
    told = {"jobid": job_id, "jobname": step, "state": word, "exitcode": code}
    return {**cells, **told, "maxrss": _MAX_RSS}


def _allocated(job: Job) -> str:
    return f"billing={job.cpus},cpu={job.cpus},mem=100M,node=1"


def moment(at: float | None, environment: Mapping[str, str]) -> str:
    """Return a time as Slurm prints it."""
    if at is None:
        return "Unknown"
    layout = environment.get("SLURM_TIME_FORMAT", "standard")
    layout = "%Y-%m-%dT%H:%M:%S" if layout == "standard" else layout
    return str(int(at)) if layout == "%s" else time.strftime(layout, time.gmtime(at))
