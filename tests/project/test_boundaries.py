"""Who may import what, who may start programs, and who may name Slurm's commands.

The rooms are those of docs/architecture.md. Each table is also checked for entries that
are no longer true.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import hpcopt

ROOT = Path(hpcopt.__file__).parent
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))
ROOMS = sorted({module.split("/")[0] for module in MODULES})

TESTS = Path(__file__).parents[1]
#: What earlier versions and their users wrote is no test.
FIXTURES = TESTS / "compatibility" / "fixtures"
TEST_MODULES = sorted(
    path.relative_to(TESTS).as_posix()
    for path in TESTS.rglob("*.py")
    if FIXTURES not in path.parents
)

#: What comes from outside, and the rooms or modules that own it.
OWNERS = {
    "torch": [
        "generation/acquisition/botorch.py",
        "generation/models/",
        "generation/named/",
    ],
    "botorch": [
        "generation/acquisition/",
        "generation/models/",
        "generation/named/",
        "generation/optim/optimize.py",
    ],
    "gpytorch": [
        "generation/models/surrogate.py",
        "generation/named/asked.py",
        "generation/named/models.py",
        "generation/named/pending.py",
    ],
    "linear_operator": [
        "generation/named/functions.py",
        "generation/named/knowledge_gradient.py",
    ],
    "scipy": [
        "analysis/healthcheck/no_effects_analysis.py",
        "analysis/sobol_indices.py",
        "generation/acquisition/",
        "generation/design/",
        "generation/models/",
        "generation/named/state.py",
        "generation/optim/",
    ],
    "submitit": ["slurm/"],
    "threadpoolctl": ["host/threads.py"],
    "h5py": ["export/hdf5.py", "metrics/"],
    "pyarrow": ["export/parquet.py"],
    "click": ["cli/"],
    "rich": ["cli/"],
    "matplotlib": ["figures/"],
    "textual": ["cli/watch/"],
    "pandas": ["analysis/", "api/"],
    "plotly": ["analysis/"],
    "IPython": ["analysis/page.py"],
    "graphviz": ["analysis/graphviz/graphviz_analysis.py"],
    "jinja2": ["runners/script/template.py"],
    "pydantic": ["config/"],
    "pydantic_core": ["config/file.py"],
    "yaml": ["config/file.py"],
    "numpy": [
        "analysis/",
        "core/",
        "figures/",
        "generation/acquisition/",
        "generation/design/",
        "generation/models/",
        "generation/named/",
        "generation/optim/",
        "generation/penalties.py",
        "generation/predict.py",
        "generation/proposers/",
        "generation/strategy.py",
        "metrics/",
        "node/",
        "reporting/figures.py",
    ],
    "subprocess": [
        "driver/notify/command.py",
        "node/attempt_process.py",
        "slurm/commands.py",
        "generation/service/process_service.py",
        "cli/detach.py",
        "cli/page_refresh.py",
        "cli/verbs/doctor.py",
        "testing/store.py",
    ],
    "multiprocessing": [],
}

#: Calls of ``os`` that start programs, and who makes them.
STARTS = re.compile(r"(posix_spawn|spawn|exec|fork|popen|system|startfile)")
STARTERS = ["runners/local/processes.py"]

#: What each room may import of the others. A room may always import its own modules,
#: and any room but ``core`` and ``host`` all of these two. A room within a room has its
#: own row, and its outer room's is about the modules beside it. The outer rooms are in
#: the order of their dependencies: each names only rooms above itself.
NEIGHBOURS = {
    "core/trials": [
        "core.errors",
        "core.frozen",
        "core.many_objects",
        "core.types",
    ],
    "core/goals": ["core.errors", "core.linear", "core.trials.trial", "core.types"],
    "core/space": ["core.errors", "core.expressions", "core.types"],
    "core": ["core.goals", "core.space", "core.trials"],
    "host": ["core.errors"],
    "storage": ["__version__"],
    "metrics": [],
    "slurm": [],
    "runners": [],
    "runners/script": ["runners.protocol"],
    "runners/local": ["runners.protocol", "runners.script", "runners.single_trials"],
    "runners/slurm": [
        "runners.protocol",
        "runners.script",
        "runners.single_trials",
        "slurm",
    ],
    "node": [
        "metrics.result_file",
        "runners.script.attempt_folder",
        "runners.script.worker_error",
    ],
    "__init__.py": ["node.report"],
    "worker.py": ["node.worker"],
    "pack.py": ["node.pack"],
    "generation/design": ["generation.protocol", "generation.snapshot"],
    "generation/models": ["generation.snapshot"],
    "generation/acquisition": ["generation.models"],
    "generation/optim": [
        "generation.acquisition.botorch",
        "generation.design",
        "generation.models",
    ],
    "generation/proposers": [
        "generation.acquisition",
        "generation.design",
        "generation.methods",
        "generation.models",
        "generation.optim",
        "generation.snapshot",
    ],
    "generation/named": [
        "generation.catalogue",
        "generation.custom.find",
        "generation.design",
        "generation.models",
        "generation.optim",
        "generation.proposers",
        "generation.snapshot",
    ],
    "generation/custom": [
        "generation.design.initial",
        "generation.protocol",
        "generation.snapshot",
        "generation.spec",
        "generation.strategy",
    ],
    "generation/service": [
        "__version__",
        "generation.factory",
        "generation.methods",
        "generation.protocol",
        "generation.snapshot",
        "generation.spec",
    ],
    "generation": [
        "generation.custom",
        "generation.design",
        "generation.models",
        "generation.named.asked",
        "generation.named.fitted",
        "generation.proposers.schedule",
        "generation.service",
    ],
    "driver/notify": [],
    "driver": [
        "__version__",
        "generation.protocol",
        "generation.snapshot",
        "metrics.protocol",
        "runners.protocol",
        "storage.journal",
    ],
    "experiment": [
        "__version__",
        "driver",
        "generation.design.feasible",
        "generation.protocol",
        "generation.service",
        "generation.spec",
        "metrics",
        "runners",
        "slurm.site",
        "storage",
    ],
    "analysis/plotly": ["analysis", "generation.models.metric_model"],
    "analysis/plotly/surface": ["analysis"],
    "analysis/cluster": ["analysis"],
    "analysis/markdown": ["analysis.card", "analysis.text"],
    "analysis/graphviz": ["analysis"],
    "analysis/healthcheck": ["analysis"],
    "analysis": [
        "analysis.cluster",
        "analysis.graphviz",
        "analysis.healthcheck",
        "analysis.markdown",
        "analysis.plotly",
        "generation.choice",
        "generation.design.feasible",
        "generation.design.initial",
        "generation.methods",
        "generation.models",
        "generation.penalties",
        "generation.predict",
        "generation.protocol",
        "generation.snapshot",
        "generation.spec",
        "generation.steps",
        "generation.strategy",
    ],
    "reporting": ["__version__", "analysis"],
    "figures": [
        "analysis.analysis",
        "analysis.card",
        "analysis.cluster.cluster_analysis",
        "analysis.experiment",
        "analysis.generation_strategy",
        "analysis.overview",
        "analysis.plotly.parallel_coordinates",
        "analysis.plotly.plotly_analysis",
        "analysis.text",
    ],
    "export": ["__version__"],
    "adapter": [],
    "generation_strategy": ["analysis.generation_strategy"],
    "config": [
        "driver.limits",
        "driver.notify.spec",
        "experiment.file_latency",
        "experiment.job_runner",
        "experiment.spec",
        "generation.spec",
        "generation.steps",
        "metrics.hdf5",
        "runners.script",
        "runners.slurm.driver_job",
    ],
    "api/protocols": [
        "generation.custom.own",
        "generation.snapshot",
        "metrics.protocol",
        "runners.protocol",
    ],
    "api": [
        "analysis",
        "driver",
        "experiment",
        "generation",
        "metrics",
        "runners.protocol",
        "runners.script",
    ],
    "cli/views": [
        "config.sections",
        "driver.ended_trials",
        "driver.progress",
        "experiment.folder",
        "runners.script.attempt_folder",
        "slurm.driver_job_folders",
        "storage.lease_holder",
    ],
    "cli/watch": [
        "cli.views",
        "driver.control",
        "driver.requests",
        "experiment.folder",
        "storage.journal_tail",
    ],
    "cli/checks": [
        "cli.views",
        "config.file",
        "config.specs",
        "experiment",
        "generation.design.center",
        "runners",
        "slurm.messages",
    ],
    "cli": [
        "__version__",
        "cli.views",
        "config",
        "driver.requests",
        "experiment",
        "figures",
        "runners.slurm.driver_job",
        "slurm.driver_job_folders",
        "storage.lease_holder",
    ],
    "cli/verbs": [
        "analysis",
        "api.best",
        "cli.asking",
        "cli.checks",
        "cli.completion",
        "cli.crash",
        "cli.detach",
        "cli.figure_options",
        "cli.handover",
        "cli.log",
        "cli.needed",
        "cli.page_refresh",
        "cli.starter",
        "cli.target",
        "cli.views",
        "cli.watch",
        "config",
        "driver",
        "experiment",
        "export.files",
        "generation.replay",
        "reporting",
        "runners",
        "slurm",
    ],
    "__main__.py": ["cli.main"],
    "testing": ["slurm.commands"],
}

#: A word of Slurm's that only these may say: ``sbatch`` as the first word of a text, as
#: it is run and not as it is talked about, and the others anywhere.
COMMANDS = re.compile(r"^sbatch\b|\b(squeue|sacct|scancel|scontrol|sacctmgr|sinfo)\b")
SPEAKERS = [
    "slurm/",
    "cli/verbs/check.py",
    "cli/verbs/doctor.py",
    "testing/",
]


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def imports(module: str) -> Iterator[str]:
    """Yield the dotted name of all that a module imports, anywhere in it."""
    yield from imports_in(tree(module), module)


def imports_in(parsed: ast.AST, module: str) -> Iterator[str]:
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls_of_os(module: str) -> Iterator[str]:
    """Yield the names of what a module uses of ``os``."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "os":
                yield node.attr
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (alias.name for alias in node.names)


def texts(module: str) -> Iterator[str]:
    """Yield the string literals of a module that are not documentation."""
    documentation = {
        id(node.value)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree(module)):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documentation
        ):
            yield node.value


def importers(package: str) -> list[str]:
    return [
        module
        for module in MODULES
        if any(f"{name}.".startswith(f"{package}.") for name in imports(module))
    ]


def is_one_of(module: str, owners: list[str]) -> bool:
    return any(
        module.startswith(owner) if owner.endswith("/") else module == owner
        for owner in owners
    )


@pytest.mark.parametrize("package", OWNERS)
def test_only_its_owners_import_a_package(package: str) -> None:
    strangers = [m for m in importers(package) if not is_one_of(m, OWNERS[package])]
    assert strangers == []


@pytest.mark.parametrize(
    ("package", "owner"),
    [(package, owner) for package, owners in OWNERS.items() for owner in owners],
)
def test_every_owner_uses_what_it_owns(package: str, owner: str) -> None:
    assert any(is_one_of(module, [owner]) for module in importers(package))


def test_every_package_that_is_imported_has_an_owner() -> None:
    known = {*OWNERS, "hpcopt", "typing_extensions"} | sys.stdlib_module_names
    for module in MODULES:
        assert {name.split(".")[0] for name in imports(module)} <= known, module


def test_no_two_public_classes_have_one_name() -> None:
    found = Counter(
        node.name
        for module in MODULES
        for node in tree(module).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, n in found.items() if n > 1] == []


def test_only_few_start_programs_by_calls_of_os() -> None:
    found = [
        module
        for module in MODULES
        if any(STARTS.match(name) for name in calls_of_os(module))
    ]
    assert found == STARTERS


def test_every_room_has_its_row_and_every_row_its_room() -> None:
    assert sorted(room for room in NEIGHBOURS if "/" not in room) == ROOMS
    folders = {str(Path(module).parent) for module in MODULES} - {"."}
    assert folders <= set(NEIGHBOURS)
    assert {room_of(module) for module in MODULES} == set(NEIGHBOURS)


def room_of(module: str) -> str:
    """Return the row of a module: of rooms within rooms, the inner one's."""
    rooms = [one for one in NEIGHBOURS if f"{module}/".startswith(f"{one}/")]
    return max(rooms, key=len)


def test_the_rooms_are_in_the_order_of_their_dependencies() -> None:
    above = {"__version__"}
    for row, neighbours in NEIGHBOURS.items():
        room = row.split("/")[0]
        assert {one.split(".")[0] for one in neighbours} - {room} <= above, row
        above.add(room)


def dotted(module: str) -> str:
    """Return the name by which a module is imported."""
    name = f"hpcopt/{module}".removesuffix(".py").removesuffix("/__init__")
    return name.replace("/", ".")


def test_no_module_imports_itself_by_way_of_others() -> None:
    names = {dotted(module) for module in MODULES}
    graph = {
        dotted(module): {
            name if name in names else name.rpartition(".")[0]
            for name in imports(module)
            if name in names or name.rpartition(".")[0] in names
        }
        - {dotted(module)}
        for module in MODULES
    }
    # Raises CycleError, which names a circle.
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) == names


def within(name: str, allowed: str) -> bool:
    return f"{name}.".startswith(f"hpcopt.{allowed}.")


#: The modules by the names by which they are imported.
BY_NAME = {dotted(module): module for module in MODULES}


def is_own(name: str, room: str) -> bool:
    """Whether what is imported by ``name`` is of the room itself."""
    module = BY_NAME.get(name) or BY_NAME.get(name.rpartition(".")[0])
    return module is not None and room_of(module) == room


@pytest.mark.parametrize("room", sorted(NEIGHBOURS))
def test_a_room_imports_only_its_neighbours(room: str) -> None:
    is_low = room.split("/", maxsplit=1)[0] in ("core", "host")
    allowed = [*([] if is_low else ["core", "host"]), *NEIGHBOURS[room]]
    found = {
        f"{module}: {name}"
        for module in MODULES
        if room_of(module) == room
        for name in imports(module)
        if name.startswith("hpcopt.")
        if not is_own(name, room)
        if not any(within(name, one) for one in allowed)
    }
    assert found == set()


@pytest.mark.parametrize(
    ("room", "neighbour"),
    [(room, one) for room, allowed in NEIGHBOURS.items() for one in allowed],
)
def test_every_neighbour_is_visited(room: str, neighbour: str) -> None:
    assert any(
        within(name, neighbour)
        for module in MODULES
        if room_of(module) == room
        for name in imports(module)
    )


@pytest.mark.parametrize("low", [r for r in ROOMS if r not in ("cli", "__main__.py")])
def test_nobody_imports_the_command_line(low: str) -> None:
    found = [
        module
        for module in MODULES
        if module.split("/")[0] == low
        if any(within(name, "cli") for name in imports(module))
    ]
    assert found == []


def test_a_protocol_imports_only_the_core_and_what_a_generator_sees() -> None:
    protocols = [m for m in MODULES if m.split("/")[1:] == ["protocol.py"]]
    assert len(protocols) == 4
    for module in protocols:
        ours = [name for name in imports(module) if name.startswith("hpcopt.")]
        assert all(
            within(name, "core") or within(name, "generation.snapshot") for name in ours
        ), module


def test_only_the_slurm_room_names_the_commands_of_slurm() -> None:
    found = {
        f"{module}: {text!r}"
        for module in MODULES
        if not is_one_of(module, SPEAKERS)
        for text in texts(module)
        if COMMANDS.search(text)
    }
    assert found == set()


@pytest.mark.parametrize("name", ["hpcopt", "hpcopt.api.client", "hpcopt.cli.main"])
def test_importing_the_front_doors_loads_nothing_heavy(name: str) -> None:
    code = f"import sys, {name}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = {module.split(".")[0] for module in done.stdout.split()}
    heavy = {"torch", "botorch", "gpytorch", "submitit", "h5py", "pandas"}
    heavy |= {"matplotlib", "plotly"}
    assert "hpcopt" in loaded
    assert loaded & heavy == set()


@pytest.mark.parametrize("name", ["hpcopt.core.experiment", "hpcopt.cli.verbs.status"])
def test_looking_at_an_experiment_needs_no_arrays_and_no_config(name: str) -> None:
    code = f"import sys, {name}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) & {"numpy", "pydantic", "yaml", "jinja2"} == set()


# The tests


@cache
def parsed_test(module: str) -> ast.Module:
    return ast.parse((TESTS / module).read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", TEST_MODULES)
def test_tests_share_only_what_lies_in_support(module: str) -> None:
    strangers = [
        name
        for name in imports_in(parsed_test(module), module)
        if name.split(".")[0] == "tests" and not name.startswith("tests.support.")
    ]
    assert strangers == []


def test_what_tests_share_is_documented_and_is_shared() -> None:
    support = {
        "tests." + module.removesuffix(".py").replace("/", "."): parsed_test(module)
        for module in TEST_MODULES
        if module.startswith("support/") and not module.endswith("__init__.py")
    }
    used = {
        used.rpartition(".")[0]
        for module in TEST_MODULES
        for used in imports_in(parsed_test(module), module)
    }
    assert set(support) - used == set()
    assert [name for name, one in support.items() if not ast.get_docstring(one)] == []


def test_tests_lie_where_what_they_test_lies() -> None:
    folders = {Path(module).parent for module in TEST_MODULES}
    ours = {Path(name) for name in ("compatibility", "project", "support")}
    ours.add(Path("api/tutorial"))
    assert [str(f) for f in folders - ours if not (ROOT / f).is_dir()] == []
