"""Where models and acquisitions are computed: on the CPU, or on a GPU."""

from __future__ import annotations

import torch

#: From so many outcomes on ``auto`` takes a GPU. A guess: below it a GPU waits for
#: Python; ``scripts/bench quality/device`` measures from where on it does not.
GPU_FROM = 500

#: What PyTorch raises where a GPU has no memory left, or is gone.
GPU_ERRORS = (torch.OutOfMemoryError, torch.AcceleratorError)

CPU = torch.device("cpu")


def chosen_device(device: str, n: int) -> tuple[torch.device, str]:
    """Return where to compute, and a sentence where that is not what was asked for.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or, of several, ``cuda:0`` and so on.
        n: How many outcomes there are.
    """
    if device == "cpu" or (device == "auto" and n < GPU_FROM):
        return CPU, ""
    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return (torch.device("cuda") if n_gpus else CPU), ""
    if (torch.device(device).index or 0) < n_gpus:
        return torch.device(device), ""
    found = "no GPU" if n_gpus == 0 else f"{n_gpus} of them"
    return CPU, f"the CPU is used: expected a GPU {device}, found {found}"


def without_gpu(exc: Exception) -> str:
    """Return the sentence for a GPU that is full, or gone."""
    reason = str(exc).partition("\n")[0]
    return f"the CPU is used: the GPU failed ({type(exc).__name__}: {reason})"
