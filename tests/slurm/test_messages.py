"""What sbatch's messages mean, which option they blame, and what helps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.core.errors import (
    RunnerError,
    SubmissionDeferredError,
    SubmissionRefusedError,
    SubmissionUnknownError,
)
from hpcopt.slurm.messages import (
    SubmitLimitError,
    advice,
    blamed_option,
    is_denied,
    submission_error,
)

FAILED = "sbatch: error: Batch job submission failed: "
POLICY = (
    "Job violates accounting/QOS policy (job submit limit, user's size and/or time "
    "limits)"
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"{FAILED}Invalid partition name specified", SubmissionRefusedError),
        (f"{FAILED}Invalid qos specification", SubmissionRefusedError),
        (f"{FAILED}Requested reservation is invalid", SubmissionRefusedError),
        (f"{FAILED}Invalid job array specification", SubmissionRefusedError),
        (
            f"sbatch: error: QOSMaxWallDurationPerJobLimit\n{FAILED}{POLICY}",
            SubmissionRefusedError,
        ),
        (
            f"sbatch: error: AssocMaxSubmitJobLimit\n{FAILED}{POLICY}",
            SubmitLimitError,
        ),
        (
            f"sbatch: error: QOSMaxSubmitJobPerUserLimit\n{FAILED}{POLICY}",
            SubmitLimitError,
        ),
        (f"{FAILED}{POLICY}", SubmissionDeferredError),
        (
            f"{FAILED}Unable to contact slurm controller (connect failure)",
            SubmissionDeferredError,
        ),
        ("sbatch: error: Batch script is empty!", SubmissionDeferredError),
        ("sbatch: error: Rate limit exceeded, please retry", SubmissionDeferredError),
        (f"{FAILED}Socket timed out on send/recv operation", SubmissionUnknownError),
        (f"{FAILED}Zero Bytes were transmitted or received", SubmissionUnknownError),
        (f"{FAILED}Unexpected message received", SubmissionUnknownError),
        (f"{FAILED}Something new in Slurm 99", SubmissionUnknownError),
        ("", SubmissionUnknownError),
    ],
)
def test_a_failed_sbatch_is_a_no_a_not_now_or_unknown(
    text: str, kind: type[RunnerError]
) -> None:
    assert type(submission_error(text, 1)) is kind
    assert is_denied(text) == (kind is not SubmissionUnknownError)


def test_a_usage_error_is_a_no_whatever_it_says() -> None:
    error = submission_error('sbatch: error: "x" is not a valid node count', 255)
    assert type(error) is SubmissionRefusedError
    assert '"x" is not a valid node count' in str(error)


def test_an_sbatch_cut_off_between_its_tries_may_have_been_heard() -> None:
    text = (
        "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying"
    )
    assert not is_denied(text)


@given(st.text())
def test_any_text_of_sbatch_is_classified_with_its_words(text: str) -> None:
    error = submission_error(text, 1)
    assert all(line.strip() in str(error) for line in text.splitlines())


@pytest.mark.parametrize(
    ("limit", "option", "help"),
    [
        ("QOSMaxWallDurationPerJobLimit", "time", "ask for less in job.slurm"),
        ("AssocMaxCpuPerJobLimit", "", "ask for less in job.slurm"),
        ("AssocMaxSubmitJobLimit", "", "wait until jobs of yours have ended"),
    ],
)
def test_the_limit_that_is_named_is_the_one_to_do_something_about(
    limit: str, option: str, help: str
) -> None:
    text = f"sbatch: error: {limit}\n{FAILED}{POLICY}"
    assert blamed_option(text) == option
    assert advice(text).startswith(help)


def test_nothing_is_advised_about_what_nobody_knows() -> None:
    assert advice("My dog ate it") == blamed_option("My dog ate it") == ""


@pytest.mark.parametrize(
    ("said", "option"),
    [
        ("sbatch: unrecognized option '--frob=0'", "frob"),
        ("sbatch: option '--tim=10' is ambiguous; possibilities: '--time'", "tim"),
        ("sbatch: error: Invalid --mem specification", "mem"),
        ('sbatch: error: Invalid numeric value "0" for --ntasks.', "ntasks"),
        ("allocation failure: Invalid partition name specified", "partition"),
        ("allocation failure: Invalid account or account/partition comb", "account"),
        ("allocation failure: Invalid qos specification", "qos"),
        ("allocation failure: Requested reservation is invalid", "reservation"),
        ("allocation failure: Invalid feature specification", "constraint"),
        ("sbatch: error: Invalid generic resource (gres) specification", "gres"),
        ("allocation failure: Requested node configuration is not available", ""),
    ],
)
def test_the_option_that_sbatch_complains_about_is_known(
    said: str, option: str
) -> None:
    assert blamed_option(said) == option
