"""Many short trials packed into one Slurm job, beside a bare loop.

    eval "$(scripts/slurm-dev env)"
    scripts/bench slurm/packed --trials 500 --seconds 0.2 --at-once 8

Both run the same program, as often and with as many at a time, in one allocation. The
time of the loop is from sbatch to the end of its last program; that of hpcopt is that
of the whole command, from its start until all results are read and the best is printed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.common.provenance import headline

PROGRAM = r"""
#include <hdf5.h>
#include <stdlib.h>
#include <time.h>

/* trial SECONDS X FILE: computes for a while, then writes /loss. */
int main(int argc, char **argv)
{
    double seconds = atof(argv[1]), x = atof(argv[2]), loss = (x - 0.3) * (x - 0.3);
    struct timespec nap = {(time_t)seconds, (long)(1e9 * (seconds - (time_t)seconds))};
    hid_t file, space, set;
    nanosleep(&nap, NULL);
    file = H5Fcreate(argv[3], H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    space = H5Screate(H5S_SCALAR);
    set = H5Dcreate2(file, "loss", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT,
                     H5P_DEFAULT);
    H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &loss);
    return argc != 4 || H5Fclose(file) < 0;
}
"""

LOOP = """\
#!/bin/bash
for ((k = 0; k < {trials}; k++)); do
    ((k < {at_once})) || wait -n
    ./trial {seconds} 0.$k result-$k.h5 &
done
wait
echo "$EPOCHREALTIME" > end
"""

CONFIG = """\
name: packed
parameters:
  - {{name: x, type: range, bounds: [0, 1]}}
objective: "-loss"
metrics:
  - {{name: loss, dataset: /loss}}
job:
  template: packed.sbatch
  command: [../trial, "{seconds}", "{{{{ x }}}}", "{{{{ trial.folder }}}}/result.h5"]
  pack: {{trials_per_job: {per_job}, at_once: {at_once}}}
  slurm: {{cpus_per_task: {cpus}, mem: 500M, time: "00:30:00"}}
run:
  max_trials: {trials}
  parallelism: {per_job}
generation: {{method: sobol}}
"""


def bare_loop(folder: Path, options: argparse.Namespace) -> float:
    """Return the seconds that the loop takes."""
    folder.mkdir()
    shutil.copy(folder.parent / "trial", folder)
    script = folder / "loop.sh"
    script.write_text(LOOP.format(**vars(options)))
    cpus = f"--cpus-per-task={options.cpus}"
    began = time.time()
    subprocess.run(
        ["sbatch", "--parsable", cpus, "--mem=500M", "--output=log", script.name],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    end = folder / "end"
    while not (end.exists() and end.read_text()):
        time.sleep(0.05)
    n_results = len(list(folder.glob("result-*.h5")))
    if n_results != options.trials:
        sys.exit(f"the loop left {n_results} results")
    return float(end.read_text()) - began


def with_hpcopt(folder: Path, options: argparse.Namespace) -> float:
    """Return the seconds that the experiment takes."""
    folder.mkdir()
    config = folder / "packed.yaml"
    config.write_text(CONFIG.format(**vars(options)))
    began = time.time()
    subprocess.run(
        [sys.executable, "-m", "hpcopt", "run", config, "--slurm", "--quiet"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.time() - began


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each trial")
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--per-job", type=int, help="trials of a pack; default: all")
    parser.add_argument("--cpus", type=int, default=8, help="of the allocation")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    options.per_job = options.per_job or options.trials
    with tempfile.TemporaryDirectory(prefix="packed-", dir=".") as name:
        folder = Path(name).resolve()
        (folder / "trial.c").write_text(PROGRAM)
        subprocess.run(
            ["h5cc", "-O2", "-o", "trial", "trial.c"], cwd=folder, check=True
        )
        print(headline())
        least = options.trials * options.seconds / options.at_once
        print(f"{options.trials} trials of {options.seconds:g} s, {options.at_once} at")
        print(f"once, {options.per_job} in a job: at least {least:.1f} s")
        print("bare loop s   hpcopt s   ratio")
        rows = []
        for repeat in range(options.repeats):
            bare = bare_loop(folder / f"bare-{repeat}", options)
            packed = with_hpcopt(folder / f"packed-{repeat}", options)
            rows.append((bare, packed, packed / bare))
            print(f"{bare:11.2f} {packed:10.2f} {packed / bare:7.3f}", flush=True)
        medians = [statistics.median(column) for column in zip(*rows, strict=True)]
        print(f"{medians[0]:11.2f} {medians[1]:10.2f} {medians[2]:7.3f}  median")


if __name__ == "__main__":
    main()
