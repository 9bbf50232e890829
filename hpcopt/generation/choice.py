"""What proposes the trials of a step, and why that. Loads no torch."""

from __future__ import annotations

from dataclasses import dataclass

from hpcopt.core.errors import GenerationError
from hpcopt.core.trials.origin import Origin
from hpcopt.generation.methods import MAX_D_OF_BO, MAX_D_OF_TRUST_REGION, METHODS
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.steps import GenerationStep

#: What proposes by a model or an acquisition that is asked for by name.
NAMED = "hpcopt.generation.named.proposer:NamedProposer"

#: Why a method, a model or an acquisition is used that was named.
ASKED = "it was asked for"


@dataclass(frozen=True)
class Choice:
    """A proposer, and why it."""

    where: str
    """The ``MakeProposer``, as ``module:attribute``."""
    origin: Origin
    """How the parameters are chosen that it proposes."""

    @classmethod
    def of(cls, step: GenerationStep, snapshot: Snapshot) -> Choice:
        """Return what proposes the step's trials.

        Raises:
            GenerationError: The method has nothing for such goals, or such a space.
        """
        if step.is_named:
            return cls(NAMED, Origin("bo", _why_named(step)))
        name, why = step.method, ASKED
        if name == "auto":
            name, why = automatic_method(snapshot)
        acquisition = "log_ei" if snapshot.goals.is_single else "log_ehvi"
        return cls(
            _where(name, snapshot),
            Origin(name, why, model="single_task", acquisition=acquisition),
        )


def automatic_method(snapshot: Snapshot) -> tuple[str, str]:
    """Return the method that ``auto`` stands for, and why that one."""
    space = snapshot.space
    if not snapshot.goals.is_single:
        return "bo", f"{len(snapshot.goals.objectives)} objectives"
    n_continuous = int((~space.is_discrete).sum())
    what = "continuous parameter" if n_continuous == 1 else "continuous parameters"
    n = f"{n_continuous} {what}"
    if n_continuous <= MAX_D_OF_BO:
        return "bo", f"{n}, at most {MAX_D_OF_BO}"
    if n_continuous <= MAX_D_OF_TRUST_REGION:
        return "trust_region", f"{n}, more than {MAX_D_OF_BO}"
    if space.is_constrained or space.conditions:
        return "trust_region", f"{n}, with constraints or conditions"
    return "subspace", f"{n}, more than {MAX_D_OF_TRUST_REGION}"


def _why_named(step: GenerationStep) -> str:
    asked = [name for name in (step.model, step.acquisition) if name != "auto"]
    return f"{' and '.join(asked)} {'was' if len(asked) == 1 else 'were'} asked for"


def _where(name: str, snapshot: Snapshot) -> str:
    """Return where the method's proposer for the snapshot's goals is.

    Raises:
        GenerationError: The method has none for such goals, or for such a space.
    """
    method, space = METHODS[name], snapshot.space
    is_single = snapshot.goals.is_single
    where = method.proposer if is_single else method.multi_objective_proposer
    if where is None:
        raise GenerationError(
            f"generation.method: {name} expected one objective, found "
            f"{len(snapshot.goals.objectives)}; use bo"
        )
    if method.is_for_boxes and (space.is_constrained or space.conditions):
        raise GenerationError(
            f"generation.method: {name} knows no constraints on parameters and no "
            "conditions; use trust_region"
        )
    return where
