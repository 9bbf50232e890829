"""The job templates that are shipped with hpcopt."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from hpcopt.core.errors import ConfigError

#: The template of the driver itself; the others are for trials.
DRIVER_TEMPLATE = "driver.sbatch"


def find_template(name: str, config_folder: Path, key: str = "job.template") -> Path:
    """Return the template that a config names: a path, or one that is shipped.

    A path is relative to the config's folder, and a file there goes before a shipped
    template of the same name.

    Args:
        name: What the config says.
        config_folder: The config's folder.
        key: Where the config says it.

    Raises:
        ConfigError: There is no such template.
    """
    own = config_folder / name
    if own.is_file():
        return own
    shipped = shipped_templates()
    if name in shipped:
        return shipped[name]
    is_driver = key != "job.template"
    fitting = [name for name in shipped if (name == DRIVER_TEMPLATE) is is_driver]
    raise ConfigError(
        f"{key}: expected a file {own}, or one of {', '.join(fitting)}, "
        f"found neither for {name!r}"
    )


def shipped_templates() -> dict[str, Path]:
    """Return the shipped job templates by name."""
    folder = Path(str(files("hpcopt.job_templates")))
    return {path.name: path for path in sorted(folder.glob("*.sbatch"))}
