"""The shipped template for containers, with programs in place of the tools."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hpcopt.runners.protocol import AttemptRequest
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.shipped import shipped_templates
from tests.support.job_specs import job_spec

#: Writes its arguments down, each with a NUL after it.
TOOL = '#!/bin/bash\nprintf \'%s\\0\' "${0##*/}" "$@" > "$ARGUMENTS"\n'

VALUE = "-a $(touch canary) 'b' \"c\" *\nd é"


class Site:
    """A folder with an experiment, and a PATH with some tools on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "it's a $(rm)\nfolder"
        self.folder.mkdir()
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.bin / "bash").symlink_to(shutil.which("bash") or "")

    def run(self, *tools: str, **variables: str) -> subprocess.CompletedProcess[str]:
        for tool in tools:
            (self.bin / tool).write_text(TOOL)
            (self.bin / tool).chmod(0o755)
        template = shipped_templates()["container.sbatch"]
        spec = job_spec(template, self.folder, command=("./flow", "{{ s }}"))
        scripts = JobScripts("demo", self.folder / "demo", spec)
        rendered = scripts.render(AttemptRequest(7, 0, {"s": VALUE}), "n")
        return subprocess.run(
            ["bash", "-c", rendered.script],
            capture_output=True,
            text=True,
            env={
                "PATH": str(self.bin),
                "ARGUMENTS": str(self.folder / "arguments"),
                **variables,
            },
        )

    def arguments(self) -> list[str]:
        return (self.folder / "arguments").read_text().split("\0")[:-1]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize("tool", ["apptainer", "singularity"])
def test_apptainer_and_singularity_get_folders_options_and_words(
    site: Site, tool: str
) -> None:
    done = site.run(
        tool, "podman", CONTAINER_IMAGE="/my images/a.sif", CONTAINER_OPTIONS="--nv -e"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert site.arguments() == [
        *(tool, "exec", "--bind", f"{site.folder}/demo", "--bind", str(site.folder)),
        *("--pwd", str(site.folder), "--nv", "-e", "/my images/a.sif"),
        *("./flow", VALUE),
    ]
    assert not (site.folder / "canary").exists()


def test_podman_gets_the_same(site: Site) -> None:
    done = site.run("podman", CONTAINER_IMAGE="flow:1")
    assert (done.returncode, done.stderr) == (0, "")
    demo = f"{site.folder}/demo"
    assert site.arguments() == [
        *("podman", "run", "--rm", "--env", "HPCOPT_*", "--env", "SLURM_*"),
        *("--workdir", str(site.folder)),
        *("--mount", f"type=bind,src={demo},dst={demo}"),
        *("--mount", f"type=bind,src={site.folder},dst={site.folder}"),
        *("flow:1", "./flow", VALUE),
    ]


def test_it_says_what_is_missing(site: Site) -> None:
    done = site.run(CONTAINER_IMAGE="a")
    assert done.returncode == 127
    assert "expected apptainer, singularity or podman on PATH" in done.stderr
    done = site.run("podman")
    assert done.returncode != 0
    assert "name the image under job.environment" in done.stderr
