"""What goes wrong with a fake Slurm's commands, and in which words."""

from __future__ import annotations

from dataclasses import dataclass

TIMED_OUT = "Socket timed out on send/recv operation"
NO_CONTROLLER = "Unable to contact slurm controller (connect failure)"
NO_DATABASE = (
    "sacct: error: slurm_persist_conn_open_without_init: failed to open persistent "
    "connection to host:localhost:6819: Connection refused\n"
    "sacct: error: Problem talking to the database: Connection refused"
)
NO_ACCOUNTING = "Slurm accounting storage is disabled"
RATE_LIMIT = "Rate limit exceeded, please retry momentarily"
SUBMIT_LIMIT = (
    "sbatch: error: AssocMaxSubmitJobLimit\n"
    "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy "
    "(job submit limit, user's size and/or time limits)"
)


@dataclass
class Fault:
    """One thing that goes wrong with one command."""

    command: str
    times: int | None = 1
    """How often; ``None`` for always."""
    code: int = 1
    """What the command exits with, where it does not do its work."""
    out: str = ""
    err: str = ""
    is_heard: bool = False
    """Whether the command does its work, and only its answer is lost."""
    hangs: bool = False
    """Whether the command, after that, never comes back by itself."""
    garbles: str = ""
    """What is done to a true answer: ``cut`` leaves two thirds of it, the last line
    torn; ``repeat`` gives each line twice; ``noise`` puts lines of a site's own before
    and between; ``empty`` leaves nothing of it."""

    def garbled(self, out: str) -> str:
        """Return the answer as it arrives."""
        lines = out.splitlines(keepends=True)
        match self.garbles:
            case "cut":
                return out[: 2 * len(out) // 3]
            case "repeat":
                return "".join(line for line in lines for _ in (1, 2))
            case "noise":
                noise = "*** maintenance on Monday ***\n"
                return noise + noise.join(lines)
            case "empty":
                return ""
        return out
