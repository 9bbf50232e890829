"""What all tests share: the real Slurm where it is asked for, and none elsewhere."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# As the generator's own process, before anything loads numpy or torch. The generator
# limits its threads itself, but many a test asks a model without one around it, and its
# bits depend on their number.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"

# A run in the background, or under nohup, ignores these, and hands that down to all
# that it starts: the tests of signals would wait for ever.
for _number, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)

# A deadline would measure the machine. Each run tries the same examples, so that it
# tells of what was changed; --hypothesis-profile=random looks for others.
settings.register_profile("hpcopt", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile("hpcopt")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--last-digits",
        metavar="N",
        type=int,
        default=0,
        help="run each test of the generator N more times, with other last digits of "
        "what it is given: no test may depend on how a processor rounds",
    )


def is_on_slurm(name: str) -> bool:
    """Whether a test runs on the real Slurm, by its path and name."""
    return "on_slurm" in name.partition("[")[0]


def pytest_itemcollected(item: pytest.Item) -> None:
    is_marked = item.get_closest_marker("slurm") is not None
    if is_marked != is_on_slurm(item.nodeid):
        raise pytest.UsageError(
            f"{item.nodeid}: expected on_slurm in the name where the test, and no "
            "other, is marked slurm: by it these tests are kept from running together"
        )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Have the tests on the real Slurm run one after the other, beside the others.

    Some of them take its nodes down, or restart its daemons.
    """
    from xdist.scheduler import LoadScopeScheduling

    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = lambda name: "slurm" if is_on_slurm(name) else name
    return scheduler


@pytest.fixture(autouse=True)
def _no_slurm_by_accident(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Let no test submit to the cluster of whoever runs it, unless marked ``slurm``."""
    if request.node.get_closest_marker("slurm") is None:
        monkeypatch.setenv("SLURM_CONF", str(tmp_path / "no-slurm-in-this-test.conf"))


@pytest.fixture
def slurm_conf() -> Path:
    """Return the configuration of the one-host Slurm that ``scripts/test`` starts."""
    conf = os.environ.get("HPCOPT_TEST_SLURM_CONF")
    if not conf:
        pytest.fail(
            "expected HPCOPT_TEST_SLURM_CONF to name the slurm.conf of a one-host "
            "Slurm, found nothing; scripts/test starts one, or deselect with "
            "-m 'not slurm'"
        )
    return Path(conf)
