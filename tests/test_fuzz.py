"""A seeded part of ``make fuzz``: a few hundred wrong arguments, on calls that are written here."""

import inspect
import math

import pandas as pd
import pytest
import torch

from helpers import figures
from helpers.checks import choice, integer, integers, number
from helpers.equations import defines, holds
from helpers.graph import GATLayer, GCNLayer, Graph, hops, normalized_adjacency, six_node_graph
from helpers.graph.propagation import reach
from helpers.graph.refinement import refine
from helpers.graph.smoothing import dirichlet_energy, smoothing
from helpers.notebook import finding, start, table, think
from helpers.optimizers import Adam, Momentum
from helpers.optimizers.landscapes import bowl, rosenbrock, valley, walk
from helpers.optimizers.moments import expected_average
from helpers.palindromes.analysis import wilson
from helpers.palindromes.experiment import PalindromeRun, build
from helpers.palindromes.tasks import palindromes
from helpers.palindromes.trained_networks import load_network
from helpers.recurrent import LSTM, SequenceClassifier, VanillaRNN, find_cell
from helpers.recurrent.bptt import rnn_gradients
from helpers.recurrent.gradient_flow import clip
from helpers.recurrent.initialisation import chrono_biases, spectral_radius
from helpers.recurrent.parameters import cell_parameters
from helpers.text import CharLM, Vocabulary
from helpers.text.corpus import split_text
from helpers.text.measures import entropy, find_cycle
from helpers.text.passages import fold
from helpers.text.sampling import generate, next_distribution
from tests import fuzz, fuzz_names
from tests.fuzz_values import certainly_wrong

EYE = torch.eye(3, dtype=torch.float64)
GRAPH = six_node_graph()
VOCAB = Vocabulary("abc ")
LM = CharLM(len(VOCAB), 8, 1).eval()
RNN = SequenceClassifier(VanillaRNN(1, 4), 3)
X, Y = torch.ones(2, 5, 1), torch.tensor([0, 2])

#: Valid calls: function, positional arguments, keywords.
CALLS = [
    (choice, ("name", "a", ("a", "b")), {}),
    (integer, ("name", 3), {"minimum": 1}),
    (integers, ("name", [1, 2]), {}),
    (number, ("name", 0.5, 0.0, 1.0), {}),
    (holds, ("1", 1.0, 1.0), {}),
    (defines, ("1", "a", 1.0), {}),
    (finding, ("text",), {}),
    (think, ("question", "answer"), {}),
    (table, (pd.DataFrame({"a": [1.5]}),), {}),
    (start, (), {"profile": "quick", "seed": 0}),
    (Graph, (("a", "b"), (("a", "b"),)), {}),
    (GATLayer, (2, 3), {"heads": 2}),
    (GCNLayer, (2, 3), {}),
    (hops, (GRAPH, "A", "C"), {}),
    (normalized_adjacency, (GRAPH, "row"), {}),
    (reach, (GRAPH, "A", 2), {}),
    (refine, ([torch.eye(3)], 2), {}),
    (dirichlet_energy, (torch.ones(6, 2), GRAPH), {}),
    (smoothing, (GRAPH, 2), {"features": 2}),
    (Adam, ([torch.zeros(2, requires_grad=True)],), {"lr": 0.1}),
    (bowl, (EYE,), {}),
    (valley, (10.0, 30.0), {}),
    (rosenbrock, (torch.ones(2),), {}),
    (walk, (rosenbrock, (0.0, 1.0), 3, Momentum), {"lr": 0.001}),
    (expected_average, ([0.0, 1.0], [0.5, 0.5], 0.9, 3), {}),
    (wilson, (3, 10), {}),
    (build, (PalindromeRun("rnn", T=5, seed=0, steps=1),), {}),
    (palindromes.draw_half_strings, (2, 5, torch.Generator()), {}),
    (palindromes.encode, (torch.ones(2, 5, dtype=torch.long), "one_hot"), {}),
    (load_network, ("palindrome_lstm_T19",), {}),
    (LSTM, (2, 3), {"forget_bias": 1.0}),
    (SequenceClassifier, (VanillaRNN(1, 4), 3), {}),
    (find_cell, ("lstm",), {}),
    (rnn_gradients, (RNN, X, Y), {}),
    (clip, ([torch.ones(2)], 1.0), {}),
    (chrono_biases, (4, 10.0), {}),
    (spectral_radius, (EYE,), {}),
    (cell_parameters, ("lstm", 2, 3), {}),
    (CharLM, (5, 8, 1), {}),
    (Vocabulary, ("abc",), {}),
    (split_text, ("abc " * 500,), {"gap": 5}),
    (entropy, (torch.tensor([0.5, 0.5]),), {}),
    (find_cycle, ("ababab",), {}),
    (fold, ("some words", 20), {}),
    (generate, (LM, VOCAB, "ab", 5), {"temperature": 0.5, "seed": 0}),
    (next_distribution, (torch.ones(4),), {"top_k": 2}),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: fuzz_names.called(call[0]))
def test_wrong_arguments_are_told(call):
    function, args, kwargs = call
    function(*args, **kwargs)
    tally, bad = fuzz.attack(function, [fuzz.Call(args, kwargs, 0.0)], examples=12, number=0)
    assert not bad
    assert tally["told"] + tally["quoted"] > tally["answered"] / 2


def test_the_names_are_those_that_readers_import():
    found = fuzz_names.names()
    assert len(found) > 400
    assert {fuzz_names.called(f) for f in (hops, start, PalindromeRun, generate)} <= set(found)
    piece = "from helpers import figures as f\nfrom helpers.graph import hops\nf.show(1)"
    met = fuzz_names.names({"": [piece]})
    assert [*met] == ["figures.show", "graph.propagation.hops"]
    assert met["figures.show"] == (figures.show, {("helpers.figures", "show")})


def test_calls_are_remembered_and_nothing_is_left_changed(tmp_path):
    piece = "from helpers.graph import hops, six_node_graph\n"
    piece += 'hops(six_node_graph(), "A", "C")'
    told = []
    calls = fuzz_names.remembered([piece, "hops()"], tmp_path, lambda **what: told.append(what))
    assert calls["graph.propagation.hops"][0].args[1:] == ("A", "C")
    assert "missing 3 required positional arguments" in told[-1]["failed"]
    assert inspect.getmodule(hops).hops is hops


def untold(x: int):
    """What a guard would prevent: fails deep, hangs, or takes what cannot be meant."""
    if x == 1:
        return torch.linalg.inv(torch.ones(2, 3))
    while x == 2:
        pass
    return x


@pytest.mark.parametrize(
    ("x", "wrong", "expected"),
    [(1, True, "deep"), (2, True, "hang"), (3, True, "accepted"), (3, False, "answered")],
)
def test_the_harness_sees_what_goes_wrong(monkeypatch, x, wrong, expected):
    monkeypatch.setattr(fuzz, "PATIENCE", 0.2)
    kind, _ = fuzz.outcome(untold, fuzz.Call((x,), {}, -1.0), wrong)
    assert kind == expected


def test_what_is_certainly_wrong():
    assert certainly_wrong(int, True, "n")
    assert certainly_wrong(int, 10**12, "n")
    assert not certainly_wrong(int, 10**12, "seed")
    assert certainly_wrong(float | None, math.nan, "x")
    assert not certainly_wrong(float | None, None, "x")
    assert certainly_wrong(dict[str, list[int]], {"a": [1.5]}, "x")
    assert not certainly_wrong(dict[str, list[int]], {"a": []}, "x")


def test_the_report_sums_up():
    found = {"a.b": {"tallies": [{"told": 3, "deep": 1}, {"told": 5}], "bad": ["deep: x = 1"]}}
    said = fuzz.table(found)
    first, second = (line.split()[2:] for line in said.splitlines() if line.startswith("1 names"))
    assert first == ["4", "3", "0", "0", "1", "0", "0"]
    assert second == ["5", "5", "0", "0", "0", "0", "0"]
    assert "a.b: deep: x = 1" in said
