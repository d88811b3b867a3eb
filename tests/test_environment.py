"""environment.yml, pyproject.toml and requirements.lock say the same; imports go down only."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import requires, version

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
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(r) for group in (PROJECT["dependencies"], *extras) for r in group]


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


# Inside a wing, from low to high. A module may import those before it, and the ground floor.
LAYERS = {
    "recurrent": [
        ["palindromes", "initialisation", "parameters"],
        ["kernels", "core"],
        ["cells"],
        ["variants", "bptt", "training"],
        ["experiments"],
        ["growing"],
        ["gradient_flow", "protocols", "probes"],
        ["errata", "published", "analysis", "publication", "reported", "bench"],
        ["plots", "gradient_plots", "drawings", "cell_plots"],
        ["study_plots", "growing_plots", "study_errata"],
        ["widgets", "race_widget"],
    ],
    "optimizers": [["algorithms"], ["landscapes", "errata", "race"], ["plots"], ["widgets"]],
    "text": [
        ["books", "vocabulary", "corpus"],
        ["dialogue", "charlm", "baselines", "measures"],
        ["sampling"],
        ["training", "cellviews"],
        ["checkpoints", "errata"],
        ["published"],
        ["book_study", "bench"],
        ["plots"],
        ["widgets"],
    ],
    "graph": [
        ["graphs", "applications"],
        ["propagation", "loaders"],
        ["sparse", "layers"],
        ["smoothing", "tasks", "bench"],
        ["errata"],
        ["plots"],
        ["widgets"],
    ],
    "combined": [
        ["networks", "training"],
        ["structure", "serialised", "neighbours", "series"],
        ["links"],
        ["study"],
        ["plots"],
        ["widgets"],
    ],
}
#: Wings that a wing may import beside itself; the last one brings sequences and graphs together.
BESIDE = {"recurrent": set(), "combined": {"recurrent", "graph"}}


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


@pytest.mark.parametrize("wing", LAYERS)
def test_imports_go_down_and_wings_keep_apart(wing):
    rank = {module: k for k, layer in enumerate(LAYERS[wing]) for module in layer}
    allowed_wings = {wing} | BESIDE.get(wing, {"recurrent"})
    for path in (ROOT / "helpers" / wing).glob("*.py"):
        if path.stem == "__init__":
            continue
        assert path.stem in rank, f"{wing}/{path.name}: give it a place in LAYERS"
        for name in imported(path):
            parts = name.split(".")
            if parts[1] in LAYERS:
                assert parts[1] in allowed_wings, f"{path.name} imports {name}"
            if parts[1] == wing and len(parts) > 2 and parts[2] in rank:
                assert rank[parts[2]] < rank[path.stem], f"{path.name} imports {name}"


def test_the_ground_floor_knows_no_wing():
    for path in (ROOT / "helpers").glob("*.py"):
        if path.stem in ("bench", "full"):  # the two that know everything
            continue
        wings = {name.split(".")[1] for name in imported(path)} & set(LAYERS)
        assert not wings, f"{path.name} imports from {wings}"


def test_no_file_grows_a_second_job():
    for path in (ROOT / "helpers").rglob("*.py"):
        lines = len(path.read_text().splitlines())
        assert lines <= 460, f"{path.relative_to(ROOT)} has {lines} lines; make it two files"


def test_readme_shows_the_two_commands_first():
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```[a-z]*\n(.*?)```", readme, re.S)
    assert blocks[0].split() == ["make", "run", "make", "test"]
