"""What a reader may pass: every right call is answered, as if the guard did not look at it.

A table of plain calls; each argument is replaced by values that mean the same (``right_values``),
and the answer must be that of the plain call where no guard looks. A second table has calls that
mean something of their own.
"""

import dataclasses
import functools
import inspect
import math
import types
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from helpers import figures, machine, runtime
from helpers.checks import choice, integers, number
from helpers.combined import links, networks, pedigree, series, small_graphs, structure
from helpers.combined.neighbours import Aggregator
from helpers.equations import holds
from helpers.exercises.answers import Case, check
from helpers.graph import (
    GatedGraphLayer,
    GCNLayer,
    GINLayer,
    Graph,
    encoders,
    gates,
    hops,
    normalized_adjacency,
    propagation,
    refinement,
    six_node_graph,
    smoothing,
    spectral,
    tables,
    tasks,
)
from helpers.graph.layers.base import stacked
from helpers.notebook import Trap, table, traps
from helpers.optimizers import Adam, Momentum, landscapes, moments, noise, quadratics, responses
from helpers.optimizers.trials import grid_of_rates
from helpers.palindromes import analysis, be_the_gate, outcomes, probes
from helpers.palindromes.experiment import PalindromeRun, train_network
from helpers.palindromes.tasks import palindromes
from helpers.palindromes.trained_networks import load_network
from helpers.recurrent import (
    LSTM,
    SequenceClassifier,
    SequenceModel,
    VanillaRNN,
    bptt,
    cell_memory,
    gradient_flow,
    gradient_plots,
    initialisation,
    long_step,
    memory_widgets,
    note_taker,
    one_sample,
)
from helpers.recurrent.core import RecurrentCore
from helpers.recurrent.parameters import cell_parameters, parameter_blocks, read_out_parameters
from helpers.text import CharLM, Vocabulary
from helpers.text.continuations import first_words
from helpers.text.dialogue import first_turn
from helpers.text.evaluation import surprise
from helpers.text.measures import entropy, nats_to_bits, turned
from helpers.text.passages import visible
from helpers.text.sampling import beam_search, generate_batch, next_distribution
from tests.right_values import others
from tests.test_fuzz import CALLS

_INSIDE = {"__name__": "helpers.made_up"}
exec("def unguarded(function, args, kwargs):\n    return function(*args, **kwargs)", _INSIDE)
unguarded = _INSIDE["unguarded"]


def guarded(function, args, kwargs):
    return function(*args, **kwargs)


GRAPH, A = six_node_graph(), normalized_adjacency(six_node_graph())
EYE = torch.eye(3, dtype=torch.float64)
FLOAT, LONG = {"dtype": torch.float64}, {"dtype": torch.long}
H, Z = torch.linspace(-1, 1, 12).reshape(6, 2), torch.linspace(-1, 1, 5, **FLOAT)
RNN = SequenceClassifier(VanillaRNN(2, 4), 3).double()
READER = SequenceClassifier(LSTM(2, 4), 3).double()
X, Y = torch.linspace(-1, 1, 16, **FLOAT).reshape(2, 4, 2), torch.tensor([0, 2])
W, LSTM_W = one_sample.weights(RNN), one_sample.weights(READER)
STATES = one_sample.rnn_states(W, X[0])
VOCAB = Vocabulary("abc ")
LM = CharLM(len(VOCAB), 8, 1).eval()
NETWORK = load_network("palindrome_lstm_T19")
DIGITS = torch.tensor([[1, 2, 3, 2, 1], [4, 5, 6, 5, 4]])
RUNS = pd.DataFrame(
    {"model": ["rnn", "rnn", "lstm", "lstm"], "T": [5, 9, 5, 9], "seed": [0, 1, 0, 1],
     "solved": [True, False, True, True], "solved_step": [40.0, math.nan, 20.0, 30.0]}
)  # fmt: skip
TREE, MARKS = torch.zeros(1, 4, 4), torch.tensor([[1.0, 0.0, 0.0, 1.0]])
TREE[0, :3, 1:] += torch.eye(3)
TREE = TREE + TREE.mT
ORDER = torch.tensor([[3, 1, 0, 2]])


def call(function, *args, **kwargs):
    return function, args, kwargs


#: Plain calls, each as a notebook makes it.
PLAIN = [
    *CALLS,
    call(machine.not_ready, machine.checks()),
    call(runtime.device, "cpu"),
    call(runtime.bf16_available, "cpu"),
    call(runtime.generator, 3, "a"),
    call(links.adjacency, torch.tensor([[1, 2]]), 4, along=True),
    call(links.features, torch.tensor([[1, 2, 3, 4]]), torch.tensor([[1, 2]]), addresses=False),
    call(links.draw_links, 2, 5, 2, torch.Generator()),
    call(links.one_of_both, 10),
    call(links.LinkedReader, "combined", 5, 4, torch.Generator()),
    call(networks.MessagePassing, "gcn", 2, 4, 2),
    call(networks.GraphClassifier, "gcn", 2, 4, 2, 3, "mean"),
    call(networks.PositionAttention, 5, 2, 4, 3),
    call(networks.kind_of, "lstm"),
    call(networks.reader, "lstm", 2, 4, 3, torch.Generator(), forget_bias=1.0),
    call(networks.seeded_build, functools.partial(torch.nn.Linear, 2, 2), 3),
    call(pedigree.draw_families, 2, torch.Generator()),
    call(series.simulate, 1, 3, torch.Generator()),
    call(series.draw, 2, torch.Generator()),
    call(Aggregator, "mean", 4, torch.Generator()),
    call(small_graphs.all_hops, TREE[0]),
    call(small_graphs.relabel, TREE[0], ORDER[0]),
    call(small_graphs.serialise, TREE, MARKS, ORDER),
    call(small_graphs.node_features, TREE, MARKS, "mark", torch.Generator()),
    call(small_graphs.visiting_order, TREE[0], "random", torch.Generator()),
    call(structure.chain, 5),
    call(structure.mirrored, 5),
    call(Case, (0.5, 2), 1.5, {"a hint": 0.75}),
    call(check, lambda a, T: a + T, [Case((0.5, 2), 2.5)], name="answer"),
    call(GINLayer, 2, 3, 0.5),
    call(GatedGraphLayer, 2),
    call(stacked, [GCNLayer(2, 2)], H, A),
    call(encoders.area_under_curve, torch.tensor([0.5, 2.0]), torch.tensor([0.0, 1.0])),
    call(encoders.dot_products, H, torch.tensor([[0, 1], [2, 3]])),
    call(encoders.table_loss, torch.eye(6), H),
    call(encoders.NeighbourhoodEncoder, 6, 4, 5),
    call(encoders.hide_links, GRAPH, 0.25, 1),
    call(gates.read_off, GatedGraphLayer(2), H, A),
    call(propagation.add_self_loops, GRAPH.adjacency()),
    call(propagation.adjacency_matrix, GRAPH.adjacency()),
    call(normalized_adjacency, GRAPH.adjacency(), "row"),
    call(propagation.diameter, GRAPH),
    call(propagation.updates_until_heard, GRAPH, "A", "C"),
    call(refinement.from_edges, 3, [(0, 1), (1, 2)]),
    call(refinement.refine, [torch.eye(3), torch.ones(3, 3)], 2, [[0, 1, 0], [0, 0, 1]]),
    call(refinement.told_apart, torch.eye(3), torch.ones(3, 3)),
    call(refinement.writings, torch.ones(3, 3) - torch.eye(3)),
    call(smoothing.limit, H, GRAPH),
    call(smoothing.over_root_degree, H, GRAPH),
    call(smoothing.pairwise_distance, H),
    call(smoothing.second_eigenvalue, GRAPH),
    call(smoothing.twins, GRAPH),
    call(spectral.laplacian, GRAPH.adjacency()),
    call(spectral.neighbour_weights, GRAPH.adjacency()),
    call(spectral.frequencies, spectral.laplacian(GRAPH)),
    call(spectral.chebyshev_filter, torch.eye(6), [0.5, 0.25], H, 2.0),
    call(spectral.spectral_filter, torch.eye(6), torch.exp, H),
    call(tables.deliveries, GRAPH, "A", 2),
    call(tables.written_out, GRAPH),
    call(tasks.majority_class, torch.tensor([0, 0, 1]), torch.tensor([0, 1])),
    call(tasks.marked_neighbour, 3, 4, 1),
    call(tasks.one_label_each, torch.tensor([0, 0, 1]), 3),
    call(traps, [Trap("mistake", "met", "why", "3")]),
    call(table, RUNS, "a caption", 2),
    call(landscapes.bowl, EYE, torch.ones(3, **FLOAT)),
    call(landscapes.quadratic, 10.0, 30.0),
    call(landscapes.rotation, 30.0),
    call(landscapes.three_pieces, torch.tensor([0.5])),
    call(landscapes.steps_to, landscapes.rosenbrock, torch.ones(3, 2), 0.5),
    call(landscapes.walk, landscapes.rosenbrock, torch.zeros(2), 3, Adam, lr=0.5),
    call(moments.average_weights, 0.5, 4),
    call(moments.decaying_average, [1.0, 2.0], 0.5),
    call(moments.uncorrected_over_corrected, torch.arange(1, 4), 0.5, 0.75),
    call(noise.momentum_variance, 0.25, 0.5, 1.0, 0.5),
    call(noise.settled_variance, EYE[:2, :2] / 2, 0.25, 0.5),
    call(quadratics.best_descent, 1.0, 10.0),
    call(quadratics.best_momentum, 1.0, 10.0),
    call(quadratics.best_nesterov, 1.0, 10.0),
    call(quadratics.friction_path, 1.0, 1.0, 0.5, 0.25, 1.0, 5),
    call(quadratics.momentum_matrix, 0.25, 0.5, 1.0),
    call(quadratics.momentum_rate, 0.25, 0.5, torch.tensor([1.0, 2.0], **FLOAT)),
    call(quadratics.random_hessian, [1.0, 2.0, 4.0], 3),
    call(responses.relative_steps, Adam, [1.0, 2.0], beta_1=0.5),
    call(responses.steady_step, Momentum, alternating=False, steps=5, momentum=0.5),
    call(grid_of_rates, 0.125, 1.0, 4),
    call(outcomes.times_to_solve, RUNS, ["model"]),
    call(be_the_gate.play, [be_the_gate.Setting(1.0, 0.5, 0.5, 1.0)]),
    call(be_the_gate.presets, [1, 2, 3]),
    call(outcomes.coverage, 20, 6),
    call(outcomes.times, RUNS),
    call(probes.explained_by_first_digit, torch.ones(4, 2, 3), torch.tensor([0, 1, 0, 1])),
    call(probes.fit_probe, torch.eye(4, **FLOAT), torch.eye(4, **FLOAT), 0.5),
    call(probes.traces, NETWORK, DIGITS, "one_hot", ("c", "answer")),
    call(palindromes.half_length, 5),
    call(palindromes.held_out_set, 6, 5, seed=1),
    call(palindromes.mirror, DIGITS[:, :3], 5),
    call(palindromes.split_target, DIGITS, "raw"),
    call(LSTM, 2, 3, forget_bias=1.0, chrono=8.0),
    call(VanillaRNN, 2, 3, W_hh="uniform", spectral_radius=0.5),
    call(SequenceClassifier, VanillaRNN(2, 3), 3, read_out="every"),
    call(bptt.softmax, Z),
    call(bptt.one_hot, Y, torch.ones(2, 3)),
    call(bptt.logit_gradient_by_jacobian, torch.ones(2, 3, **FLOAT), Y),
    call(bptt.logit_gradient_by_logsumexp, torch.ones(2, 3, **FLOAT), Y),
    call(bptt.relative_error, Z, 2 * Z),
    call(bptt.autograd_gradients, RNN, X, Y),
    call(bptt.rnn_gradients, RNN, X, Y, torch.zeros(2, 4, **FLOAT), 2),
    call(bptt.lstm_gradients, READER, X[:1, :2], Y[:1], (torch.zeros(1, 4, **FLOAT),) * 2, 1),
    call(cell_memory.contributions, *(torch.full((5, 3), 0.5),) * 3),
    call(cell_memory.kept_along_the_cell, LSTM(2, 3).double(), X[:1]),
    call(cell_memory.state_of, torch.ones(2, 3)),
    call(gradient_flow.clip, [torch.ones(2), torch.ones(3)], 0.5),
    call(gradient_flow.power_norms, EYE, 3),
    call(gradient_flow.step_jacobians, VanillaRNN(2, 3).double(), X[0]),
    call(gradient_flow.state_gradient_norms, RNN, X, Y),
    call(gradient_plots.norms_through_time, plt.figure().add_subplot(), {"a": Z}, {"a": "red"}),
    call(initialisation.chrono_biases, 4, 8.0, torch.Generator()),
    call(long_step.one_unit_loss, torch.ones(3), torch.zeros(3), 0.5, 4),
    call(memory_widgets.remembered, 0.5, 4),
    call(note_taker.stream, 6, 1),
    call(note_taker.note_taker, "fio"),
    call(one_sample.rnn_states, W, X[0]),
    call(one_sample.rnn_loss, W, X[0], 2),
    call(one_sample.rnn_step, W, X[0, 0], STATES[0]),
    call(one_sample.logits, W, STATES[-1]),
    call(one_sample.cross_entropy, Z, 2),
    call(one_sample.total_derivatives, W, STATES),
    call(one_sample.jacobian_product, W, STATES, 1),
    call(one_sample.sum_over_steps, W, STATES),
    call(one_sample.gradient_by_copies, W, X[0], 2),
    call(one_sample.immediate_derivative, STATES[1], STATES[0]),
    call(one_sample.step_jacobian, W, STATES[1]),
    call(one_sample.lstm_step, LSTM_W, X[0, 0], STATES[0], STATES[0]),
    call(cell_parameters, "lstm", 2, 3, num_layers=2, bidirectional=True),
    call(read_out_parameters, 4, 3, bidirectional=True),
    call(parameter_blocks, RNN),
    call(first_words, ["ab c", "ab d"], "a", 2),
    call(first_turn, "A: b\nB: c", "A:"),
    call(surprise, LM, VOCAB, "abc"),
    call(nats_to_bits, 0.5),
    call(turned, "bca"),
    call(visible, "a"),
    call(beam_search, LM, VOCAB, "ab", 3, 2),
    call(generate_batch, LM, VOCAB, ["ab", "c"], 1, 0.5, seed=[1, 2]),
]


def fresh(value):
    """What a call may use up, as it was."""
    if isinstance(value, torch.Generator):
        return torch.Generator().set_state(torch.Generator().manual_seed(0).get_state())
    return value


def answer(way, function, args, kwargs):
    """What comes of a call, or of one of the function that it returned; or the error."""
    torch.manual_seed(0)
    args, kwargs = [fresh(one) for one in args], {name: fresh(one) for name, one in kwargs.items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = way(function, args, kwargs)
            if inspect.isfunction(found):  # a landscape
                found = found(torch.full((3 if function is landscapes.bowl else 2,), 0.5, **FLOAT))
            return found
    except Exception as error:
        return error
    finally:
        plt.close("all")


def same(a, b) -> bool:
    """Whether two answers say the same; numbers but for their precision."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        real = [part.detach().to_dense().cdouble() for part in (a, b)]
        return a.shape == b.shape and torch.allclose(*real, rtol=1e-4, atol=1e-6, equal_nan=True)
    if isinstance(a, torch.nn.Module) and isinstance(b, torch.nn.Module):
        return same([*a.state_dict().values()], [*b.state_dict().values()])
    if isinstance(a, torch.Generator):
        return same(a.get_state(), b.get_state())
    if isinstance(a, float | np.floating):
        b = b.item() if getattr(b, "ndim", None) == 0 else b
        return isinstance(b, float) and a == pytest.approx(b, rel=1e-4, abs=1e-9, nan_ok=True)
    if isinstance(a, str | int):
        return a == b
    if isinstance(a, pd.DataFrame):
        return isinstance(b, pd.DataFrame) and a.shape == b.shape and a.columns.equals(b.columns)
    if dataclasses.is_dataclass(a) and type(a) is type(b):
        return same(vars(a), vars(b))
    if isinstance(a, types.SimpleNamespace):
        return same(vars(a), vars(b))
    if isinstance(a, dict):
        return [*a] == [*b] and same([*a.values()], [*b.values()])
    if isinstance(a, list | tuple | np.ndarray):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b)


def replaced(call):
    """(which argument and by what, the call with it) for each argument and other value."""
    _, args, kwargs = call
    for k, value in enumerate(args):
        for other in others(value):
            yield f"argument {k + 1}: {other.said}", (args[:k], other, args[k + 1 :]), kwargs
    for name, value in kwargs.items():
        for other in others(value):
            yield f"{name}: {other.said}", args, {**kwargs, name: other}


def made(args, kwargs):
    """A call's arguments, with another value made for this once."""
    if len(args) == 3 and isinstance(args[0], tuple) and hasattr(args[1], "make"):
        args = (*args[0], args[1].make(), *args[2])
    return args, {name: one.make() if hasattr(one, "make") else one for name, one in kwargs.items()}


@pytest.mark.parametrize("call", PLAIN, ids=lambda call: call[0].__qualname__)
def test_a_value_that_means_the_same_gets_the_same_answer(call):
    plain = answer(unguarded, *call)
    assert not isinstance(plain, Exception), plain
    right = 0
    for said, args, kwargs in replaced(call):
        found = answer(guarded, call[0], *made(args, kwargs))
        agrees = not isinstance(found, Exception) and same(plain, found)
        if not agrees:  # then it is no right call, guard or not
            free = answer(unguarded, call[0], *made(args, kwargs))
            assert isinstance(free, Exception) or not same(plain, free), (said, found)
        right += agrees
    assert right or not [*replaced(call)]


# What means something of its own ------------------------------------------------------------------

RULED_OUT = torch.tensor([0.0, -math.inf, 1.0, -math.inf])
LOWER = torch.full((3, 3), -math.inf).triu(1)  # the mask of what is to come


class Leaky(RecurrentCore):
    """A reader's own cell."""

    gates = ("g",)

    def __init__(self, *sizes, keep: float = 0.5, **options):
        super().__init__(*sizes, **options)
        self.keep = keep

    def step(self, x, h, w):
        return self.keep * h + (1 - self.keep) * torch.tanh(x @ w.W_gx.T + h @ w.W_gh.T + w.b_g)


class Wide(GCNLayer):
    """A reader's own layer."""

    def __init__(self, features: int):
        super().__init__(features, 2 * features, bias=False)


class Slow(Adam):
    """A reader's own optimizer."""

    def __init__(self, params, lr):
        super().__init__(params, lr / 10)


class Named(Graph):
    """A reader's own graph."""


def squared(x):
    return x.square().sum(-1)


#: What a call must give, and the call.
MEANT = {
    "scores that are ruled out": (
        lambda: next_distribution(RULED_OUT),
        torch.tensor([0.2689, 0.0, 0.7311, 0.0]),
    ),
    "ruled out, greedy": (lambda: next_distribution(RULED_OUT, 0), torch.eye(4)[2]),
    "ruled out, in half precision": (
        lambda: next_distribution(RULED_OUT.half(), top_k=np.int64(1)),
        torch.eye(4)[2],
    ),
    "a batch of a batch of scores": (lambda: next_distribution(LOWER[None])[0, 0], torch.eye(3)[0]),
    "softmax of a mask": (lambda: bptt.softmax(LOWER)[0], torch.eye(3)[0]),
    "loss of what is ruled out": (
        lambda: one_sample.cross_entropy(RULED_OUT, 1),
        torch.tensor(math.inf),
    ),
    "gradient at a mask": (
        lambda: bptt.logit_gradient_by_logsumexp(LOWER, torch.tensor([0, 0, 0]))[0],
        torch.zeros(3),
    ),
    "scores of plus and minus infinity": (
        lambda: encoders.area_under_curve(torch.tensor([math.inf]), torch.tensor([-math.inf])),
        1.0,
    ),
    "nothing to cut": (
        lambda: gradient_flow.clip([torch.ones(4)], math.inf),
        ([torch.ones(4)], 2.0),
    ),
    "no upper bound": (lambda: number("w", 3, minimum=0, maximum=math.inf), 3.0),
    "no lower bound": (lambda: number("w", -3, -math.inf, np.float64(0)), -3.0),
    "a landscape far out": (
        lambda: landscapes.rosenbrock(torch.tensor([math.inf, 0.0])),
        torch.tensor(math.inf),
    ),
    "a descent that leaves": (
        lambda: landscapes.walk(landscapes.rosenbrock, (9.0, 9.0), 60, Momentum, lr=9.0).shape[1],
        2,
    ),
    "a function of one's own": (
        lambda: landscapes.walk(squared, np.array([1.0, 1.0]), 1, torch.optim.SGD, lr=0.5)[-1],
        torch.zeros(2),
    ),
    "an optimizer of one's own": (
        lambda: landscapes.walk(squared, [1.0], 1, Slow, lr=1.0)[-1],
        torch.tensor([0.9]),
    ),
    "an optimizer with options": (
        lambda: landscapes.walk(squared, [1.0], 1, functools.partial(torch.optim.SGD, lr=0.5))[-1],
        torch.zeros(1),
    ),
    "a matrix of scipy's kind": (
        lambda: initialisation.spectral_radius(np.asfortranarray(2 * np.eye(2))[::-1]),
        2.0,
    ),
    "a float16 matrix": (
        lambda: propagation.add_self_loops(torch.zeros(2, 2).half()),
        torch.eye(2),
    ),
    "an adjacency of truths": (
        lambda: normalized_adjacency(torch.ones(2, 2).bool(), "row"),
        torch.full((2, 2), 0.5),
    ),
    "an adjacency of NumPy": (
        lambda: normalized_adjacency(np.ones((2, 2), dtype=int)),
        torch.full((2, 2), 0.5),
    ),
    "a batch of adjacencies": (
        lambda: normalized_adjacency(torch.ones(3, 2, 2))[1],
        torch.full((2, 2), 0.5),
    ),
    "an edge with a gradient": (
        lambda: normalized_adjacency(torch.ones(2, 2).requires_grad_()).requires_grad,
        True,
    ),
    "a graph without edges": (lambda: Graph(("a",), ()).adjacency(), torch.zeros(1, 1)),
    "nodes in any script": (lambda: hops(Graph(("ä", "日本"), (("ä", "日本"),)), "日本", "ä"), 1),
    "a graph of one's own": (
        lambda: hops(Named(("a", "b"), (("a", "b"),)), a="a", b="b"),
        1,
    ),
    "no rounds": (lambda: refinement.refine([torch.eye(2)], 0), [[[0, 0]]]),
    "no updates": (lambda: propagation.reach(GRAPH, "A", updates=0), torch.eye(6)[0]),
    "a cell of one's own": (
        lambda: SequenceClassifier(Leaky(2, 5, keep=np.float32(0.2)), 3)(torch.ones(1, 7, 2)).shape,
        (1, 3),
    ),
    "a layer of one's own": (lambda: Wide(2)(H, A).shape, (6, 4)),
    "layers of one's own, made once": (
        lambda: stacked((Wide(2) for _ in range(1)), H, A).shape,
        (6, 4),
    ),
    "one sample, one step": (
        lambda: bptt.rnn_gradients(RNN, X[:1, :1], Y[:1]).parameters["W_hx"].shape,
        (4, 2),
    ),
    "a longer batch than the network is wide": (
        lambda: bptt.autograd_gradients(RNN, X.repeat(9, 1, 1), Y.repeat(9))["b_p"].shape,
        (3,),
    ),
    "an option by its name": (
        lambda: SequenceModel(core=VanillaRNN(2, 3), outputs=2, read_out="every")(X.float()).shape,
        (2, 4, 2),
    ),
    "None where that is meant": (
        lambda: bptt.lstm_gradients(READER, X, Y, None, None).loss,
        bptt.lstm_gradients(READER, X, Y).loss,
    ),
    "a large seed": (lambda: palindromes.held_out_set(6, 5, seed=2**63 - 1).shape[1], 7),
    "a seed of a table": (
        lambda: noise.momentum_variance(*pd.Series([0.5, 0.5, 1.0, 1.0])),
        noise.momentum_variance(0.5, 0.5, 1.0, 1.0),
    ),
    "a negative key": (lambda: runtime.generator(-1, "a").initial_seed() > 0, True),
    "negative whole numbers": (lambda: integers("steps", [-1, 2], minimum=-1), [-1, 2]),
    "options of any kind": (lambda: choice("x", None, (None, 1, "a")), None),
    "an empty list": (lambda: table(RUNS.iloc[:0]), None),
    "rows without their name": (lambda: traps([("mistake", "met", "why", "3")]), None),
    "gates as plain tuples": (
        lambda: be_the_gate.play([(1.0, 0.5, 0.5, 1.0)]),
        be_the_gate.play([be_the_gate.Setting(1.0, 0.5, 0.5, 1.0)]),
    ),
    "columns of arrays": (lambda: analysis.auc(pd.Series([1, 2]), np.array([False, True])), 1.0),
    "a network on a device": (
        lambda: len(train_network(PalindromeRun("rnn", 5, 0, 1), device=torch.device("cpu"))),
        3,
    ),
    "derivatives of a batch": (
        lambda: torch.func.vmap(torch.func.grad(landscapes.rosenbrock))(torch.ones(3, 2)),
        torch.zeros(3, 2),
    ),
    "a Jacobian forwards": (
        lambda: torch.func.jacfwd(bptt.softmax)(torch.zeros(2)),
        torch.tensor([[0.25, -0.25], [-0.25, 0.25]]),
    ),
    "no gradients": (
        torch.inference_mode()(lambda: bptt.softmax(torch.zeros(2))),
        torch.ones(2) / 2,
    ),
    "bits of a column": (lambda: nats_to_bits(pd.Series([0.0])).tolist(), [0.0]),
    "probabilities in half precision": (
        lambda: entropy(torch.tensor([0.5, 0.5], dtype=torch.float16)),
        torch.tensor(math.log(2)),
    ),
    "both sides of many kinds": (
        lambda: holds("1", np.ones(2), [1, 1.0]),
        None,
    ),
    "a figure with nothing else": (lambda: figures.show(plt.figure()), None),
}  # fmt: skip


@pytest.mark.parametrize("said", MEANT)
def test_what_means_something_is_answered(said):
    ask, expected = MEANT[said]
    found = ask()
    if isinstance(expected, torch.Tensor):
        assert torch.allclose(found.double(), expected.double(), atol=1e-3), found
    else:
        assert same(found, expected), found
    plt.close("all")
