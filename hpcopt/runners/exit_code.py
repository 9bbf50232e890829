"""Exit codes, for a person."""

from __future__ import annotations

import signal

_SHELL_CODES = {126: "its command cannot be executed", 127: "its command was not found"}


def exit_reason(code: int) -> str:
    """Return what an exit code other than 0 says, as bash forms it, in one sentence."""
    if code in _SHELL_CODES:
        return f"the trial's script ended with exit code {code}: {_SHELL_CODES[code]}"
    try:
        name = signal.Signals(code - 128).name
    except ValueError:
        return f"the trial's script ended with exit code {code}"
    return f"the trial's script was ended by {name} (exit code {code})"
