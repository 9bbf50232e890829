"""Outcomes become as good as Gaussian, and come back."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from hpcopt.generation.models.outcome_transforms import Bilog, YeoJohnson
from tests.support.last_digits import Numbers

outcomes = st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20).map(np.array)


@given(outcomes)
@example(np.array([0.0, 0.0, 0.0, 11.0, 6e-308]))
def test_transformed_outcomes_keep_their_order_and_are_standardised(
    y: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    t = YeoJohnson.fit(y)(y)
    assert (np.diff(t[np.argsort(y)]) >= -1e-9).all()
    assert abs(t.mean()) < 1e-6
    assert abs(t.std() - 1) < 1e-6 or t.std() < 1e-6


@given(
    st.lists(
        st.floats(1e-30, 1e9) | st.floats(-1e9, -1e-30) | st.just(0.0), min_size=2
    ).map(np.array)
)
def test_transformed_slacks_keep_their_order_and_their_sign(
    slacks: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    transform = Bilog.fit(slacks)
    t = transform(slacks)
    assert (np.diff(t[np.argsort(slacks)]) >= 0).all()
    assert ((t >= 0) == (slacks >= 0)).all()
    back, _ = transform.inverse_moments(t, np.zeros_like(t))
    np.testing.assert_allclose(back, slacks, rtol=1e-6, atol=1e-300)


def test_certain_outcomes_come_back_from_the_transform() -> None:
    y = np.exp(Numbers(0).normal(30))
    transform = YeoJohnson.fit(y)
    mean, variance = transform.inverse_moments(transform(y), np.zeros(30))
    np.testing.assert_allclose(mean, y, rtol=1e-9)
    np.testing.assert_allclose(variance, 0, atol=1e-12)


def test_the_transform_carries_small_variances_over_and_back() -> None:
    y = Numbers(0).gamma(1.0, 5.0, 30)
    transform = YeoJohnson.fit(y)
    variance = np.full(30, 1e-6)
    _, back = transform.inverse_moments(transform(y), transform.variance(y, variance))
    np.testing.assert_allclose(back, variance, rtol=1e-2)


def test_a_wild_outcome_leaves_the_others_apart() -> None:
    y = np.array([-1e30, *range(9)])
    t = YeoJohnson.fit(y)(y)
    assert np.diff(t[1:]).min() > 0.01


def test_the_power_makes_a_long_tail_short() -> None:
    y = np.exp(3 * Numbers(0).normal(100))
    t = YeoJohnson.fit(y)(y)
    assert abs(float((t**3).mean())) < 1
