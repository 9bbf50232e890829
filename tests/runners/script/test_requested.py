"""What an attempt asks for, by the options of sbatch."""

from __future__ import annotations

import pytest

from hpcopt.runners.script.requested import requested


@pytest.mark.parametrize(
    ("options", "lines", "expected"),
    [
        ({}, [], {"nodes": 1, "cpus": 1}),
        ({"cpus-per-task": "4"}, [], {"nodes": 1, "cpus": 4}),
        ({"ntasks": "3", "cpus-per-task": "4"}, [], {"nodes": 1, "cpus": 12}),
        ({"nodes": "2"}, ["#SBATCH --ntasks-per-node=8"], {"nodes": 2, "cpus": 16}),
        ({"nodes": "2-4", "ntasks": "6"}, [], {"nodes": 2, "cpus": 6}),
        ({}, ["#SBATCH -c 2 -n 5"], {"nodes": 1, "cpus": 10}),
        ({"cpus-per-task": "1"}, ["#SBATCH -c 2"], {"nodes": 1, "cpus": 1}),
        ({"exclusive": None}, ["#SBATCH -c 2"], {"nodes": 1}),
        ({"gpus": "2"}, [], {"nodes": 1, "cpus": 1, "gpus": 2}),
        ({"gpus": "2", "cpus-per-gpu": "8"}, [], {"nodes": 1, "cpus": 16, "gpus": 2}),
        ({"gpus": "a100:2,v100:1"}, [], {"nodes": 1, "cpus": 1, "gpus": 3}),
        ({"gpus-per-node": "4", "nodes": "2"}, [], {"nodes": 2, "cpus": 2, "gpus": 8}),
        ({"gpus-per-task": "1", "ntasks": "3"}, [], {"nodes": 1, "cpus": 3, "gpus": 3}),
        ({}, ["#SBATCH --gres=gpu:a100:2"], {"nodes": 1, "cpus": 1, "gpus": 2}),
        (
            {"gres": "gpu:2(S:0-1),lustre:1", "nodes": "3"},
            [],
            {"nodes": 3, "cpus": 3, "gpus": 6},
        ),
        ({"gres": "gpu"}, [], {"nodes": 1, "cpus": 1, "gpus": 1}),
        ({"gres": "shard:4"}, [], {"nodes": 1, "cpus": 1}),
        ({"nodes": "many", "cpus-per-task": None}, [], {"nodes": 1, "cpus": 1}),
    ],
)
def test_what_is_asked_for(
    options: dict[str, str | None], lines: list[str], expected: dict[str, int]
) -> None:
    assert requested(options, lines) == expected
