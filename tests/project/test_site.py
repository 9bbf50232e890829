"""The site of documentation, as ``scripts/docs`` builds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning"]
    folders = [ROOT / "docs", tmp_path / "site"]
    done = subprocess.run(
        [*command, "--keep-going", "--doctree-dir", tmp_path / "doctrees", *folders],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    reference = (tmp_path / "site" / "reference" / "config.html").read_text()
    assert 'id="key-run-max-trials"' in reference
