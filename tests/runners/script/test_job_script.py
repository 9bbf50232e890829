from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpcopt.core.errors import ConfigError, SubmissionDeferredError
from hpcopt.core.types import TParameterization, TParameterValue
from hpcopt.runners.protocol import AttemptRequest
from hpcopt.runners.script.job_script import JobScripts
from hpcopt.runners.script.rendered_job import RenderedJob, digest
from hpcopt.runners.script.shipped import find_template, shipped_templates
from tests.support.job_specs import job_spec

GOLDEN = Path(__file__).parent / "golden"


class Project:
    """A config's folder with one template in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def scripts(self, template: str | Path, **changes: object) -> JobScripts:
        path = template if isinstance(template, Path) else self.folder / "t.sbatch"
        if isinstance(template, str):
            path.write_bytes(template.encode())
        spec = job_spec(path, self.folder, **changes)
        return JobScripts("demo", self.folder / "demo", spec, python="/opt/python")

    def render(
        self,
        template: str | Path,
        parameters: TParameterization | None = None,
        **changes: object,
    ) -> RenderedJob:
        request = AttemptRequest(7, 1, {"x": 0.5} if parameters is None else parameters)
        return self.scripts(template, **changes).render(request, "hpcopt:demo:7:1")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / 'it\'s a $(rm) "%j"\nfolder')


# What the shipped templates become


@pytest.mark.parametrize("name", sorted(shipped_templates()))
def test_a_shipped_template_becomes_its_golden_script(name: str) -> None:
    spec = job_spec(
        shipped_templates()[name],
        Path("/home/ada/my project"),
        command=("./simulate", "--x={{ x }}", "{{ trial.folder }}/result.h5"),
        setup=("module load openmpi", "ulimit -s unlimited"),
        environment={"OMP_NUM_THREADS": "{{ threads }}", "NOTE": "it's"},
    )
    scripts = JobScripts("demo", Path("/scratch/demo"), spec)
    request = AttemptRequest(7, 1, {"x": 0.5, "threads": 4})
    rendered = scripts.render(request, "hpcopt:demo:7:1")
    texts = {"script": rendered.script}
    if name == "command.sbatch":  # the wrapper is the same around all of them
        texts["job"] = rendered.job
    for kind, text in texts.items():
        golden = GOLDEN / f"{name}.{kind}.sh"
        if not golden.exists():  # delete a file to accept a change
            golden.write_text(text)
            pytest.fail(f"{golden} was missing and is written now: look at it")
        assert text == golden.read_text()
    subprocess.run(["bash", "-n"], input=rendered.job, text=True, check=True)


def test_a_function_is_run_by_the_worker(project: Project) -> None:
    rendered = project.render(
        shipped_templates()["command.sbatch"], command=None, function="train:main"
    )
    assert "exec /opt/python -m hpcopt.node.worker train:main\n" in rendered.script
    assert "export PYTHONPATH=" in rendered.job


def test_a_template_beside_the_config_goes_before_a_shipped_one(tmp_path: Path) -> None:
    assert find_template("gpu.sbatch", tmp_path) == shipped_templates()["gpu.sbatch"]
    (tmp_path / "gpu.sbatch").touch()
    assert find_template("gpu.sbatch", tmp_path) == tmp_path / "gpu.sbatch"
    with pytest.raises(ConfigError, match=r"one of command\.sbatch, container\.sbatch"):
        find_template("none.sbatch", tmp_path)


# Names


def test_every_name_of_the_documentation_is_there(project: Project) -> None:
    template = """#!/bin/bash
: {{ x }} {{ parameters }} {{ parameters['a-b'] }} {{ experiment.name }} {{ python }}
: {{ trial.index }} {{ trial.attempt }} {{ trial.name }}
: {{ command }}
{{ setup }}
"""
    rendered = project.render(template, {"x": 0.5, "a-b": "c d"}, setup=("ls | wc",))
    assert rendered.script.split("\n")[1:] == [
        """: 0.5 '{"x": 0.5, "a-b": "c d"}' 'c d' demo /opt/python""",
        ": 7 1 hpcopt:demo:7:1",
        ": simulate 7",
        "ls | wc",
        "",
    ]


@pytest.mark.parametrize("value", ["a", "it's", "a b\n\\n", '"', 0.5, True, {"a": "b"}])
def test_a_python_script_gets_literals_of_python(
    project: Project, value: TParameterValue
) -> None:
    template = "#!/usr/bin/env python3\n# {{ trial.index }}\nfound = {{ x }}\n"
    names: dict[str, object] = {}
    exec(project.render(template, {"x": value}).script, names)
    assert names["found"] == value


@pytest.mark.parametrize(
    "template",
    [
        "#!/usr/bin/python3.12\nprint('{{ x }}')\n",
        "#!/usr/bin/env python\n# {{ x }}\n",
        "#!/usr/bin/env Rscript\nx <- {{ x }}\n",
    ],
)
def test_where_no_language_protects_a_value_only_plain_words_are_written(
    project: Project, template: str
) -> None:
    assert "plain-word.h5" in project.render(template, {"x": "plain-word.h5"}).script
    with pytest.raises(ConfigError, match=r"in another language|value of one line"):
        project.render(template, {"x": "it's\nnot"})


def test_a_python_script_that_is_none_is_refused(project: Project) -> None:
    with pytest.raises(ConfigError, match="expected Python, as the first line says"):
        project.render("#!/usr/bin/env python3\nprint(({{ x }}\n", {"x": "a"})


def test_the_folders_are_where_the_attempt_is(project: Project) -> None:
    words = (
        "{{ trial.folder }}|{{ trial.checkpoint }}",
        "{{ experiment.folder }}|{{ config.folder }}",
    )
    rendered = project.render("#!/bin/bash\nprintf %s {{ command }}\n", command=words)
    out = subprocess.run(["bash", "-c", rendered.script], capture_output=True)
    demo = project.folder / "demo"
    expected = f"{demo}/trials/0007/attempt-1|{demo}/trials/0007{demo}|{project.folder}"
    assert out.stdout.decode() == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (
            "#!/bin/sh\n\n: {{ y }}\n",
            r"t\.sbatch, line 3: 'y' is undefined; .*trial, x$",
        ),
        ("#!/bin/sh\n: {{ trial.id }}\n", r"line 2: 'id' is not there; .*index, name$"),
        ("#!/bin/sh\n: {{ x \n", r"t\.sbatch, line 2: unexpected end of template"),
        ("#!/bin/sh\n: {{ x / 0 }}\n", r"t\.sbatch, line 2: float division by zero"),
        (
            ": {{ x }}\n",
            r"line 1: expected a shebang such as #!/bin/bash, found ': 0.5",
        ),
        ("#!/bin/sh\n: a\r\n", r"t\.sbatch, line 2: .*found a carriage return"),
        (
            "#!/bin/sh\nls\n#SBATCH -n 2\n",
            r"line 3 .*'#SBATCH -n 2' stands after .*'ls'",
        ),
        ("#!/bin/sh\n#SBATCH -n 2 --array=3\n", r"line 2 .*: --array cannot be used"),
        ("#!/bin/sh\n#SBATCH --wait\n", r"line 2 .*: --wait cannot be used"),
        (
            "#!/bin/sh\n{% set a %}{{ x }}{% endset %}{{ a }}\n",
            "one within a macro, a call or a set block cannot be quoted",
        ),
    ],
)
def test_a_wrong_template_is_told_with_its_line(
    project: Project, template: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        project.render(template)


def test_an_unknown_name_in_a_command_is_told(project: Project) -> None:
    with pytest.raises(ConfigError, match=r"job\.command\[1\]: 'y' is undefined; the"):
        project.render("#!/bin/bash\n", command=("simulate", "{{ y }}"))


def test_a_template_with_a_command_needs_one(project: Project) -> None:
    with pytest.raises(ConfigError, match="line 2: 'command' is undefined"):
        project.render("#!/bin/bash\n{{ command }}\n", command=None)


def test_a_parameter_cannot_take_a_name_that_means_something_else(
    project: Project,
) -> None:
    with pytest.raises(ConfigError, match="parameter 'trial': this name means"):
        project.render("#!/bin/bash\n", {"trial": 1})


def test_a_missing_template_is_told(project: Project) -> None:
    with pytest.raises(ConfigError, match=r"(?s)job\.template: .*No such file"):
        project.render(project.folder / "none.sbatch")


def test_bash_may_count_its_arrays(project: Project) -> None:
    script = "#!/bin/bash\na=(1 2)\necho ${#a[@]} {{ x }}\n"
    assert project.render(script).script == script.replace("{{ x }}", "0.5")


# Quoting

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXT)
def test_any_value_reaches_the_program_as_it_is(tmp_path: Path, text: str) -> None:
    template = """#!/bin/bash
printf '%s\\0' {{ s }} {{ command }} "$(printf '%s' {{ s }}; echo .)" a{{ s }}b
"""
    rendered = Project(tmp_path / "p").render(
        template, {"s": text}, command=("-{{ s }}-", "{{ parameters.s }}")
    )
    out = subprocess.run(["bash", "-c", rendered.script], capture_output=True)
    expected = [text, f"-{text}-", text, f"{text}.", f"a{text}b", ""]
    assert out.stdout.decode().split("\0") == expected


PLACES = {
    "word": ": {{ s }}",
    "double": ': "a {{ s }}"',
    "single": ": 'a {{ s }}'",
    "ansi": ": $'a \\' {{ s }}'",
    "substitution": ": $(echo {{ s }})",
    "quoted-substitution": ': "$(echo "b" {{ s }})"',
    "double-in-substitution": ': "$(echo "{{ s }}")"',
    "backticks": ": `echo {{ s }}`",
    "default": ": ${unset:-{{ s }}}",
    "default-in-double": ': "${unset:-{{ s }}}"',
    "arithmetic": ": $((1<<2)) $(( {{ s }} ))",
    "comment": "# it's {{ s }}",
    "comment-in-substitution": ": $(true # it's {{ s }}\n)",
    "after-comment": "# it's\n: {{ s }}",
    "after-hash": ': ${#a} a#b "x" {{ s }}',
    "here-document": "cat <<END\n{{ s }}\nEND",
    "quoted-here-document": "cat <<'END'\n{{ s }}\nEND",
    "tabbed-here-document": "cat <<-END\n\t{{ s }}\n\tEND",
    "after-here-document": "cat <<END\nit's\nEND\n: {{ s }}",
    "here-string": "cat <<< {{ s }}",
    "after-here-string": 'cat <<< "a"\n: {{ s }}',
    "directive": "#SBATCH --comment={{ s }}",
}

ATTACKS = [
    "$(touch canary)",
    "`touch canary`",
    "'; touch canary; '",
    '"; touch canary; "',
    "\ntouch canary\n",
    "\nEND\ntouch canary\n",
    "1 + a[$(touch canary)]",
    "'$(touch canary)'",
    "\\'; touch canary #",
    "}; touch canary; {",
]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_no_value_is_run_wherever_it_stands(project: Project, place: str) -> None:
    """A place where quoting would not protect is refused, with the line."""
    for attack in ATTACKS:
        script = script_or_refusal(project, place, attack)
        subprocess.run(["bash", "-c", script], cwd=project.folder, capture_output=True)
        assert not (project.folder / "canary").exists(), script


def script_or_refusal(project: Project, place: str, text: str) -> str:
    try:
        return project.render(f"#!/bin/bash\n{place}\n", {"s": text}).script
    except ConfigError as exc:
        if re.search(r"line \d+ of the script: (hpcopt quotes|.*one line)", str(exc)):
            return ""
        raise


@pytest.mark.parametrize(
    "place",
    [
        "word",
        "substitution",
        "quoted-substitution",
        "after-comment",
        "after-hash",
        "after-here-string",
    ],
)
def test_any_value_may_stand_as_a_word(project: Project, place: str) -> None:
    for attack in ATTACKS:
        project.render(f"#!/bin/bash\n{PLACES[place]}\n", {"s": attack})


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_number_may_stand_anywhere(project: Project, place: str) -> None:
    script = project.render(f"#!/bin/bash\n{place}\n", {"s": -1.5e-7}).script
    assert script == f"#!/bin/bash\n{place}\n".replace("{{ s }}", "-1.5e-07")


@pytest.mark.parametrize("text", ["\0", "\ud800"], ids=["nul", "surrogate"])
def test_text_that_no_command_can_take_is_refused(project: Project, text: str) -> None:
    with pytest.raises(ConfigError, match="expected text that a command can take"):
        project.render("#!/bin/bash\n: {{ s }}\n", {"s": text})


# Options and environment


def test_slurm_s_own_mails_are_options_as_any_others(project: Project) -> None:
    slurm = {"mail_type": "FAIL", "mail_user": "ann@example.org"}
    rendered = project.render("#!/bin/bash\n", slurm=slurm)
    assert rendered.options == {"mail-type": "FAIL", "mail-user": "ann@example.org"}


def test_options_are_rendered_and_named_as_sbatch_names_them(project: Project) -> None:
    slurm = {
        "nodes": "{{ n }}",
        "cpus_per_task": 4,
        "exclusive": True,
        "requeue": False,
        "account": None,
        "mem": "{{ n * 2 }}G",
    }
    rendered = project.render("#!/bin/bash\n", {"n": 3}, slurm=slurm)
    assert rendered.options == {
        "nodes": "3",
        "cpus-per-task": "4",
        "exclusive": None,
        "mem": "6G",
    }


def test_directives_go_into_the_job_as_they_are(project: Project) -> None:
    template = (
        "#!/bin/bash -l\n# a note\n#SBATCH -n 2  # two\n\n#SBATCH --gpus={{ x }}\n"
    )
    rendered = project.render(template)
    assert rendered.directives == ("#SBATCH -n 2  # two", "#SBATCH --gpus=0.5")
    assert rendered.job.split("\n")[:3] == ["#!/bin/bash", *rendered.directives]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"function": "a:b"}, "expected either command or function, found both"),
        ({"command": ()}, r"job\.command: expected at least one word"),
        ({"command": None, "function": "a"}, "expected 'module:function', found 'a'"),
        ({"slurm": {"job_name": "a"}}, r"job\.slurm\.job_name: hpcopt sets this"),
        ({"slurm": {"c": 4}}, "expected the long name of an option .* found 'c'"),
        ({"slurm": {"a b": 4}}, "expected the long name of an option .* found 'a b'"),
        (
            {"slurm": {"mem_per_cpu": 1, "mem-per-cpu": 2}},
            "expected --mem-per-cpu once, found it twice",
        ),
        ({"environment": {"A B": "1"}}, r"job\.environment: .*found 'A B'"),
    ],
)
def test_a_wrong_job_is_told_at_once(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        job_spec(tmp_path / "t.sbatch", tmp_path, **changes)


def test_the_digest_tells_any_difference(project: Project) -> None:
    template = "#!/bin/bash\n{{ command }}\n"
    jobs = [
        project.render(template),
        project.render(template, {"x": 0.6}),
        project.render(template, slurm={"nodes": 2}),
        project.render(template, environment={"A": "1"}),
    ]
    assert len({job.digest for job in jobs}) == len(jobs)
    assert digest(jobs) != digest(jobs[::-1])
    assert project.render(template).digest == jobs[0].digest


# Writing


def test_what_is_written_is_what_was_rendered(project: Project) -> None:
    scripts = project.scripts("#!/bin/bash\n{{ command }}\n")
    request = AttemptRequest(7, 1, {"x": 0.5, "s": "é\n"})
    rendered = scripts.render(request, "n")
    for _ in range(2):
        folder = scripts.write(request, rendered)
    assert folder.script.read_text() == rendered.script
    assert folder.job.read_text() == rendered.job
    assert json.loads(folder.parameters.read_text()) == {"x": 0.5, "s": "é\n"}
    assert folder.script.stat().st_mode & 0o777 == 0o755
    assert len(list(folder.path.iterdir())) == 3


def test_a_folder_that_cannot_be_written_defers_the_submission(
    project: Project,
) -> None:
    scripts = project.scripts("#!/bin/bash\n")
    request = AttemptRequest(7, 1, {"x": 0.5})
    (project.folder / "demo").write_text("in the way")
    with pytest.raises(SubmissionDeferredError, match=r"(?s)cannot write .*attempt-1"):
        scripts.write(request, scripts.render(request, "n"))


@pytest.mark.parametrize(
    "line",
    [
        "echo {{ trial.name }}",
        "echo {{ trial['name'] }}",
        "echo {{ trial.get('name') }}",
        "echo {{ trial }}",
        "echo {{ trial | tojson }}",
        "{% for key, value in trial.items() %}\necho {{ value }}\n{% endfor %}",
    ],
)
def test_what_says_its_name_is_rendered_anew_under_another(
    project: Project, line: str
) -> None:
    scripts = project.scripts(f"#!/bin/bash\n{line}\n")
    request = AttemptRequest(7, 1, {"x": 0.5})
    rendered = scripts.render(request, "first")
    assert rendered.is_named
    renamed = scripts.renamed(rendered, request, "second")
    assert renamed.script == rendered.script.replace("first", "second")
    assert renamed.script != rendered.script


def test_what_says_no_name_stays_as_it_was_rendered(project: Project) -> None:
    scripts = project.scripts(
        "#!/bin/bash\necho {{ trial.index }} {{ trial.attempt }} {{ trial.folder }}\n"
    )
    request = AttemptRequest(7, 1, {"x": 0.5})
    rendered = scripts.render(request, "first")
    assert scripts.renamed(rendered, request, "second") is rendered
