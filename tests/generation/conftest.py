"""The tests of the generator have other last digits where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.last_digits import changes

#: Where nothing but whole processes is tested, digits have nothing to say.
_WITHOUT_NUMBERS = ("/service/", "/custom/", "/test_other_process.py")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    n = metafunc.config.getoption("last_digits")
    path = metafunc.definition.path.as_posix()
    if n and not any(part in path for part in _WITHOUT_NUMBERS):
        metafunc.parametrize(
            "_last_digits", range(n + 1), indirect=True, ids="digits{}".format
        )


@pytest.fixture(autouse=True)
def _last_digits(request: pytest.FixtureRequest) -> Iterator[None]:
    """Change the inputs in their last digits, each time in another way."""
    with changes(getattr(request, "param", 0)):
        yield
