"""The script behind `make mutants`: how it draws, what it copies, what it knows of equivalents."""

import ast
import itertools
import textwrap
import tomllib
from collections import Counter

import pytest

from helpers.paths import ROOT
from tests import mutants


def test_a_draw_is_stratified_seeded_and_without_doubles():
    names = {"a.py": [f"a.{k}" for k in range(70)], "b.py": [f"b.{k}" for k in range(29)]}
    names["c.py"] = ["c.0"]
    drawn = mutants.draw(names, 20, seed=1)
    assert Counter(name[0] for name in drawn) == {"a": 14, "b": 6}
    assert len(set(drawn)) == 20
    assert mutants.draw(names, 20, seed=1) == drawn
    assert mutants.draw(names, 20, seed=2) != drawn
    assert sorted(mutants.draw(names, 1000, seed=1)) == sorted(itertools.chain(*names.values()))


def test_decorators_become_calls_that_mean_the_same():
    source = textwrap.dedent(
        """
        import functools

        @functools.cache
        @functools.lru_cache(maxsize=3)
        def f(x):
            return [x]

        class C:
            @staticmethod
            def plain(x):
                return x

            @staticmethod
            @functools.cache
            def both(x):
                return [x]

            @property
            def two(self):
                return 2
        """
    )
    changed = mutants.without_decorators(source)
    assert "f = functools.cache(functools.lru_cache(maxsize=3)(f))" in changed
    assert "    both = staticmethod(functools.cache(both))" in changed
    assert changed.count("@") == 1  # the lone staticmethod
    scope = {}
    exec(changed, scope)
    assert scope["f"](1) is scope["f"](1)
    assert scope["C"].both(1) is scope["C"]().both(1)
    assert (scope["C"]().two, scope["C"].plain(3)) == (2, 3)


@pytest.mark.parametrize("path", sorted((ROOT / "helpers" / "recurrent").glob("*.py")))
def test_our_own_modules_survive_the_change(path):
    changed = ast.parse(mutants.without_decorators(path.read_text()))
    names = {n.name for n in ast.walk(changed) if isinstance(n, ast.FunctionDef)}
    assert names == {
        n.name for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)
    }


def test_names_and_diffs_are_read():
    name = "helpers.store.xǁRunStoreǁload__mutmut_3"
    assert mutants.function_of(name) == "helpers.store.RunStore.load"
    assert mutants.function_of("helpers.store.x__key__mutmut_12") == "helpers.store._key"
    diff = "--- a\n+++ b\n@@ -1,3 +1,3 @@\n def f():\n-    return 1\n+    return 2\n"
    assert mutants.changed(diff) == {"was": "return 1", "becomes": "return 2"}


def test_a_mutant_meets_the_tests_of_its_wing():
    assert mutants.wing_of("helpers.store") is None
    assert mutants.wing_of("helpers.recurrent.cells.gru") == "recurrent"
    tests = ROOT / "tests"
    assert mutants.tests_the_wing(tests / "test_cells.py", "recurrent")
    assert not mutants.tests_the_wing(tests / "test_cells.py", "graph")
    assert mutants.tests_the_wing(tests / "test_cells.py", None)


def test_equivalent_mutants_have_reasons_and_their_lines_are_still_there():
    """Where a line is gone, so is the mutant: take it off the list."""
    for entry in tomllib.loads(mutants.EQUIVALENT.read_text())["mutant"]:
        assert set(entry) == {"function", "was", "becomes", "reason"}
        assert entry["reason"]
        parts = entry["function"].split(".")
        path = ROOT.joinpath(*parts).with_suffix(".py")
        while not path.exists():
            path = path.parent.with_suffix(".py")
        lines = [line.strip() for line in path.read_text().splitlines()]
        for line in entry["was"].splitlines():
            assert line in lines, f"{entry['function']}: {line}"
