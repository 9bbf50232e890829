"""A fake Slurm's commands: a command line in, an answer and a changed world out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hpcopt.testing import faults
from hpcopt.testing.jobs import Job
from hpcopt.testing.sbatch import Refusal, prepare
from hpcopt.testing.tables import accounting_lines, queue_line
from hpcopt.testing.world import World

Environment = Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """What a command says."""

    code: int = 0
    out: str = ""
    err: str = ""
    hangs: bool = False
    """Whether it never comes back by itself."""
    accepted: tuple[Job, ...] = ()
    """The jobs that were submitted, or will be once the controller goes on."""


def execute(
    world: World, command: str, words: Sequence[str], environment: Environment
) -> Reply:
    """Run a command in a world, with whatever is to go wrong with it."""
    of_command = [fault for fault in world.faults if fault.command == command]
    if not of_command:
        return _obey(world, command, words, environment)
    # What goes wrong a few times goes wrong before what always does.
    fault = min(of_command, key=lambda fault: fault.times is None)
    if fault.times is not None:
        fault.times -= 1
        if fault.times <= 0:
            world.faults.remove(fault)
    if fault.garbles:
        reply = _obey(world, command, words, environment)
        return Reply(reply.code, fault.garbled(reply.out), reply.err)
    accepted: tuple[Job, ...] = ()
    if fault.is_heard:
        accepted = _obey(world, command, words, environment).accepted
    return Reply(fault.code, fault.out, fault.err, fault.hangs, accepted)


def _obey(
    world: World, command: str, words: Sequence[str], environment: Environment
) -> Reply:
    is_offline = command in ("sacct", "sacctmgr")
    if world.site.controller != "up" and not is_offline:
        return _no_controller(world, command, words)
    return _COMMANDS[command](world, words, environment)


def _no_controller(world: World, command: str, words: Sequence[str]) -> Reply:
    if words[:1] == ["ping"]:
        return Reply(1, out="Slurmctld(primary) at here is DOWN\n")
    is_frozen = world.site.controller == "frozen"
    text = faults.TIMED_OUT if is_frozen else faults.NO_CONTROLLER
    if command != "sbatch":
        return Reply(1, err=f"slurm_load_jobs error: {text}\n")
    accepted: list[Job] = []
    if is_frozen:
        try:
            accepted = prepare(world, words)[1]
        except Refusal as refusal:
            return Reply(refusal.code, err=f"{refusal.text}\n")
        world.backlog.append(accepted)
    err = f"sbatch: error: Batch job submission failed: {text}\n"
    return Reply(1, err=err, accepted=tuple(accepted))


def _sbatch(world: World, words: Sequence[str], _: Environment) -> Reply:
    try:
        options, jobs = prepare(world, words)
    except Refusal as refusal:
        return Reply(refusal.code, err=f"{refusal.text}\n")
    if "test-only" in options:
        where = f"on nodes n1 in partition {jobs[0].partition}"
        text = f"sbatch: Job {world.next_id} to start at 2027-01-15T08:00:00 using "
        return Reply(err=f"{text}{jobs[0].cpus} processors {where}\n")
    base = world.submit(jobs)
    out = f"{base}\n" if "parsable" in options else f"Submitted batch job {base}\n"
    return Reply(out=out, accepted=tuple(jobs))


def _squeue(world: World, words: Sequence[str], environment: Environment) -> Reply:
    options = _options(words, "o t j u p M n", "h r a")
    jobs = world.remembered()
    ids = [i for i in options.get("j", options.get("jobs", "")).split(",") if i]
    if ids:
        jobs = [job for job_id in ids for job in world.find(job_id)]
        if not jobs and len(ids) == 1:
            return Reply(1, err="slurm_load_jobs error: Invalid job id specified\n")
    states = options.get("t", options.get("states", "")).lower()
    if states in ("pd", "pending"):
        jobs = [job for job in jobs if job.is_waiting]
    elif states != "all":
        jobs = [job for job in jobs if not job.is_over]
    if "name" in options:
        jobs = [job for job in jobs if job.name in options["name"].split(",")]
    layout = options.get("o", options.get("format", "%i %P %j %u %t %N %r"))
    lines = [queue_line(layout, job, job.job_id, environment) for job in jobs]
    return Reply(out="".join(f"{line}\n" for line in lines))


def _sacct(world: World, words: Sequence[str], environment: Environment) -> Reply:
    if world.site.accounting == "off":
        return Reply(1, err=f"{faults.NO_ACCOUNTING}\n")
    if world.site.accounting == "down":
        return Reply(1, err=f"{faults.NO_DATABASE}\n")
    options = _options(words, "o j S E M s u", "X P n D a")
    ids = [i for i in options.get("j", options.get("jobs", "")).split(",") if i]
    if any(not i.replace("_", "").isdecimal() for i in ids):
        return Reply(1, err="sacct: fatal: Bad job/step specified\n")
    jobs = world.jobs
    if ids:
        jobs = [job for job in jobs if {job.job_id, str(job.base)} & set(ids)]
    else:
        # Only by its id does one find a job that was never eligible.
        jobs = [job for job in jobs if any(run.is_eligible for run in job.runs)]
    if "name" in options:
        jobs = [job for job in jobs if job.name in options["name"].split(",")]
    rows = accounting_lines(
        world,
        jobs,
        options.get("o", options.get("format", "JobID,State")).split(","),
        environment,
        has_steps="X" not in options,
        has_earlier_runs="D" in options,
    )
    separator = options.get("delimiter", "|")
    return Reply(out="".join(f"{separator.join(row)}\n" for row in rows))


def _scancel(world: World, words: Sequence[str], _: Environment) -> Reply:
    arguments: list[str] = []
    options = _options(words, "s M", "b f", arguments)
    signal = options.get("s", options.get("signal", "")).removeprefix("SIG")
    for job in [job for job_id in arguments for job in world.find(job_id)]:
        if job.is_over:
            continue
        if signal == "STOP":
            world.suspend(job, "STOPPED")
        elif signal == "CONT":
            world.resume(job)
        elif signal == "KILL":
            world.kill(job, 9)
        else:
            world.cancel(job)
    return Reply()


def _scontrol(world: World, words: Sequence[str], _: Environment) -> Reply:
    words = [word for word in words if not word.startswith("-")]
    verb, arguments = (words[0] if words else ""), words[1:]
    if verb == "ping":
        return Reply(out="Slurmctld(primary) at here is UP\n")
    if verb == "show" and arguments[:1] == ["config"]:
        return Reply(out=_config(world))
    if verb == "update":
        return _update(world, arguments)
    changes: dict[str, Callable[[Job], None]] = {
        "hold": world.hold,
        "release": world.release,
        "suspend": world.suspend,
        "resume": world.resume,
        "requeue": world.requeue,
        "requeuehold": lambda job: world.requeue(job, state="REQUEUE_HOLD"),
    }
    if "State=SpecialExit" in arguments:
        changes["requeuehold"] = lambda job: world.requeue(job, state="SPECIAL_EXIT")
    ids = [one for word in arguments for one in word.split(",") if "=" not in one]
    if verb not in changes or not ids:
        return Reply(1, err=f"invalid keyword: {verb}\n")
    for job_id in ids:
        found = world.find(job_id)
        if not found:
            return Reply(1, err=f"Invalid job id specified for job {job_id}\n")
        for job in found:
            changes[verb](job)
    return Reply()


def _update(world: World, arguments: Sequence[str]) -> Reply:
    settings = {k.lower(): v for k, _, v in (a.partition("=") for a in arguments)}
    if "nodename" in settings:
        if settings.get("state", "").lower() in ("resume", "idle"):
            world.resume_node(settings["nodename"])
        else:
            world.fail_node(settings["nodename"])
    for job in world.find(settings.get("jobid", "")):
        if "starttime" in settings:
            job.begin_at = world.now
            world.release(job)
        if "endtime" in settings and job.started_at is not None:
            job.limit_s = world.now - job.started_at
    world.advance(world.now)
    return Reply()


def _config(world: World) -> str:
    is_kept = world.site.accounting != "off"
    storage = "accounting_storage/" + ("slurmdbd" if is_kept else "none")
    return (
        f"AccountingStorageType   = {storage}\n"
        "ClusterName             = fake\n"
        f"MaxArraySize            = {world.site.max_array_size}\n"
        "MessageTimeout          = 10 sec\n"
        f"MinJobAge               = {world.site.min_job_age_s:.0f} sec\n"
        "SLURM_VERSION           = 22.05.8\n"
    )


def _sinfo(world: World, words: Sequence[str], _: Environment) -> Reply:
    return Reply(out="".join(f"{name}\n" for name in world.site.partitions))


def _sacctmgr(world: World, words: Sequence[str], _: Environment) -> Reply:
    if world.site.accounting != "up":
        return Reply(1, err=f"{faults.NO_DATABASE}\n")
    limit = world.site.max_submit_jobs
    cells = {
        "cluster": "fake",
        "account": "research",
        "user": "root",
        "qos": "normal",
        "maxsubmitjobs": "" if limit is None else str(limit),
    }
    layout = next((w.partition("=")[2] for w in words if w.startswith("format=")), "")
    names = [name.partition("%")[0].lower() for name in layout.split(",")]
    return Reply(out="|".join(cells.get(name, "") for name in names) + "\n")


_COMMANDS: dict[str, Callable[[World, Sequence[str], Environment], Reply]] = {
    "sbatch": _sbatch,
    "squeue": _squeue,
    "sacct": _sacct,
    "scancel": _scancel,
    "scontrol": _scontrol,
    "sinfo": _sinfo,
    "sacctmgr": _sacctmgr,
}
COMMANDS = tuple(_COMMANDS)


def _options(
    words: Sequence[str],
    with_value: str,
    flags: str,
    arguments: list[str] | None = None,
) -> dict[str, str]:
    """Return the options of a command line, and put the rest into ``arguments``."""
    options: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            options[name] = value
        elif word.startswith("-") and len(word) > 1:
            letter = word[1]
            if letter in with_value.split():
                options[letter] = word[2:] or (rest.pop(0) if rest else "")
            else:
                options |= dict.fromkeys(set(word[1:]) & set(flags), "")
        elif arguments is not None:
            arguments += word.split(",")
    return options
