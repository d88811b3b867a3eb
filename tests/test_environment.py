"""environment.yml, pyproject.toml and requirements.lock say the same; imports go down only."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import requires, version

import networkx
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers import __version__
from helpers.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CARD = {"torch", "jupyterlab", "ipywidgets", "matplotlib", "seaborn", "papermill", "nbval"}


def lock() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): pin for name, pin in pins}


def declared() -> list[Requirement]:
    """All that is declared, but for what an extra pins itself, which no one else installs."""
    extras = PROJECT["optional-dependencies"].values()
    groups = [PROJECT["dependencies"], *(extra for extra in extras if not all(map(pinned, extra)))]
    return [Requirement(r) for group in groups for r in group]


def pinned(requirement: str) -> bool:
    return [s.operator for s in Requirement(requirement).specifier] == ["=="]


def test_lock_satisfies_pyproject():
    pins = lock()
    for requirement in declared():
        pin = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin), f"{requirement} against {pin}"


def test_lock_is_complete():
    """Everything that a locked package needs on this Python is locked too.

    The lock is made with a CPU build of torch. A CUDA build of the same version brings CUDA's
    packages, whose versions it pins itself.
    """
    of_cuda = re.compile(r"nvidia-|cuda-|triton")
    pins = lock()
    for name in pins:
        for text in requires(name) or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                known = canonicalize_name(needed.name) in pins or of_cuda.match(needed.name)
                assert known, f"{name} needs {needed}"


def test_torch_is_pinned_exactly():
    assert lock()["torch"] == "2.13.0"
    assert "torch==2.13.0" in PROJECT["dependencies"]


def test_the_card_is_declared():
    names = {Requirement(r).name for r in PROJECT["dependencies"]}
    assert names >= CARD


def test_environment_yml_is_the_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == PROJECT["name"]
    assert environment["channels"] == ["conda-forge"]
    python, pip, through_pip = environment["dependencies"]
    assert python == f"python{PROJECT['requires-python']}"
    assert pip == "pip"
    assert through_pip == {"pip": ["-r requirements.lock", "-e ."]}


def test_versions_agree():
    assert PROJECT["version"] == __version__ == version("memory-and-messages")


def test_import_helpers_is_light():
    code = "import sys, helpers; print(sorted({'torch', 'numpy', 'matplotlib'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


def test_reading_a_notebook_parses_no_grammar_of_addresses():
    """Two seconds in every process that runs a notebook; who checks an address still can."""
    code = """
import sys, helpers, nbformat, papermill, nbconvert
from jsonschema import Draft202012Validator
nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]))
print("rfc3987_syntax.syntax_helpers" in sys.modules)
conforms = Draft202012Validator.FORMAT_CHECKER.conforms
print(conforms("http://a.b/ü", "iri"), conforms("a b", "iri"), conforms("a b", "iri-reference"))
import rfc3987_syntax
print("rfc3987_syntax.syntax_helpers" in sys.modules, rfc3987_syntax.is_valid_syntax.__module__)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.split() == [
        *("False", "True", "False", "False"),
        *("True", "rfc3987_syntax.syntax_helpers"),
    ], result.stderr


# The layout, read from the names: nothing is listed here, so that a new module need not be.
#
# - A wing says in its docstring which others it imports: "Imports recurrent and graph."
# - Inside a wing modules whose names end with "widgets" stand above those that end with "plots" or
#   "drawings", and those above all others. Imports go down, and never in a circle.
# - Nobody imports a module whose name ends with "bench" or "traps".

WINGS = sorted(path.parent.name for path in (ROOT / "helpers").glob("*/__init__.py"))
wings = pytest.mark.parametrize("wing", WINGS)


def floor(module: str) -> int:
    """2 for explorers, 1 for figures, 0 for the rest."""
    name = module.rsplit(".", 1)[-1]
    return 2 if name.endswith("widgets") else 1 if name.endswith(("plots", "drawings")) else 0


def modules(wing: str) -> dict:
    """Name of a module of a wing -> its file."""
    found = {}
    for path in (ROOT / "helpers" / wing).rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[-1] != "__init__" or len(parts) > 3:
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imported(path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name.startswith("helpers.")}


def beside(wing: str) -> set[str]:
    """The wings that a wing says it imports."""
    tree = ast.parse((ROOT / "helpers" / wing / "__init__.py").read_text())
    said = re.search(r"Imports ([\w, ]+)\.", ast.get_docstring(tree) or "")
    assert said, f"helpers/{wing}/__init__.py: say in the docstring 'Imports recurrent.' or 'none'"
    return set(re.findall(r"\w+", said[1])) - {"and", "none"}


@wings
def test_a_wing_imports_what_it_says(wing):
    found = {
        name.split(".")[1]
        for path in [*modules(wing).values(), ROOT / "helpers" / wing / "__init__.py"]
        for name in imported(path)
    }
    assert found & set(WINGS) - {wing} == beside(wing)


def test_wings_never_import_in_a_circle():
    graph = networkx.DiGraph([(wing, other) for wing in WINGS for other in beside(wing)])
    assert networkx.is_directed_acyclic_graph(graph)
    assert not beside("recurrent")


@wings
def test_imports_go_down_inside_a_wing(wing):
    own = modules(wing)
    graph = networkx.DiGraph()
    for module, path in own.items():
        for name in imported(path) & set(own) - {module}:
            assert floor(name) <= floor(module), f"{module} imports {name}, which stands above it"
            assert not name.endswith(("bench", "traps")), f"{module} imports {name}"
            if not name.startswith(module + ".") and not module.startswith(name + "."):
                graph.add_edge(module, name)
    assert networkx.is_directed_acyclic_graph(graph), networkx.find_cycle(graph)


def test_the_ground_floor_knows_no_wing():
    for path in (ROOT / "helpers").glob("*.py"):
        known = {name.split(".")[1] for name in imported(path)} & set(WINGS)
        assert not known, f"{path.name} imports from {known}"


def test_no_file_grows_a_second_job():
    for path in (ROOT / "helpers").rglob("*.py"):
        lines = len(path.read_text().splitlines())
        assert lines <= 460, f"{path.relative_to(ROOT)} has {lines} lines; make it two files"


def test_readme_shows_the_two_commands_first():
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```[a-z]*\n(.*?)```", readme, re.S)
    assert blocks[0].split() == ["make", "run", "make", "test"]
