"""The identity of a process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from hpcopt.host.process import Process, boot_id, host_name, process_stat


def test_this_process_lives_and_is_distinguished_from_others() -> None:
    this = Process.this()
    assert (this.host, this.boot_id, this.pid) == (host_name(), boot_id(), os.getpid())
    assert this.is_alive(seen_from=this) is True
    reused = replace(this, start_time=this.start_time + 1)
    assert reused.is_alive(seen_from=this) is False


@pytest.mark.parametrize("of", ["host", "boot_id", "pid_namespace"])
def test_of_a_process_that_cannot_be_seen_nothing_is_said(of: str) -> None:
    this = Process.this()
    other = replace(this, **{of: "another"})  # type: ignore[arg-type]
    assert other.is_alive(seen_from=this) is None


def test_what_has_ended_and_is_not_reaped_does_not_live() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], process_group=0)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    stat = process_stat(child.pid)
    assert stat is not None
    assert (stat.state, stat.is_alive) == ("Z", False)
    assert stat.session == os.getsid(0)
    child.wait()
    assert process_stat(child.pid) is None
