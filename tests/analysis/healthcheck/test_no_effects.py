"""The test of no effect, against numbers that are known and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hpcopt.analysis.analysis import Analysis
from hpcopt.analysis.card import NotApplicableStateAnalysisCard
from hpcopt.analysis.healthcheck import (
    ComplexityRatingAnalysis,
    HealthcheckAnalysisCard,
    HealthcheckStatus,
    TestOfNoEffectAnalysis,
    TransferLearningAnalysis,
)
from hpcopt.analysis.healthcheck.no_effects_analysis import p_value
from hpcopt.analysis.plotly.utility_ranking import UtilityRankingPlot
from hpcopt.core.trials.trial import Observation
from tests.support.analysis_world import losses, observed, view


def test_two_arms_are_compared_as_by_a_z_test() -> None:
    z = (1.4 - 1.0) / np.hypot(0.1, 0.2)
    p = p_value([Observation(1.0, 0.1), Observation(1.4, 0.2)])
    assert p == pytest.approx(2 * stats.norm.sf(z))


def test_without_an_effect_the_p_value_is_uniform() -> None:
    random = np.random.default_rng(0)
    sems = random.uniform(0.1, 2.0, 6)
    found = [
        p_value([Observation(float(sem * random.normal()), float(sem)) for sem in sems])
        for _ in range(2000)
    ]
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_many_samples_give_what_welch_s_test_gives() -> None:
    random = np.random.default_rng(1)
    groups = [random.normal(mean, 1.0 + mean, 20_000) for mean in (0.0, 0.02)]
    known = [Observation(float(g.mean()), float(stats.sem(g))) for g in groups]
    expected = stats.ttest_ind(*groups, equal_var=False).pvalue
    assert p_value(known) == pytest.approx(expected, rel=1e-2)


def test_objectives_without_an_effect_are_a_warning() -> None:
    outcomes = [observed(loss=(1 + k / 100, 0.5), heat=(k, 0.1)) for k in range(6)]
    card = TestOfNoEffectAnalysis().compute_or_error_card(view("-loss", outcomes))
    assert isinstance(card, HealthcheckAnalysisCard)
    assert card.get_status() is HealthcheckStatus.WARNING
    assert "None is seen in loss" in card.subtitle
    rows = card.df.set_index("metric_name")
    assert rows["has_effect"].to_dict() == {"loss": False, "heat": True}
    assert rows["is_objective"].to_dict() == {"loss": True, "heat": False}

    seen = view("-heat", outcomes)
    card = TestOfNoEffectAnalysis(no_effect_alpha=1e-3).compute_or_error_card(seen)
    assert isinstance(card, HealthcheckAnalysisCard)
    assert card.get_status() is HealthcheckStatus.PASS


@pytest.mark.parametrize(
    ("analysis", "why"),
    [
        (TestOfNoEffectAnalysis(), "standard errors of two arms or more"),
        (ComplexityRatingAnalysis(), "no such tiers"),
        (TransferLearningAnalysis(["mine"], overlap_threshold=0.3), "a database"),
        (UtilityRankingPlot("loss", show_ci=True), "learns no preferences"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_there_is_no_notion_of_says_so(analysis: Analysis, why: str) -> None:
    card = analysis.compute_or_error_card(view("-loss", losses(1.0, 2.0)))
    assert isinstance(card, NotApplicableStateAnalysisCard)
    assert why in card.blob
