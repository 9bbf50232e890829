"""The models and acquisition functions by name. Loads nothing heavy.

What each is made of is in ``generation/named``, which is loaded once one is asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Literal

from hpcopt.core.errors import ConfigError
from hpcopt.core.goals.goals import Goals
from hpcopt.core.names import did_you_mean, expected_name
from hpcopt.core.types import JSONValue

#: Who writes a function of their own, as ``module:function``.
_OWN = re.compile(r"[\w.]+:[\w.]+")

_MC_SAMPLES: Mapping[str, str] = {"mc_samples": "how many samples of the posterior"}


@dataclass(frozen=True)
class NamedModel:
    """A model of one outcome that a config may name."""

    summary: str
    """One line for docs and messages."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What each option is."""
    extra: str | None = None
    """The extra of the package that it needs."""
    packages: tuple[str, ...] = ()
    """What that extra installs, as it is imported."""

    @property
    def missing_packages(self) -> list[str]:
        """Those of the packages that are not installed."""
        return [name for name in self.packages if find_spec(name) is None]

    is_ensemble: bool = False
    """Whether it is several models, of which not all acquisitions know the mean."""


@dataclass(frozen=True)
class NamedAcquisition:
    """An acquisition function that a config may name."""

    summary: str
    """One line for docs and messages."""
    for_one: bool = True
    """Whether it is defined for one objective."""
    for_several: bool = False
    """Whether it is defined for several."""
    constraints: Literal["own", "weighed"] = "own"
    """Whether it knows outcome constraints itself, or is weighed by the probability
    that they are satisfied."""
    knows_targets: bool = False
    """Whether it is defined for an objective with targets."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What each option is."""
    is_for_own_fit: bool = False
    """Whether it needs the models ``auto`` or ``single_task``, without options."""
    for_ensembles: bool = True
    """Whether it is defined for a model that is an ensemble."""


MODELS: Mapping[str, NamedModel] = {
    "auto": NamedModel("the same as single_task"),
    "single_task": NamedModel(
        "a Gaussian process with a Matern kernel, and a transform of the outcomes; "
        "with options, BoTorch's SingleTaskGP",
        {
            "kernel": "matern (of smoothness 5/2) or rbf",
            "input_warping": "whether each coordinate is warped (Kumaraswamy)",
        },
    ),
    "saas": NamedModel(
        "few of many parameters matter: an ensemble of processes with sparse priors",
        {"num_taus": "how many processes"},
        is_ensemble=True,
    ),
    "fully_bayesian": NamedModel(
        "the same, with hyperparameters sampled by NUTS; its suggestions are not "
        "bit-identical between machines",
        {
            "num_samples": "how many samples are drawn",
            "warmup_steps": "how many come before them",
            "thinning": "each which of the samples is kept",
        },
        extra="fully-bayesian",
        packages=("jax", "numpyro"),
        is_ensemble=True,
    ),
    "robust": NamedModel(
        "some outcomes are far off: outliers are found by relevance pursuit",
        {"prior_mean_of_support": "how many outliers are expected"},
    ),
    "additive": NamedModel(
        "a sum of effects of one parameter each",
        {"second_order": "whether of two parameters each, too"},
    ),
}

ACQUISITIONS: Mapping[str, NamedAcquisition] = {
    "auto": NamedAcquisition(
        "log_ei for one objective and log_ehvi for several, or qLogNEI and qLogNEHVI "
        "for other models than single_task",
        for_several=True,
        knows_targets=True,
    ),
    "log_ei": NamedAcquisition(
        "noisy expected improvement, integrated exactly",
        knows_targets=True,
        is_for_own_fit=True,
    ),
    "log_ehvi": NamedAcquisition(
        "noisy expected improvement of the hypervolume, integrated exactly",
        for_one=False,
        for_several=True,
        is_for_own_fit=True,
    ),
    "qLogEI": NamedAcquisition(
        "expected improvement over the best observed",
        knows_targets=True,
        options=_MC_SAMPLES,
    ),
    "qLogNEI": NamedAcquisition(
        "noisy expected improvement", knows_targets=True, options=_MC_SAMPLES
    ),
    "qUCB": NamedAcquisition(
        "upper confidence bound",
        constraints="weighed",
        knows_targets=True,
        options={
            "beta": "the square of how many standard deviations above the mean",
            **_MC_SAMPLES,
        },
    ),
    "qPI": NamedAcquisition(
        "probability of improvement",
        knows_targets=True,
        options={"tau": "the width of the step's smoothing", **_MC_SAMPLES},
    ),
    "qSR": NamedAcquisition(
        "the expected value",
        constraints="weighed",
        knows_targets=True,
        options=_MC_SAMPLES,
    ),
    "posterior_mean": NamedAcquisition("the posterior mean", constraints="weighed"),
    "qKG": NamedAcquisition(
        "knowledge gradient: how much better the best mean gets",
        constraints="weighed",
        for_ensembles=False,
        options={
            "num_fantasies": "how many outcomes are imagined",
            "num_points": "among how many points the best mean is looked for",
        },
    ),
    "qMES": NamedAcquisition(
        "max-value entropy search",
        constraints="weighed",
        for_ensembles=False,
        options={
            "num_mv_samples": "how many samples of the maximum",
            "num_points": "among how many points it is looked for",
        },
    ),
    "qGIBBON": NamedAcquisition(
        "a lower bound of max-value entropy search",
        constraints="weighed",
        for_ensembles=False,
        options={
            "num_mv_samples": "how many samples of the maximum",
            "num_points": "among how many points it is looked for",
        },
    ),
    "thompson": NamedAcquisition(
        "the best of one sample of the posterior",
        knows_targets=True,
        options={"num_points": "at how many points it is drawn"},
    ),
    "qLogEHVI": NamedAcquisition(
        "expected improvement of the hypervolume over the observed front",
        for_one=False,
        for_several=True,
        options=_MC_SAMPLES,
    ),
    "qLogNEHVI": NamedAcquisition(
        "noisy expected improvement of the hypervolume",
        for_one=False,
        for_several=True,
        options=_MC_SAMPLES,
    ),
    "qLogNParEGO": NamedAcquisition(
        "noisy expected improvement of a random scalarisation",
        for_one=False,
        for_several=True,
        options=_MC_SAMPLES,
    ),
}

#: What each option of theirs may be: one of some names, or of a kind.
OPTION_VALUES: Mapping[str, tuple[str, ...] | Literal["count", "number", "switch"]] = {
    "beta": "number",
    "input_warping": "switch",
    "kernel": ("matern", "rbf"),
    "mc_samples": "count",
    "num_fantasies": "count",
    "num_mv_samples": "count",
    "num_points": "count",
    "num_samples": "count",
    "num_taus": "count",
    "prior_mean_of_support": "number",
    "second_order": "switch",
    "tau": "number",
    "thinning": "count",
    "warmup_steps": "count",
}

#: What others call them.
_ALIASES = {"qNParEGO": "qLogNParEGO"}


def is_own(name: str) -> bool:
    """Whether a name is that of a user's function, as ``module:function``."""
    return _OWN.fullmatch(name) is not None


def acquisition_of(name: str) -> str:
    """Return the name in ``ACQUISITIONS`` of what ``name`` is called here."""
    return _ALIASES.get(name, name)


def is_own_fit(model: str, options: Mapping[str, JSONValue]) -> bool:
    """Whether a model is the one that we fit ourselves."""
    return model in ("auto", "single_task") and not options


def check_names(
    model: str,
    acquisition: str,
    model_options: Mapping[str, JSONValue],
    acquisition_options: Mapping[str, JSONValue],
) -> None:
    """Check that names and options are known, and go together.

    A user's function takes any options.

    Raises:
        ConfigError: They do not.
    """
    acquisition = acquisition_of(acquisition)
    if not is_own(model):
        if model not in MODELS:
            raise ConfigError(
                f"model: {expected_name(model, MODELS)}, or module:function"
            )
        _check_options("model_options", model, MODELS[model].options, model_options)
    if is_own(acquisition):
        return
    if acquisition not in ACQUISITIONS:
        raise ConfigError(
            f"acquisition: {expected_name(acquisition, ACQUISITIONS)}, "
            "or module:function"
        )
    known = ACQUISITIONS[acquisition]
    _check_options(
        "acquisition_options", acquisition, known.options, acquisition_options
    )
    others = [
        other
        for other, one in ACQUISITIONS.items()
        if (one.for_one if known.for_one else one.for_several)
        and not one.is_for_own_fit
        and one.for_ensembles
    ]
    if known.is_for_own_fit and not is_own_fit(model, model_options):
        raise ConfigError(
            f"acquisition: {acquisition} needs the model single_task without options; "
            f"with others expected one of {', '.join(others)}"
        )
    is_ensemble = not is_own(model) and MODELS[model].is_ensemble
    if is_ensemble and not known.for_ensembles:
        raise ConfigError(
            f"acquisition: {acquisition} is not defined for {model}, which is several "
            f"models; expected one of {', '.join(others)}"
        )


def check_packages(model: str) -> None:
    """Check that what a model needs besides is installed.

    Raises:
        ConfigError: It is not; the sentence says how to install it.
    """
    known = MODELS.get(model)
    if known is not None and (missing := known.missing_packages):
        raise ConfigError(
            f"model: {model} needs {' and '.join(missing)}: "
            f"pip install 'hpcopt[{known.extra}]'"
        )


def check_goals(model: str, acquisition: str, goals: Goals) -> None:
    """Check that a model and an acquisition are defined for the goals.

    All models are; who writes an acquisition says so themselves.

    Raises:
        ConfigError: The acquisition is not; it names those that are.
    """
    if is_own(acquisition):
        return
    acquisition = acquisition_of(acquisition)

    def is_defined(one: NamedAcquisition) -> bool:
        has_targets = any(objective.distances for objective in goals.objectives)
        is_for_number = one.for_one if goals.is_single else one.for_several
        return is_for_number and (one.knows_targets or not has_targets)

    if is_defined(ACQUISITIONS[acquisition]):
        return
    n = len(goals.objectives)
    what = "one objective" if n == 1 else f"{n} objectives"
    if n == 1 and goals.objective.distances and ACQUISITIONS[acquisition].for_one:
        what = "an objective with targets"
    names = [
        name
        for name, one in ACQUISITIONS.items()
        if is_defined(one) and not (one.is_for_own_fit and is_own(model))
    ]
    raise ConfigError(
        f"acquisition: {acquisition} is not defined for {what}; expected one of "
        f"{', '.join(names)}"
    )


def _check_options(
    where: str,
    name: str,
    known: Mapping[str, str],
    options: Mapping[str, JSONValue],
) -> None:
    for option, value in options.items():
        if option not in known:
            expected = (
                f"expected {', '.join(known)}" if known else f"{name} has no options"
            )
            raise ConfigError(
                f"{where}: {expected}, found {option!r}{did_you_mean(option, known)}"
            )
        if sentence := _wrong_value(option, value):
            raise ConfigError(f"{where}.{option}: {sentence}")


def _wrong_value(option: str, value: JSONValue) -> str:
    """Return what is wrong with an option's value; empty if nothing is."""
    kind = OPTION_VALUES[option]
    if isinstance(kind, tuple):
        return "" if value in kind else expected_name(str(value), kind)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case "switch":
            is_good, expected = isinstance(value, bool), "true or false"
        case "count":
            is_good = is_number and isinstance(value, int) and value >= 1
            expected = "a whole number, at least 1"
        case "number":
            is_good = is_number and 0 < float(str(value)) < math.inf
            expected = "a number above 0"
    return "" if is_good else f"expected {expected}, found {value!r}"
