"""What can be tested here of other systems: modules they lack, characters they cannot print."""

import ast
import subprocess
import sys

import yaml

from helpers.paths import ROOT

#: Standard modules that Windows does not have.
POSIX_ONLY = ("fcntl", "grp", "posix", "pty", "pwd", "resource", "termios", "tty")
#: Names of ``os`` and ``signal`` that Windows does not have.
POSIX_NAMES = {
    "fork", "getuid", "geteuid", "getpgid", "killpg", "setsid", "mkfifo", "uname", "wait",
    "sched_getaffinity", "getloadavg", "SIGKILL", "SIGALRM", "SIGHUP", "SIGUSR1", "SIGSTOP",
    "SIGCONT", "setitimer", "alarm", "pause", "sysconf", "chown", "nice",
}  # fmt: skip


def test_every_module_is_imported_where_windows_lacks_some():
    """In a process where the modules of POSIX are gone once all libraries are loaded."""
    code = f"""
import pkgutil, sys, importlib
sys.modules["rfc3987_syntax"] = None  # helpers.late: two seconds of parsing for nothing
import torch, numpy, pandas, scipy.stats, matplotlib.pyplot, seaborn, statsmodels.api, networkx
import ipykernel.kernelapp, papermill, joblib.externals.loky, distributed, pooch, ipywidgets
import anywidget, nbconvert, safetensors.torch, psutil, PIL.Image, multiprocessing.connection
import nbgrader.preprocessors, torch_geometric.nn
for name in {POSIX_ONLY}:
    sys.modules[name] = None
import helpers
for module in pkgutil.walk_packages(helpers.__path__, "helpers."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
from helpers.run import _largest_child_mb
print(_largest_child_mb())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-1] == "0.0"


def test_nothing_asks_the_system_for_what_only_posix_has():
    for path in (ROOT / "helpers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used = node.value.id in ("os", "signal") and node.attr in POSIX_NAMES
                assert not used, f"{path.name}, line {node.lineno}: {node.value.id}.{node.attr}"


def test_a_table_is_printed_where_only_a_few_characters_are_known():
    """A redirected output on Windows has cp1252, which lacks the rule under the heading."""
    code = (
        "from helpers.processes import command\n"
        "from helpers.run import Outcome, as_table\n"
        "command('x', lambda: print(as_table([Outcome('01_first', 3, 1.0)])) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={"PYTHONIOENCODING": "cp1252", "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"01_first" in done.stdout
    assert b"????" in done.stdout


def test_ci_runs_the_quick_series_on_two_other_systems():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    job = jobs["elsewhere"]
    assert job["strategy"]["matrix"]["os"] == ["windows-latest", "macos-latest"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in commands[:-1]:
        assert command in readme  # what is tested is what a reader is told
    assert commands[-1].startswith("python -m helpers.run")
    assert not any("make" in command for command in commands)
