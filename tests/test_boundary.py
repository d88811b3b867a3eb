"""What comes from outside of the package is held against its annotations."""

import errno
import importlib
import inspect
import math
import pickle
import pkgutil
import shutil
import subprocess
import sys
import time
import typing
from collections import deque
from collections.abc import Collection, Iterable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import numpy as np
import pandas as pd
import pytest
import torch

import helpers
from helpers import boundary, checks, paths
from helpers.boundary import check_of, guard
from helpers.checks import AnyInt
from helpers.graph import GCNLayer, Graph, hops, normalized_adjacency, six_node_graph
from helpers.notebook import start
from helpers.recurrent import bptt


def guarded_functions():
    for module in pkgutil.walk_packages(helpers.__path__, "helpers."):
        imported = importlib.import_module(module.name)
        for name, value in vars(imported).items():
            own = getattr(value, "__module__", None) == module.name and not name.startswith("_")
            made = value.__init__ if inspect.isclass(value) else value
            if own and getattr(made, "__code__", None) == GUARD:
                yield value, made, imported


GUARD = hops.__code__


def test_every_annotation_of_the_package_can_be_read():
    found = list(guarded_functions())
    for _, made, _ in found:
        boundary._plan(made.__wrapped__)
    assert len(found) > 800


def test_a_guarded_function_looks_like_itself():
    assert hops.__name__ == "hops"
    assert hops.__module__ == "helpers.graph.propagation"
    assert inspect.getsource(hops).startswith("def hops(graph: Graph, a: str, b: str) -> int:")
    assert [*inspect.signature(hops).parameters] == ["graph", "a", "b"]
    assert pickle.loads(pickle.dumps(hops)) is hops


PARTS: dict[typing.Any, tuple[list, list]] = {
    int: ([0, 3, np.int64(3), torch.tensor(3)], [-1, True, 2.0, "3", None, 10**12, 10**8, [3]]),
    AnyInt: ([-1, 10**12], [True, 2.0]),
    float: (
        [0, -1.5, np.float32(2), np.array(2.0), torch.tensor(2.0)],
        [math.nan, math.inf, 10**400, True, "1", 1j, None],
    ),
    bool: ([True, False, np.bool_(True)], [0, 1, None, "True", torch.tensor(1)]),
    str: (["", "ä"], [b"a", 3, None, ["a"]]),
    torch.Tensor: (
        [torch.tensor(1.0), torch.tensor([True]), torch.tensor([])],
        [
            [1.0],
            torch.tensor([math.nan]),
            torch.tensor([1.0]).to("meta"),
            torch.tensor([1.0]).to_sparse(),
            torch.tensor([1.0j]),
        ],
    ),
    Annotated[torch.Tensor, checks.UNBOUNDED]: (
        [torch.tensor([-math.inf, 0.0])],
        [[1.0], torch.tensor([1.0]).to_sparse(), torch.tensor([1j])],
    ),
    Annotated[torch.Tensor, checks.UNCHECKED]: (
        [torch.eye(2).to_sparse(), torch.tensor([1j])],
        [1.0],
    ),
    str | torch.device: (["cpu", torch.device("cpu")], [None, 3]),
    pd.DataFrame: ([pd.DataFrame()], [{"a": [1]}]),
    list[int]: ([[], [1], (1, 2), range(3), np.array([1, 2])], [[1.5], {1}, "12", iter([1]), 3]),
    list[torch.Tensor]: ([torch.eye(2), torch.nn.ParameterList([torch.zeros(1)])], [torch.ones(2)]),
    list[str]: ([deque("ab"), pd.Series(["a"])], [{"a"}, pd.DataFrame({"a": [1]}), list]),
    Collection[str]: ([{"a"}, {"a": 1}, ["a"]], ["a", iter("a"), [1]]),
    Iterable[int]: ([iter([1]), {1}], ["1", 1, [1.5]]),
    tuple[float, float]: ([(1, 2.5), np.ones(2)], [(1,), (1, 2, 3), (1, math.nan), "12", 3]),
    tuple[str, ...]: ([(), ("a",), ("a", "b")], [(1,), "ab"]),
    dict[str, float]: (
        [{}, {"a": 1}, pd.Series({"a": 1.0})],
        [dict, {"a": "1"}, {1: 1.0}, [("a", 1)]],
    ),
    float | None: ([None, 1.0], ["1", math.nan]),
    int | str: ([1, "1"], [1.5, None]),
    type[torch.optim.Optimizer]: (
        [torch.optim.SGD, partial(torch.optim.SGD, lr=1)],
        [torch.optim.SGD([torch.zeros(1)], 1), int],
    ),
    typing.Callable: ([len, lambda: 1], [3, None]),
    Graph: (
        [six_node_graph(), SimpleNamespace(nodes="ab")],
        [SimpleNamespace(), None, "A", torch.eye(3)],
    ),
}


@pytest.mark.parametrize("hint", PARTS, ids=str)
def test_what_an_annotation_means(hint):
    check, (right, wrong) = check_of(hint), PARTS[hint]
    for value in right:
        found = check("x", value)
        assert found is value or found == value  # a number, of a scalar of NumPy or torch
    for value in wrong:
        with pytest.raises(ValueError, match=r"\bx\b"):
            check("x", value)


def test_a_text_is_made_a_path(tmp_path):
    assert check_of(type(tmp_path).__mro__[1])("folder", str(tmp_path)) == tmp_path


def test_a_seed_has_no_memory_to_fit():
    assert check_of(int, "seed")("seed", 10**12) == 10**12
    with pytest.raises(ValueError, match="seed must be at most"):
        start(profile="quick", seed=2**63)


def guarded_here(function):
    """``function`` as if a module of the package had defined it."""
    space = {"__name__": function.__module__, function.__name__: function}
    guard(space)
    return space[function.__name__]


def root_of(A: torch.Tensor, b: torch.Tensor):
    """Fails in a library where the two do not fit."""
    return torch.linalg.solve(A, b)


def test_an_error_of_a_library_is_quoted_with_the_arguments(monkeypatch):
    monkeypatch.setattr(boundary, "_OURS", str(Path(__file__).parent))
    with pytest.raises(ValueError, match=r"root_of cannot work with A = .*\(2, 3\).*b = ") as told:
        guarded_here(root_of)(torch.ones(2, 3), torch.ones(2))
    assert told.value.__cause__ is not None


def calls(function: typing.Callable):
    return function()


def test_an_error_of_what_the_caller_passed_stays_as_it_is():
    def mine():
        return {}["a"]

    with pytest.raises(KeyError, match="a"):
        guarded_here(calls)(mine)


def test_a_wrong_number_of_arguments_is_told_by_python():
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        hops(six_node_graph(), "A")
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        hops(six_node_graph(), "A", c="B")


def test_our_own_errors_stay_as_they_are():
    with pytest.raises(ValueError, match=r"^there is no node 'Z'"):
        hops(six_node_graph(), "A", "Z")


def test_inside_the_package_nothing_is_checked():
    """The code of a call from within is that of the function, and costs less than 2 µs more."""
    space = {"__name__": "helpers.made_up", "hops": normalized_adjacency, "empty": torch.empty(0)}
    with pytest.raises(ValueError, match="square matrix"):  # the function's own check
        exec("hops(empty)", space)
    with pytest.raises(ValueError, match="graph must be finite"):
        normalized_adjacency(torch.tensor([[math.nan]]))

    inside = {"__name__": "helpers.made_up", "f": guarded_here(nothing), "g": nothing}
    exec("def loop(f):\n for _ in range(20_000): f(1)", inside)
    took = []
    for which in ("f", "g"):
        rounds = []
        for _ in range(5):
            begin = time.process_time()
            inside["loop"](inside[which])
            rounds.append(time.process_time() - begin)
        took.append(min(rounds) / 20_000)
    assert took[0] - took[1] < 2e-6


def nothing(n: int):
    return n


def test_memory_is_counted_before_it_is_asked_for():
    checks.fits(10**6, n=10**6)
    with pytest.raises(
        ValueError, match=r"n = 1,000,000,000,000 would need at least 3\.73e\+03 GB"
    ):
        checks.fits(10**12, n=10**12)


def test_what_a_value_is_counts_before_what_it_could_be():
    check = check_of(float | np.ndarray | torch.Tensor)
    for value in (torch.tensor(1.0), np.array(1.0), np.ones(2), 1.0):
        assert check("x", value) is value
    with pytest.raises(ValueError, match="x must be a finite number, got nan; or"):
        check("x", math.nan)


def test_every_device_may_be_one_of_torch():
    plans = [boundary._plan(made.__wrapped__)[1] for _, made, _ in guarded_functions()]
    found = [checked["device"] for checked in plans if "device" in checked]
    assert len(found) > 20
    for check in found:
        assert check("device", torch.device("cpu")) == torch.device("cpu")
        assert check("device", "cpu") == "cpu"


def test_a_readers_own_module_is_outside_whatever_its_name():
    space = {"__name__": "helpers_mine", "hops": hops}
    with pytest.raises(ValueError, match=r"^graph must be a Graph, got 3$"):
        exec("hops(3, 'A', 'B')", space)


def lacking(key: str):
    """Fails as a mapping of a library does."""
    return pd.Series({"a": 1})[key]


def reading(path: Path):
    """Fails as a file does."""
    return np.load(path)


def test_an_error_is_of_the_librarys_kind_too(monkeypatch, tmp_path):
    monkeypatch.setattr(boundary, "_OURS", str(Path(__file__).parent))
    with pytest.raises(KeyError, match=r"^lacking cannot work with key = 'b': KeyError") as told:
        guarded_here(lacking)("b")
    assert isinstance(told.value, ValueError)
    assert str(pickle.loads(pickle.dumps(told.value))) == str(told.value)
    with pytest.raises(FileNotFoundError, match="reading cannot work with path") as told:
        guarded_here(reading)(tmp_path / "no.npy")
    assert told.value.errno == errno.ENOENT
    assert isinstance(told.value, ValueError)


def test_a_refusal_is_short():
    """The reader's line, the guard, and the line that says it: nothing of the checks."""
    with pytest.raises(ValueError, match="graph must be") as told:
        hops(3, "A", "B")
    assert [entry.name for entry in told.traceback[1:]] == ["from_outside", "_checked"]


def test_torch_looks_through_the_guard():
    P, A = torch.randn(5, 4), normalized_adjacency(six_node_graph())
    for full in (True, False):
        compiled = torch.compile(bptt.softmax, backend="eager", fullgraph=full)
        torch.testing.assert_close(compiled(P), torch.softmax(P, -1))

    def layer(H):
        return GCNLayer(4, 3)(H[:6], A) * hops(six_node_graph(), "A", "C")

    assert torch.compile(layer, backend="eager")(torch.randn(6, 4)).shape == (6, 3)
    torch.testing.assert_close(torch.func.vmap(bptt.softmax)(P), torch.softmax(P, -1))
    with torch._subclasses.fake_tensor.FakeTensorMode() as mode:
        assert bptt.softmax(mode.from_tensor(P)).shape == (5, 4)


_EDITED = """
import importlib, sys
import IPython.testing.globalipapp as shells
sys.path.insert(0, sys.argv[1])
from pathlib import Path
shell = shells.start_ipython()
def run(code):
    assert shell.run_cell(code).success, code
def edit(path, old, new):
    path = Path(sys.argv[1], "helpers", path)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
run("%load_ext autoreload")
run("%autoreload 2")
run("from helpers.optimizers.quadratics import best_descent")
run("from helpers.graph.layers.gin import GINLayer")
run("import helpers.optimizers.quadratics as quadratics")
run("best_descent(1.0, 2.0); GINLayer(2, 3)")
new = "def best_descent(*_, **__):\\n    return 7\\n\\n\\ndef _old("
edit("optimizers/quadratics.py", "def best_descent(", new)
edit("graph/layers/gin.py", "super().__init__()", "super().__init__()\\n        self.mark = 5")
run("assert best_descent(1.0, 2.0) == quadratics.best_descent(3) == 7")
run("assert GINLayer(2, 3).mark == 5")
run("import importlib; quadratics = importlib.reload(quadratics)")
run("assert not hasattr(quadratics.best_descent.__wrapped__, '__wrapped__')")
"""


def test_what_is_edited_is_seen_by_autoreload(tmp_path):
    """In Jupyter: a function and a class that were imported by name are those of the new file."""
    shutil.copytree(paths.ROOT / "helpers", tmp_path / "helpers")
    done = subprocess.run(
        [sys.executable, "-c", _EDITED, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
