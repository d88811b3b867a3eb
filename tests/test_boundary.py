"""What comes from outside of the package is held against its annotations."""

import importlib
import inspect
import math
import pickle
import pkgutil
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
from helpers import boundary, checks
from helpers.boundary import check_of, guard
from helpers.checks import AnyInt
from helpers.graph import Graph, hops, normalized_adjacency, six_node_graph
from helpers.notebook import start


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
