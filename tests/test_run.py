"""The runner: arguments checked, failures told, plain papermill from anywhere, no hang."""

import io
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from multiprocessing import get_context
from types import SimpleNamespace

import nbformat
import papermill
import pytest

from helpers import kernel, paths, run
from helpers.watch import Watch

PYTHON = sys.executable


def notebook(path, *cells, parameters='profile = "quick"\nseed = 0\nsteps = 3'):
    first = nbformat.v4.new_code_cell(parameters)
    first.metadata["tags"] = ["parameters"]
    nb = nbformat.v4.new_notebook(cells=[first, *map(nbformat.v4.new_code_cell, cells)])
    nb.metadata = nbformat.from_dict(
        {"kernelspec": {"name": "elsewhere", "display_name": "x", "language": "python"}}
    )
    nbformat.write(nb, path)
    return path


@pytest.fixture
def series(tmp_path, monkeypatch):
    """A series of three small notebooks, the second of which fails."""
    folder = tmp_path / "note books"
    folder.mkdir()
    notebook(folder / "01_first.ipynb", "print(steps)", "import os; print(sorted(os.environ))")
    notebook(folder / "02_second.ipynb", "a = 1", "raise ValueError('the second\\nfails')", "b = 2")
    notebook(folder / "03_third.ipynb", "width", parameters='profile = "quick"\nwidth = 7')
    monkeypatch.setattr(paths, "NOTEBOOKS", folder)
    return folder


def outputs(path):
    return "".join(
        o.get("text", "") for c in nbformat.read(path, 4).cells for o in c.get("outputs", [])
    )


@pytest.mark.slow
def test_a_failure_does_not_stop_the_others(series, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "somebody.ipynb")
    out = tmp_path / "out"
    status = run.main(["--out", str(out), "-p", "steps", "5", "--jobs", "2", "--html"])
    printed = capsys.readouterr().out
    assert status == 1
    assert "cell 4: ValueError: the second" in printed  # the injected parameters are a cell too
    table = printed[printed.index("notebook ") :]
    assert [line.split()[0] for line in table.splitlines()[2:5]] == [
        "01_first",
        "02_second",
        "03_third",
    ]
    held = [float(line.split()[3]) for line in table.splitlines()[2:5]]
    assert not run.resource or all(10 < mb < 10_000 for mb in held)  # a kernel without torch
    assert "Executed notebooks:" in printed
    assert "5" in outputs(out / "01_first.ipynb")
    assert "JPY_SESSION_NAME" not in outputs(out / "01_first.ipynb")
    partial = nbformat.read(out / "02_second.ipynb", 4)
    assert any(c.source == "a = 1" and c.execution_count for c in partial.cells)
    assert {p.stem for p in out.glob("*.html")} == {"01_first", "02_second", "03_third"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["-p", "stepz", "5"],
            "has a parameter 'stepz'. Known are 01_first: profile, seed, steps;",
        ),
        (["--only", "03", "-p", "steps", "5"], "Known are 03_third: profile, width"),
        (["--only", "9"], "--only '9' fits no notebook; there are 01_first, 02_second, 03_third"),
        (["--jobs", "0"], "--jobs must be at least 1"),
        (["-p", "steps", "[1,"], "is not a YAML value"),
    ],
)
def test_mistakes_are_sentences_and_status_2(series, tmp_path, capsys, arguments, message):
    out = tmp_path / "out"
    assert run.main([*arguments, "--out", str(out)]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_unknown_profile_and_out_over_the_sources(series, capsys):
    with pytest.raises(SystemExit) as stop:
        run.main(["--profile", "huge"])
    assert stop.value.code == 2
    assert "choose from" in capsys.readouterr().err
    before = (series / "01_first.ipynb").read_bytes()
    assert run.main(["--out", str(series)]) == 2
    assert (series / "01_first.ipynb").read_bytes() == before


def test_parameters_are_yaml():
    pairs = [["a", "[5, 11]"], ["b", "1e-2"], ["c", "text"], ["d", "true"], ["e", "3"]]
    assert run.parse_parameters(pairs) == {"a": [5, 11], "b": 0.01, "c": "text", "d": True, "e": 3}


@pytest.mark.slow
def test_plain_papermill_from_any_folder(tmp_path):
    """Plain papermill's own line, with a path with spaces and an unknown user's kernels about."""
    folder = tmp_path / "some where"
    hostile = folder / "jupyter" / "kernels" / "python3"
    hostile.mkdir(parents=True)
    (hostile / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "x"}')
    whole = nbformat.read(paths.NOTEBOOKS / "04_palindrome_study.ipynb", 4)
    live = next(k for k, cell in enumerate(whole.cells) if "\nlive = {" in cell.source)
    whole.cells = whole.cells[: live + 3]  # with its table; the rest reads published runs
    nbformat.write(whole, folder / "in put.ipynb")
    command = [PYTHON, "-m", "papermill", "in put.ipynb", "out put.ipynb", "-k", "python3"]
    command += ["-y", "lengths: [3, 4]", "-p", "steps", "12", "--no-progress-bar"]
    environment = {**os.environ, "JUPYTER_DATA_DIR": str(folder / "jupyter")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    executed = nbformat.read(folder / "out put.ipynb", 4)
    outputs = [o for c in executed.cells for o in c.get("outputs", [])]
    assert any("48/48 steps" in o.get("text", "") for o in outputs)
    assert any(re.search(r"LSTM +4 ", o.get("data", {}).get("text/plain", "")) for o in outputs)


WIDGETS = """
import ipywidgets as widgets, time
from IPython.display import display
output = widgets.Output()
slider = widgets.IntSlider(0, 0, 5)
live = widgets.interactive_output(lambda k: print(k), {"k": slider})
display(widgets.VBox([slider, live, output]))
with output:
    for k in range(20):
        print(k)
        slider.value = k % 6
"""


@pytest.mark.slow
def test_a_widget_heavy_notebook_never_hangs(tmp_path):
    """Forty cells that fill output widgets, well inside their time."""
    source = notebook(tmp_path / "widgets.ipynb", *[textwrap.dedent(WIDGETS)] * 40)
    code = (
        "import papermill, sys; papermill.execute_notebook(sys.argv[1], sys.argv[2], "
        "engine_name='polling', kernel_name='python3', language='python', progress_bar=False)"
    )
    command = [PYTHON, "-c", code, str(source), str(tmp_path / "out.ipynb")]
    done = subprocess.run(command, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()[-2000:]


@pytest.mark.slow
def test_the_engine_still_times_out_and_notices_death(tmp_path):
    from papermill.exceptions import PapermillException

    options = {"engine_name": "polling", "kernel_name": "python3", "language": "python"}
    sleeping = notebook(tmp_path / "sleep.ipynb", "import time; time.sleep(60)")
    with pytest.raises(Exception, match=r"timed out|Timeout"):
        papermill.execute_notebook(
            str(sleeping),
            str(tmp_path / "o.ipynb"),
            execution_timeout=2,
            progress_bar=False,
            **options,
        )
    dying = notebook(tmp_path / "die.ipynb", "import os; os._exit(1)")
    with pytest.raises((PapermillException, RuntimeError), match=r"[Dd]ied"):
        papermill.execute_notebook(
            str(dying), str(tmp_path / "p.ipynb"), progress_bar=False, **options
        )


@pytest.mark.slow
def test_a_run_changes_no_tracked_file(tmp_path):
    if not (paths.ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")

    def state():
        command = ["git", "status", "--porcelain"]
        return subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True).stdout

    before = state()
    assert run.main(["--only", "00", "--out", str(tmp_path / "out")]) == 0
    assert state() == before


# Progress --------------------------------------------------------------------------------------


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_on_a_terminal_is_one_line_that_changes():
    seen = _Terminal()
    with Watch(get_context("spawn"), seen) as watch:
        watch.queue.put(("01_x", 3, 9))
        deadline = time.monotonic() + 10
        while "cell 3 of 9" not in seen.getvalue():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        watch.say("01_x    1.0 s   ok")
    assert "\n" not in seen.getvalue()
    assert seen.getvalue().endswith("\r\033[K")  # nothing is left of it


def test_progress_in_a_log_is_a_line_now_and_then(monkeypatch):
    monkeypatch.setattr(Watch, "EVERY_S", 0.0)
    seen = io.StringIO()
    with Watch(get_context("spawn"), seen) as watch:
        watch.queue.put(("01_x", 3, 9))
        deadline = time.monotonic() + 10
        while "01_x: cell 3 of 9" not in seen.getvalue():
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert seen.getvalue().splitlines()[0].startswith("… 01_x: cell 3 of 9")
    assert "\033" not in seen.getvalue()


def test_the_engine_says_which_cell_begins(tmp_path):
    notebook(tmp_path / "in.ipynb", "a = 1", "a + 1")
    begun = []
    papermill.execute_notebook(
        str(tmp_path / "in.ipynb"),
        str(tmp_path / "out.ipynb"),
        engine_name="polling",
        kernel_name="python3",
        language="python",
        progress_bar=False,
        on_cell=lambda cell, cells: begun.append((cell, cells)),
    )
    cells = begun[0][1]
    assert begun == [(k, cells) for k in range(1, cells + 1)]


# What kernels start with -------------------------------------------------------------------------


def test_a_kernel_of_the_environment_gives_its_core_away_and_is_quiet(tmp_path, monkeypatch):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    target = kernel.write(tmp_path)
    assert target == tmp_path / "etc" / "ipython" / "ipython_kernel_config.py"
    settings = SimpleNamespace(IPKernelApp=SimpleNamespace())
    exec(target.read_text(), {"c": settings})
    assert os.environ["GOMP_SPINCOUNT"] == str(kernel.SPIN_COUNT)
    assert settings.IPKernelApp.log_level == "CRITICAL"
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    exec(target.read_text(), {"c": settings})
    assert os.environ["GOMP_SPINCOUNT"] == "7"  # a reader's own wish stands


def test_a_notebook_has_one_thread_though_torch_came_first():
    code = (
        "import torch; torch.set_num_threads(2)\n"
        "from helpers.notebook import start; start(profile='quick', seed=0)\n"
        "print(torch.get_num_threads())"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        cwd=paths.ROOT,
    )
    assert result.stdout.strip() == "1", result.stderr


def test_pictures_of_html_copies_have_words(tmp_path):
    picture = nbformat.v4.new_output(
        "display_data",
        data={"image/png": "iVBORw0KGgo=", "text/plain": "a curve"},
        metadata={"image/png": {"width": 300, "alt": "a curve that <falls>"}},
    )
    cell = nbformat.v4.new_code_cell("1", outputs=[picture])
    run.write_html(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "x.html")
    assert 'alt="a curve that &lt;falls&gt;"' in (tmp_path / "x.html").read_text()
    assert "image/png" in cell.outputs[0].data  # the notebook itself is as it was


def test_a_series_after_another_hands_down_its_variable_once(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "ignore::DeprecationWarning")
    for _ in range(2):
        assert run.run_series([], tmp_path, parameters={}) == []
    assert os.environ["PYTHONWARNINGS"] == (
        "ignore::DeprecationWarning,ignore:resource_tracker:UserWarning"
    )
