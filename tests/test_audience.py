"""Who looks: each front-end's and each batch program's real way of starting and asking a kernel."""

import json
import os
import subprocess
import sys
import textwrap

import nbformat
import pytest

from helpers import audience

ASK = "from helpers.audience import interactive\nprint('person' if interactive() else 'nobody')"


@pytest.fixture(autouse=True)
def undecided(monkeypatch):
    for name in ("HELPERS_INTERACTIVE", "JPY_SESSION_NAME", "HELPERS_SITE"):
        monkeypatch.delenv(name, raising=False)


def clean_environment(**more: str) -> dict:
    hidden = ("HELPERS_", "JPY_", "PYTEST_", "VSCODE_", "COLAB_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
    return {**kept, **more}


#: A front-end: starts a kernel by its plain command and asks it, as jupyter_client's default is,
#: with a person who could answer input().
FRONT_END = """
import json, subprocess, sys, tempfile, time
from pathlib import Path
from jupyter_client import BlockingKernelClient
from jupyter_client.connect import write_connection_file
{imports}
folder = tempfile.mkdtemp()
file, _ = write_connection_file(str(Path(folder) / "kernel.json"), ip="127.0.0.1")
kernel = subprocess.Popen([sys.executable, "-m", "ipykernel_launcher", "-f", file])
client = BlockingKernelClient(connection_file=file)
client.load_connection_file()
client.start_channels()
try:
    for _ in range(100):
        try:
            client.wait_for_ready(timeout=60)
            break
        except RuntimeError:  # on a busy machine a kernel is slow to show its first sign of life
            if kernel.poll() is not None:
                raise
            time.sleep(0.3)
    client.execute_interactive({code!r}, allow_stdin={stdin}, timeout=60)
finally:
    client.stop_channels()
    kernel.terminate()
    kernel.wait(timeout=20)
"""


def asked(tmp_path, *, imports="", stdin=True, name="extension_host.py", **environment) -> str:
    """What a kernel says that was started by a program of this name."""
    script = tmp_path / name
    script.write_text(FRONT_END.format(imports=imports, code=ASK, stdin=stdin), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        env=clean_environment(IPYTHONDIR=str(tmp_path / "ipython"), **environment),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"VSCODE_PID": "1", "VSCODE_CWD": "/"}, "person"),
        ({"COLAB_RELEASE_TAG": "release", "COLAB_GPU": ""}, "person"),
        ({"PYCHARM_HOSTED": "1"}, "person"),
        ({}, "person"),  # nothing is known of it
        ({"stdin": False}, "nobody"),
        ({"imports": "import os, papermill"}, "nobody"),
        ({"name": "nbconvert"}, "nobody"),
        ({"HELPERS_INTERACTIVE": "0"}, "nobody"),
        ({"stdin": False, "HELPERS_INTERACTIVE": "1"}, "person"),
    ],
    ids=str,
)
def test_kernels_of_front_ends_and_programs(tmp_path, how, said):
    assert asked(tmp_path, **how) == said


@pytest.mark.slow
@pytest.mark.parametrize("program", ["papermill", "nbconvert", "nbclient", "nbval"])
def test_kernels_of_batch_programs(tmp_path, program):
    cell = nbformat.v4.new_code_cell(ASK, execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="nobody\n")]
    source = tmp_path / "ask.ipynb"
    nb = nbformat.v4.new_notebook(cells=[cell])
    nb.metadata = {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
    nbformat.write(nb, source)
    through_nbclient = textwrap.dedent("""
        import sys, nbformat
        from nbclient import NotebookClient
        nb = nbformat.read(sys.argv[1], 4)
        NotebookClient(nb, kernel_name="python3").execute()
        nbformat.write(nb, "done.ipynb")
    """)
    python = [sys.executable, "-m"]
    commands = {
        "papermill": [*python, "papermill", "ask.ipynb", "done.ipynb"],
        "nbconvert": [*python, "nbconvert", "--to", "notebook", "--execute", "ask.ipynb"],
        "nbclient": [sys.executable, "-c", through_nbclient, "ask.ipynb"],
        "nbval": [*python, "pytest", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env"],
    }
    command = [*commands[program], *(["--output", "done.ipynb"] if program == "nbconvert" else [])]
    environment = clean_environment(IPYTHONDIR=str(tmp_path / "ipython"))
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if program != "nbval":  # which compares with the output stored in the cell
        outputs = json.loads((tmp_path / "done.ipynb").read_text())["cells"][0]["outputs"]
        assert "".join(outputs[0]["text"]).strip() == "nobody"


def test_outside_a_kernel_nobody_looks():
    assert not audience.interactive()


class Starter:
    def __init__(self, *command, folder="."):
        self.command, self.folder = list(command), folder

    def cmdline(self):
        return self.command

    def cwd(self):
        return str(self.folder)


@pytest.mark.parametrize(
    ("command", "batch"),
    [
        (["/usr/bin/python3", "-m", "helpers.run", "--jobs", "2"], True),
        (["python", "-X", "utf8", "-m", "papermill", "in.ipynb"], True),
        (["python", "-c", "import os; from nbclient import execute"], True),
        (["/opt/bin/papermill", "in.ipynb"], True),
        (["python", "-m", "jupyterlab", "--notebook-dir=/tmp/pytest-of-me/papermill"], False),
        (["/usr/share/code/code", "--type=extensionHost", "pytest"], False),
        (["python", "-c", "print('import papermill')"], False),
        ([], False),
    ],
    ids=str,
)
def test_programs_by_their_command_lines(command, batch):
    assert audience.started_by_a_batch_program(Starter(*command)) is batch


def test_a_script_is_known_by_its_imports(tmp_path):
    (tmp_path / "rerun.py").write_text("import json\nfrom papermill import execute_notebook\n")
    (tmp_path / "serve.py").write_text("# papermill is not used here\nimport jupyterlab\n")
    assert audience.started_by_a_batch_program(Starter("python3", "rerun.py", folder=tmp_path))
    assert not audience.started_by_a_batch_program(Starter("python3", "serve.py", folder=tmp_path))
    assert not audience.started_by_a_batch_program(Starter("python3", "gone.py", folder=tmp_path))
    assert not audience.started_by_a_batch_program(None)
