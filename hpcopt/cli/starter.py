"""The files that ``hpcopt init`` writes."""

from __future__ import annotations

#: With ``$file`` and ``$name`` to be filled in, as Jinja expressions stand in it too.
CONFIG = """\
# An experiment of hpcopt: what to vary, what to run, and what to make small or large.
#
#   hpcopt check $file     finds what is wrong with this file
#   hpcopt run $file       starts the experiment, or continues it
#
# Keys that are commented out show their default. A path is relative to this file.

# What the experiment is called: letters, digits, '.', '_' and '-'.
name: $name

# Where everything is kept. On a cluster: a file system that all nodes share.
# folder: experiments/$name

# What may be varied. Each parameter is a range of numbers or a choice of values; type
# fixed has one value, and type derived an expression of others.
parameters:
  - name: x
    type: range
    bounds: [-5.0, 10.0]
    # parameter_type: float    # or int
    # scaling: linear          # or log, for numbers over several orders of magnitude
    # step_size: null          # only the lower bound plus multiples of this
  - name: y
    type: range
    bounds: [0.0, 15.0]
  # - name: solver
  #   type: choice
  #   values: [cg, gmres]      # numbers, texts, or true and false
  #   is_ordered: false        # true for values such as small, medium, large
  #   when: {model: implicit}  # only where another choice has this value
  #   default: cg              # what earlier trials ran with, when it is added later

# What parameters must satisfy.
# parameter_constraints: ["x + y <= 20"]

# What is best: "-loss" makes the metric loss small, "accuracy" makes it large, and
# "accuracy - 0.1 * cost" weighs two against each other; "accuracy, -cost" looks for the
# best trade-offs between two; "-abs(temperature - 350)" brings one to a target.
objective: "-loss"

# What other metrics must satisfy.
# outcome_constraints: ["temperature <= 1200"]

# The numbers to read from the HDF5 file of each trial.
metrics:
  - name: loss
    # file: result.h5          # in the trial's folder, {{ trial.folder }}
    dataset: /loss             # or an attribute: /run@loss
    # reduce: null             # of several values: last, first, min, max, mean, 0, 1…
    # sem: null                # the dataset with the standard error, if any
    # step: null               # the dataset with each value's step, such as an epoch

# What a trial runs. What stands in double braces is filled in: parameters by name,
# {{ trial.folder }}, {{ trial.index }}, {{ config.folder }}, {{ python }}.
job:
  # Put your own program here. It must write the metrics to an HDF5 file.
  command:
    - "{{ python }}"
    - simulate.py
    - --x={{ x }}
    - --y={{ y }}
    - --out={{ trial.folder }}/result.h5
  # function: simulate:loss    # a Python function instead, as module:function
  # The batch script around the command. Yours to change; command.sbatch, gpu.sbatch
  # and mpi.sbatch come with hpcopt.
  template: job.sbatch
  # runner: auto               # slurm, local (processes here), or what there is
  # directory: "{{ config.folder }}"   # where the command is run
  # setup:                     # shell lines before the command
  #   - module load gcc
  # environment:               # variables for the command
  #   OMP_NUM_THREADS: "4"
  # Options of sbatch by their long names; they may depend on parameters. A job on this
  # machine heeds the time only.
  slurm:
    time: "00:10:00"
    # partition: main
    # cpus_per_task: 4
    # mem: 8G
  # on:                        # what follows when a trial runs out of memory or time
  #   memory: {retry: 2, factor: 2, cap: 64G}
  #   time: {retry: 1, factor: 2, cap: "2-00:00:00"}   # or {requeue: true}
  # pack: {trials_per_job: 50, at_once: 8}   # many short trials in one job
  # result_grace_s: null       # how long a result may be late; 60 s on Slurm, 2 s here

# How far and how wide. All of this may be changed between two runs.
run:
  max_trials: 20               # in all, over all runs
  parallelism: 2               # trials submitted and not ended, at most
  # max_queued_jobs: null      # of these, trials that wait in the queue, at most
  # count: own                 # or user: count all of your jobs in the queue
  # tolerated_trial_failure_rate: 0.5   # stop when a larger share of the trials fails
  # max_identical_failures: 4           # stop when the first ones fail at once, alike
  # min_seconds_between_polls: 0        # your site may wish for 60
  # initial_seconds_between_polls: 1    # how soon to look at the jobs; then less often

# How parameters are chosen.
# generation:
#   method: auto               # Bayesian optimisation; sobol for space-filling points
#   model: auto                # of BoTorch, by name: saas, robust, …, or yours
#   model_options: {}
#   acquisition: auto          # qLogNEI, qUCB, thompson, …, or module:function
#   acquisition_options: {}
#   steps: []                  # several of them, one after the other
#   device: auto               # where named ones are computed: cpu, cuda, cuda:1
#   seed: 0                    # another seed gives another experiment
#   generator: null            # module:Class, a generator of your own instead
#   options: {}                # what it is made with
#   timeout_s: 600             # how long one suggestion may take
#   threads: 1                 # of the models and the search

# How the driver runs as a job itself, which hpcopt submit $file starts.
# driver:
#   slurm:                     # options of sbatch, as under job
#     time: "1-00:00:00"       # it submits its successor before this is over
#   setup: []                  # shell lines before it
#   template: driver.sbatch    # the batch script around it
#   handover_s: null           # how long before its end; by default 30 to 300 s

# The page of hpcopt report, kept fresh while the experiment runs.
# report:
#   every: 5m

# Who is told how it goes, by a command that gets a summary on its standard input.
# notify:
#   command: [sh, -c, 'mail -s "$$HPCOPT_SUBJECT" me@example.org']
#   on: [end, pause]           # and stall, best
#   stall_s: null              # so long without an end is a stall; derived by default
"""

SIMULATE = '''\
"""A stand-in for your simulation: Branin's function, as small as 0.397887.

Replace it. All that hpcopt asks of a program is to write its numbers to an HDF5 file
and to exit with 0 when all went well.
"""

import argparse
import math

import h5py

parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float, required=True)
parser.add_argument("--y", type=float, required=True)
parser.add_argument("--out", required=True)
arguments = parser.parse_args()

x, y = arguments.x, arguments.y
valley = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
loss = valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10

with h5py.File(arguments.out, "w") as file:
    file["loss"] = loss
print(f"x = {x}, y = {y}: loss = {loss}")
'''
