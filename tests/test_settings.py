"""Every field of every configuration is checked when the configuration is made.

The classes are found by themselves: a frozen dataclass of ``helpers`` is a configuration, with an
example of it below, or it is listed as a record. Each field of each example is handed wrong values;
each must be refused by its name, or be legal as ``LEGAL`` says.
"""

import dataclasses
import importlib
import inspect
import math
import pkgutil
import random
import typing
from collections.abc import Iterable

import numpy as np
import pytest
import torch

import helpers
from helpers.combined.links import LinkRun
from helpers.combined.neighbours import NeighbourRun
from helpers.combined.pedigree import PedigreeRun
from helpers.combined.serialised import GraphRun
from helpers.combined.series import SeriesRun
from helpers.combined.structure import AttentionRun, StructureRun
from helpers.optimizers.race import RaceRun
from helpers.palindromes.experiment import PalindromeRun
from helpers.palindromes.growing import GrowingRun
from helpers.store import run_key
from helpers.text.dynamic import Habit
from helpers.text.levers import Reading
from helpers.text.training import Plan

HUGE = 10**12

#: What a reader gets or what tells of a result; nobody sets it.
RECORDS = {
    "Application",
    "Book",
    "Download",
    "FoundUnit",
    "Graph",
    "Lexicon",
    "Recipe",
    "Script",
    "Source",
    "Split",
    "Study",
}

#: Examples that between them use every field.
EXAMPLES = (
    PalindromeRun("rnn", T=5, seed=0, steps=10),
    PalindromeRun("lstm", T=5, seed=0, steps=10, chrono=5.0, stop_after_perfect=3),
    PalindromeRun("lru", T=5, seed=0, steps=10, task="adding", options="r_max=0.9, r_min=0.5"),
    GrowingRun("lstm", T=9, seed=0, steps=10, forget_bias=1.0),
    Plan(steps=10),
    Plan(steps=10, batching="streams", restart=0.1, schedule="staircase", patience=3),
    RaceRun("Adam", 0.01, seed=0),
    StructureRun("lstm", "sequence", T=5, seed=0),
    StructureRun("gcn", "chain", T=5, seed=0),
    AttentionRun(T=5, seed=0),
    GraphRun("lstm", "distance", seed=0, order="bfs"),
    GraphRun("gcn", "triangles", seed=0, features="mark", pool="lstm"),
    LinkRun("graph", L=5, seed=0),
    NeighbourRun("mean", seed=0),
    PedigreeRun("lstm", seed=0, order="birth"),
    PedigreeRun("gin", seed=0),
    SeriesRun("gcn", seed=0),
    Reading("more dropout", seed=0),
    Habit(lr=0.01, pull=0.1),
)

#: Values that are legal, by the name of the field and, where classes differ, by the class.
LEGAL = {
    # A count that nothing is as large as: never reached, and no memory is held for it.
    "decay_every": {HUGE},
    "eval_every": {HUGE},
    "patience": {HUGE, None},
    "stop_after_perfect": {HUGE, None},
    "until_perfect": {HUGE},
    "warmup": {0, HUGE},
    # Any number does.
    "seed": {0, HUGE},
    "forget_bias": {-1, 0, 2.5, HUGE},
    "lr": {2.5, HUGE},
    "clip_norm": {2.5, HUGE},
    "growth": {2.5, HUGE},
    "weight_decay": {0, 2.5, HUGE},
    "chrono": {HUGE, None},
    # Nothing to do is a thing to do.
    "depth": {0},
    "restart": {0},
    "average": {0},
    "pull": {0},
    ("Habit", "lr"): {0, 2.5, HUGE},
    # A segment may be the whole text.
    ("Habit", "length"): {HUGE},
    # The text of no options.
    "options": ["", {}],
    ("PedigreeRun", "order"): {""},
    ("GraphRun", "order"): {""},
    ("GraphRun", "features"): {""},
}

WRONG = (
    *(-1, 0, 2.5, HUGE, 10**400, -(10**400), True, False, None),
    *(math.nan, math.inf, -math.inf, 1e300),
    *("3", "", "no such thing", b"3", "ä\0"),
    *([3], [], (3,), {3}, {}, {3: 4}, object(), int, 1j, range(3)),
    *(np.float64("nan"), np.array([1, 2]), torch.tensor([1.0, 2.0]), torch.tensor(float("nan"))),
)


def configuration_classes() -> set[type]:
    found = set()
    for module in pkgutil.walk_packages(helpers.__path__, "helpers."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            of_ours = kind.__module__.startswith("helpers.") and dataclasses.is_dataclass(kind)
            if of_ours and kind.__dataclass_params__.frozen and kind.__name__ not in RECORDS:
                found.add(kind)
    return found


def test_every_configuration_has_an_example():
    lacking = configuration_classes() - set(map(type, EXAMPLES))
    assert not lacking, f"an example in EXAMPLES, or a name in RECORDS, for {lacking}"


def refusal(example, name: str, value) -> str | None:
    """What is said of a field that is set to ``value``; ``None`` if it is taken, and storable."""
    try:
        run_key(dataclasses.replace(example, **{name: value}), 1)
    except ValueError as error:
        return str(error)


def says(value, legal: Iterable) -> bool:
    """Whether ``value`` is in ``legal`` as the same type: True is no 1."""
    return any(type(value) is type(one) and value == one for one in legal)


def is_legal(example, name: str, value) -> bool:
    """Whether a field may hold a value of ``WRONG``, written apart from the checks."""
    if typing.get_type_hints(type(example))[name] is bool and isinstance(value, bool):
        return True
    (default,) = (field.default for field in dataclasses.fields(example) if field.name == name)
    legal = LEGAL.get((type(example).__name__, name), LEGAL.get(name, set()))
    return says(value, [default, *legal])


def drawn(rng: random.Random) -> tuple:
    """An example, one of its fields, and a value that it most likely cannot have."""
    example = rng.choice(EXAMPLES)
    return example, rng.choice(dataclasses.fields(example)).name, rng.choice(WRONG)


@pytest.mark.parametrize("example", EXAMPLES, ids=repr)
def test_no_field_takes_what_it_cannot_mean(example):
    for field in dataclasses.fields(example):
        for value in WRONG:
            told = refusal(example, field.name, value)
            if told is None:
                assert is_legal(example, field.name, value), f"{field.name} = {value!r} is taken"
            else:
                assert field.name in told, f"{field.name} = {value!r} is told as: {told}"
                assert len(told) < 500


def test_what_is_legal_is_accepted():
    """``LEGAL`` names nothing that is refused by all classes that have such a field."""
    for key, values in LEGAL.items():
        name = key if isinstance(key, str) else key[1]
        having = [e for e in EXAMPLES if name in {field.name for field in dataclasses.fields(e)}]
        for value in values:
            told = [refusal(example, name, value) for example in having]
            assert None in told, f"{name} = {value!r} is refused everywhere: {told[0]}"


@pytest.mark.parametrize(
    ("example", "name", "said"),
    [
        (EXAMPLES[0], "hidden_size", "hidden_size = 1,000,000,000,000 and num_layers = 1 would"),
        (EXAMPLES[0], "steps", "steps = 1,000,000,000,000 would need at least 7.45e+03 GB"),
        (EXAMPLES[0], "T", "T = 1,000,000,000,000 and batch_size = 128 would need"),
        (EXAMPLES[4], "steps", "steps = 1,000,000,000,000 would need at least 7.45e+03 GB"),
        (EXAMPLES[12], "L", "L = 1,000,000,000,000 and batch_size = 64 would need"),
    ],
)
def test_a_size_is_refused_with_what_it_would_need(example, name, said):
    with pytest.raises(ValueError, match="this machine has") as told:
        dataclasses.replace(example, **{name: HUGE})
    assert said in str(told.value)


@pytest.mark.parametrize("spec", ["uniform:-1", "normal:-0.1", "spectral:-1", "normal:1e39"])
def test_an_initialisation_with_a_number_that_it_cannot_have(spec):
    with pytest.raises(ValueError, match=r"W_h: initialisation .* number"):
        PalindromeRun("rnn", T=5, seed=0, steps=10, W_h=spec)
