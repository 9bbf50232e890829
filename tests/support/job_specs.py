"""Jobs as a config describes them."""

from __future__ import annotations

from pathlib import Path

from hpcopt.runners.script.job_spec import JobSpec


def job_spec(template: Path, config_folder: Path, **changes: object) -> JobSpec:
    """Return the job of an experiment whose config is in ``config_folder``."""
    fields: dict[str, object] = {
        "template": template,
        "command": ("simulate", "{{ trial.index }}"),
        "function": None,
        "directory": "{{ config.folder }}",
        "setup": (),
        "environment": {},
        "slurm": {},
        "config_folder": config_folder,
    }
    return JobSpec(**{**fields, **changes})  # type: ignore[arg-type]
