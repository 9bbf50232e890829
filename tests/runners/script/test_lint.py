from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from hpcopt.runners.script.job_spec import JobSpec
from hpcopt.runners.script.lint import TemplateProblem, lint, place_of
from hpcopt.runners.script.sbatch_lines import directives
from hpcopt.runners.script.shipped import shipped_templates


def spec(**changes: object) -> JobSpec:
    fields: dict[str, object] = {
        "template": Path("t.sbatch"),
        "command": None,
        "function": None,
        "directory": ".",
        "setup": (),
        "environment": {},
        "slurm": {},
        "config_folder": Path(),
    }
    return JobSpec(**{**fields, **changes})  # type: ignore[arg-type]


def has_program(name: str) -> bool:
    return shutil.which(name) is not None


def findings(source: str, **changes: object) -> list[TemplateProblem]:
    return lint(source, spec(**changes), ["x"], has_program)


BASH = "#!/bin/bash\n"

ERRORS = {
    "no-shebang": (
        "ls {{ x }}\n",
        1,
        "expected a shebang such as #!/bin/bash, found 'ls",
    ),
    "empty": ("\n: {{ x }}", 1, "expected a shebang .*, found ''"),
    "late": (
        BASH + "ls {{ x }}\n\n#SBATCH -n 2\n",
        4,
        "stands after the first command",
    ),
    "after-setup": (BASH + "{{ x }}\n#SBATCH -n 2\n", 3, "stands after .*'{{ x }}'"),
    "array": (
        BASH + "#SBATCH -n 2 --array=1-9 # a\n: {{ x }}\n",
        2,
        "--array cannot be",
    ),
    "array-short": (BASH + "#SBATCH -a1-9\n: {{ x }}\n", 2, "--array cannot be used"),
    "array-cut": (BASH + "#SBATCH --arr 1-9\n: {{ x }}\n", 2, "--array cannot be used"),
    "wait": (
        BASH + "#SBATCH -vW\n: {{ x }}\n",
        2,
        "--wait .*: the trials would run one",
    ),
    "test-only": (BASH + "#SBATCH --test-only\n: {{ x }}\n", 2, "nothing would be"),
    "wrap": (BASH + "#SBATCH --wrap=ls\n: {{ x }}\n", 2, "the script itself is what"),
    "het": (BASH + "#SBATCH -n 2\n#SBATCH hetjob\n: {{ x }}\n", 3, "heterogeneous job"),
    "stray": (BASH + "#SBATCH time=9\n: {{ x }}\n", 2, "an option, such as --time=9"),
    "quote": (BASH + "#SBATCH --comment='a\n: {{ x }}\n", 2, "no closing quotation"),
}


@pytest.mark.parametrize(("source", "line", "message"), ERRORS.values(), ids=ERRORS)
def test_what_would_run_another_job_is_an_error(
    source: str, line: int, message: str
) -> None:
    (found,) = findings(source)
    assert found.is_error
    assert found.line == line
    assert re.search(message, found.message)


WARNINGS = {
    "job-name": (BASH + "#SBATCH -n 2 -J a\n: {{ x }}\n", 2, "--job-name: hpcopt sets"),
    "output": (
        BASH + "#SBATCH -o a.txt\n: {{ x }}\n",
        2,
        "no effect; the log is log.txt",
    ),
    "error": (
        BASH + "#SBATCH --err a.txt\n: {{ x }}\n",
        2,
        "--error: hpcopt sets this",
    ),
    "open-mode": (BASH + "#SBATCH --open-mode=append\n: {{ x }}\n", 2, "--open-mode: "),
    "parsable": (
        BASH + "#SBATCH --parsable\n: {{ x }}\n",
        2,
        "--parsable: hpcopt sets",
    ),
    "twice": (
        BASH + "#SBATCH -t 10 -n 2\n#SBATCH --time=20\n: {{ x }}\n",
        3,
        "--time is on line 2 already, as 10; the last one, 20, counts",
    ),
    "spaced": (BASH + "# SBATCH --time=20\n: {{ x }}\n", 2, "is a comment to sbatch"),
    "indented": (
        BASH + "  #SBATCH --time=20\n: {{ x }}\n",
        2,
        "is a comment to sbatch",
    ),
    "small": (BASH + "#sbatch --time=20\n: {{ x }}\n", 2, "is a comment to sbatch"),
    "signal": (
        BASH + "#SBATCH --signal=USR1@60\nexec ./a {{ x }}\n",
        2,
        "steps of srun only, .* --signal=B:USR1@60",
    ),
    "unheard": (
        BASH + "#SBATCH --signal=B:USR1@60\n./a {{ x }}\n",
        2,
        "reaches the script and not its program: .*exec",
    ),
    "exit": (BASH + "./a {{ x }}\n\nexit 0\n# bye\n", 4, "'exit 0' succeeds whatever"),
    "echo": (BASH + "./a {{ x }}\necho ended at $SECONDS\n", 3, "succeeds whatever"),
    "wait-all": (BASH + "./a {{ x }} &\nwait\n", 3, "'wait' succeeds whatever"),
    "sbatch": (BASH + "cd a; sbatch b {{ x }}\n", 2, "a job submitted within"),
    "interpreter": (
        "#!/opt/none/bash\n: {{ x }}\n",
        1,
        "interpreter /opt/none/bash is",
    ),
    "env": (
        "#!/usr/bin/env -S nonesuch -u\n{{ x }}\n",
        1,
        "interpreter nonesuch is not",
    ),
    "same": (BASH + "./a {{ trial.folder }}\n", None, "all trials would be the same"),
    "same-command": (
        BASH + "./a {{ experiment.name }}\n",
        None,
        "no parameter is named",
    ),
}


@pytest.mark.parametrize(("source", "line", "message"), WARNINGS.values(), ids=WARNINGS)
def test_what_may_be_meant_is_a_warning(
    source: str, line: int | None, message: str
) -> None:
    (found,) = findings(source)
    assert not found.is_error
    assert found.line == line
    assert re.search(message, found.message)


@pytest.mark.parametrize(
    "source",
    [
        BASH + "#SBATCH --time=20  # twice? --time=30\n#SBATCH -t 20\n./a {{ x }}\n",
        BASH + "##SBATCH --time=20\n./a {{ x }}\n",
        BASH + "{% if x > 1 %}\n#SBATCH -n 2\n{% endif %}\n./a {{ x }}\n",
        BASH + "{%# a\n comment #%}\n{{ setup }}\n#SBATCH -n 2\n./a {{ x }}\n",
        BASH + "#SBATCH --signal=USR1@60\nsrun ./a {{ x }}\n",
        BASH + "#SBATCH --signal=B:USR1@60\nexec ./a {{ x }}\n",
        BASH + "set -e\n./a {{ x }}\necho done\n",
        "#!/bin/bash -le\n./a {{ x }}\nexit 0\n",
        BASH + "./a {{ x }} || exit\necho done\n",
        BASH + "./a {{ x }}\necho done | tee log\n",
        BASH + "exit 0 {{ x }}\n",
        BASH + "sbatch --wait a {{ x }}\nls sbatch\n",
        BASH + "{% for k, v in parameters.items() %}a {{ v }}\n{% endfor %}\n",
        BASH + './a "$HPCOPT_TRIAL_FOLDER/parameters.json"\n',
        "#!/usr/bin/env python3\n#SBATCH -n 2\nprint({{ x }})\nexit(0)\n",
        "#!{{ python }}\nprint({{ x }})\n",
    ],
)
def test_what_is_right_is_not_found_fault_with(source: str) -> None:
    assert findings(source) == []


@pytest.mark.parametrize("name", sorted(shipped_templates()))
def test_a_shipped_template_has_no_fault(name: str) -> None:
    source = shipped_templates()[name].read_text()
    assert findings(source, command=("./a", "{{ x }}"), setup=("ls",)) == []
    assert findings(source, function="a:b") == []


def test_the_command_is_looked_at_where_it_is_used() -> None:
    source = BASH + "{{ command }}\n"
    assert findings(source, command=("a", "--x={{ x }}")) == []
    assert findings(BASH + "ls\n", command=("a", "--x={{ x }}")) != []
    (found,) = findings(source, command=("a",))
    assert found.sentence("t") == (
        "t: no parameter is named in it: all trials would be the same"
    )


def test_a_forgotten_parameter_is_named() -> None:
    found = lint(BASH + "./a {{ x }}\n", spec(), ["x", "y"], lambda _: True)
    assert [f.message.split(":")[0] for f in found] == [
        "the parameter 'y' is named nowhere"
    ]


def test_lines_of_setup_are_commands() -> None:
    source = BASH + "{{ setup }}\n#SBATCH -n 2\n./a {{ x }}\n"
    (found,) = findings(source, setup=("module load gcc",))
    assert found.line == 3


def test_options_are_read_as_sbatch_reads_them() -> None:
    line = '#SBATCH -N2 -t 1:00 --mem 4G --exclusive --comment="a # b" -sHk -c=3 # -x a'
    (found,) = directives(f"#!/bin/bash\n{line}\n")
    assert found.options == [
        ("nodes", "2"),
        ("time", "1:00"),
        ("mem", "4G"),
        ("exclusive", None),
        ("comment", "a # b"),
        ("oversubscribe", None),
        ("hold", None),
        ("no-kill", None),
        ("cpus-per-task", "=3"),
    ]


def test_an_option_is_traced_to_where_it_is_set() -> None:
    source = BASH + "#SBATCH -p main\n#SBATCH --qos=a\n"
    job = spec(slurm={"gpus_per_node": 1, "qos": "b"})
    assert place_of("gpus-per-node", job, source) == "job.slurm.gpus_per_node"
    assert place_of("qos", job, source) == "job.slurm.qos"
    assert place_of("partition", job, source) == "t.sbatch, line 2"
    assert place_of("mem", job, source) == ""
