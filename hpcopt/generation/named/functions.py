"""A user's functions: found, called, and what they return checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.exceptions.errors import ModelFittingError
from botorch.models.model import Model
from linear_operator.utils.errors import NanError, NotPSDError

from hpcopt.core.errors import GenerationError, HpcoptError
from hpcopt.core.types import JSONValue
from hpcopt.generation.named.device import GPU_ERRORS

#: What the numerics of BoTorch raise.
_NUMERICAL_ERRORS = (
    torch.linalg.LinAlgError,  # type: ignore[attr-defined]
    NotPSDError,
    NanError,
    ModelFittingError,
)


def call(
    what: str,
    name: str,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    options: Mapping[str, JSONValue],
) -> Any:
    """Return what a user's function returns.

    Args:
        what: What it makes.
        name: Its name, as ``module:function``.
        function: What is called.
        arguments: With what.
        options: And with what keywords.

    Raises:
        GenerationError: It raised.
    """
    with blamed(what, name):
        return function(*arguments, **options)


@contextmanager
def blamed(what: str, name: str) -> Iterator[None]:
    """Say whose function it was that raised, in the block.

    Raises:
        GenerationError: Something was raised, other than a GPU's errors.
        LinAlgError: Numerics failed.
    """
    try:
        with numerics():
            yield
    except (*GPU_ERRORS, HpcoptError, np.linalg.LinAlgError, FloatingPointError):
        raise
    except Exception as exc:  # whatever a user's function may raise
        raise GenerationError(
            f"{what}: {name} raised {type(exc).__name__}: {exc}"
        ) from exc


@contextmanager
def numerics() -> Iterator[None]:
    """Raise what numerics raise in the block as numpy would.

    Raises:
        LinAlgError: A model could not be fitted, or a matrix not factorised.
    """
    try:
        yield
    except _NUMERICAL_ERRORS as exc:
        reason = str(exc).partition("\n")[0]
        raise np.linalg.LinAlgError(f"{type(exc).__name__}: {reason}") from exc


def check_model(name: str, model: object, X: torch.Tensor) -> Model:
    """Return a user's model, if it is one of one outcome and predicts numbers.

    Args:
        name: The function that made it.
        model: What it returned.
        X: The observed points, shape ``(n, d)``.

    Raises:
        GenerationError: It is none.
    """
    if not isinstance(model, Model):
        raise GenerationError(
            f"model: expected {name} to return a botorch.models.model.Model, "
            f"found {type(model).__name__}"
        )
    if model.num_outputs != 1:
        raise GenerationError(
            f"model: expected {name} to return a model of one outcome, "
            f"found one of {model.num_outputs}"
        )
    with torch.no_grad(), blamed("model", name):
        posterior: Any = model.posterior(X)
        moments = [posterior.mean, posterior.variance]
    for what, values in zip(("mean", "variance"), moments, strict=True):
        if not torch.isfinite(values).all():
            raise GenerationError(
                f"model: expected {name} to return a model with a finite {what} at the "
                "observed points, found one that is not a number"
            )
    return model


def check_acquisition(
    name: str, acquisition: object, X: torch.Tensor
) -> AcquisitionFunction:
    """Return a user's acquisition, if it is one and its values are numbers.

    Args:
        name: The function that made it.
        acquisition: What it returned.
        X: The observed points, shape ``(n, d)``.

    Raises:
        GenerationError: It is none.
    """
    if not isinstance(acquisition, AcquisitionFunction):
        raise GenerationError(
            f"acquisition: expected {name} to return a botorch AcquisitionFunction, "
            f"found {type(acquisition).__name__}"
        )
    with torch.no_grad(), blamed("acquisition", name):
        values = acquisition(X.unsqueeze(-2))
    if not isinstance(values, torch.Tensor) or values.shape != X.shape[:1]:
        found = tuple(values.shape) if isinstance(values, torch.Tensor) else values
        raise GenerationError(
            f"acquisition: expected that of {name} to return one value for each of "
            f"{len(X)} batches of one point, found {found!r}"
        )
    if not torch.isfinite(values).all():
        raise GenerationError(
            f"acquisition: expected that of {name} to be finite at the observed "
            "points, found a value that is not"
        )
    return acquisition
