"""The comparisons of sequences and graphs: networks, tasks, experiments."""

import itertools
import math

import networkx as nx
import pytest
import torch
import torch.nn.functional as F

from helpers.combined import (
    archive,
    links,
    neighbours,
    networks,
    pedigree,
    serialised,
    series,
    small_graphs,
    structure,
)
from helpers.combined.training import fit, score
from helpers.graph import normalized_adjacency
from helpers.graph.layers import LAYERS, find_layer
from helpers.recurrent.parameters import count_parameters
from helpers.runtime import generator


def random_graphs(n: int, nodes: int, seed: int = 0) -> torch.Tensor:
    upper = (torch.rand(n, nodes, nodes, generator=generator(seed)) < 0.35).float().triu(1)
    return upper + upper.transpose(1, 2)


# Networks -----------------------------------------------------------------------------------------


def test_a_batch_is_normalised_like_one_graph():
    A = random_graphs(3, 7)
    A[0, 2] = A[0, :, 2] = 0.0  # an isolated node
    for one, hat in zip(A, find_layer("gcn").of_width(1).prepare(A), strict=True):
        torch.testing.assert_close(hat, normalized_adjacency(one))


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("pool", networks.POOLS)
def test_graph_networks_do_not_see_node_numbers(kind, pool):
    torch.manual_seed(0)
    model = networks.GraphClassifier(kind, 3, 5, 4, 2, pool).double()
    X, A = torch.randn(2, 7, 3).double(), random_graphs(2, 7).double()
    order = torch.randperm(7)
    first = model(X, A)
    second = model(X[:, order], A[:, order][:, :, order])
    # Exact for the mean; an LSTM over the nodes sees their order.
    assert torch.allclose(first, second, atol=1e-12) == (pool == "mean")
    H = model.core(X, A)
    torch.testing.assert_close(H[:, order], model.core(X[:, order], A[:, order][:, :, order]))


def test_depth_costs_no_parameters_and_messages_go_one_hop_a_round():
    shallow, deep = (networks.MessagePassing("gated", 2, 4, depth) for depth in (1, 9))
    assert count_parameters(shallow) == count_parameters(deep)
    A, X = structure.chain(6), torch.randn(1, 6, 2)
    for depth in range(6):
        model = networks.MessagePassing("gcn", 2, 4, depth)
        changed = X.clone()
        changed[0, 0] += 1.0
        moved = (model(X, A) - model(changed, A)).abs().sum(-1)[0] > 0
        assert moved.tolist() == [k <= depth for k in range(6)]


def test_attention_equals_torch():
    torch.manual_seed(0)
    model = networks.PositionAttention(6, 4, 8, 3).double()
    X = torch.randn(2, 6, 4).double()
    torch.testing.assert_close(model.attention().sum(-1), torch.ones(6).double())
    Q, K = model.P @ model.W_q, model.P @ model.W_k
    expected = F.scaled_dot_product_attention(
        Q.expand(2, 6, 8), K.expand(2, 6, 8), F.linear(X, model.W_v.weight, model.W_v.bias)
    )
    torch.testing.assert_close(model(X), model.W_o(expected))


def test_matched_networks_have_about_as_many_parameters():
    graphs = itertools.chain(*archive.serialised(range(1)).values())
    runs = [*archive.structure(range(1)), *graphs]
    for run in runs:
        build = structure.build if isinstance(run, structure.StructureRun) else serialised.build
        assert count_parameters(build(run)) == pytest.approx(run.parameters, rel=0.05)
    with pytest.raises(ValueError, match="parameters"):
        networks.matched(lambda n: torch.nn.Linear(n, n), 0)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: networks.MessagePassing("gcnn", 2, 3, 1),
        lambda: networks.MessagePassing("gcn", 2, 3, -1),
        lambda: structure.StructureRun("lstm", "mirror", 5, 0),
        lambda: structure.StructureRun("gcn", "ring", 5, 0),
        lambda: structure.AttentionRun(0, 0),
        lambda: structure.StructureRun("rnn", "sequence", 5, 0, start="chrono"),
        lambda: structure.StructureRun("lstm", "sequence", 5, 0, start="zero"),
        lambda: structure.StructureRun("lstm", "sequence", 5, 0, optimizer="adagrad"),
        lambda: structure.StructureRun("lstm", "sequence", 5, 0, schedule="step"),
        lambda: structure.StructureRun("lstm", "sequence", 5, 0, clip_norm=0.0),
        lambda: pedigree.PedigreeRun("gcn", 0),
        lambda: pedigree.PedigreeRun("lstm", 0),
        lambda: pedigree.PedigreeRun("gated", 0, order="birth"),
        lambda: pedigree.PedigreeRun("gated", 0, depth=-1),
        lambda: serialised.GraphRun("gcn", "colour", 0, features="mark"),
        lambda: serialised.GraphRun("gcn", "distance", 0),
        lambda: serialised.GraphRun("rnn", "distance", 0, order="sorted"),
        lambda: links.LinkRun("reader", 1, 0),
        lambda: neighbours.NeighbourRun("max", 0),
        lambda: neighbours.NeighbourRun("gin", 0, neighbours=0),
        lambda: serialised.GraphRun("gin", "distance", 0, order="bfs", features="mark"),
        lambda: serialised.GraphRun("gin", "distance", 0, features="mark", pool="max"),
        lambda: serialised.GraphRun("rnn", "distance", 0, order="bfs", pool="lstm"),
        lambda: serialised.GraphRun("gin", "distance", 0, features="mark", depth=-1),
        lambda: series.SeriesRun("arima", 0),
        lambda: series.SeriesRun("lstm", -1),
        lambda: series.SeriesRun("lstm", 0, steps=0),
        lambda: series.SeriesRun("lstm", 0, batch_size=0),
        lambda: series.SeriesRun("lstm", 0, lr=0.0),
        lambda: series.SeriesRun("lstm", 0, lr=float("nan")),
        lambda: series.SeriesRun("lstm", 0, parameters=0),
        lambda: archive.STUDY.run_parts(["weather"]),
    ],
)
def test_bad_settings_are_sentences(bad):
    with pytest.raises(ValueError, match=r"must be|unknown part"):
        bad()


# Tasks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("T", [1, 2, 5, 10])
def test_hops_from_the_first_digit_to_the_blank(T):
    for adjacency, hops in ((structure.chain, T), (structure.mirrored, 1)):
        graph = nx.from_numpy_array(adjacency(T + 1).numpy())
        assert nx.shortest_path_length(graph, 0, T) == hops


@pytest.mark.parametrize("form", structure.STRUCTURES)
def test_the_answer_is_not_in_the_question(form):
    model = "rnn" if form == "sequence" else "gcn"
    run = structure.StructureRun(model, form, 7, 0)
    inputs, y = structure.task(run, held_out=True)(50, generator("test"))
    X = inputs[0]
    first = X[:, 0, :10].argmax(-1)
    assert torch.equal(first, y)
    if form == "sequence":
        assert X.shape == (50, 7, 10)
    else:
        assert X.shape == (50, 8, 11)
        assert torch.equal(X[:, -1], F.one_hot(torch.full((50,), 10), 11).float())


def test_graph_properties_equal_networkx():
    for A in random_graphs(8, 9):
        graph = nx.from_numpy_array(A.numpy())
        assert small_graphs.triangles(A) == sum(nx.triangles(graph).values()) / 3
        lengths = dict(nx.all_pairs_shortest_path_length(graph))
        hops = small_graphs.all_hops(A)
        for u, v in itertools.product(range(9), repeat=2):
            assert hops[u, v] == lengths[u].get(v, float("inf"))


def test_searches_equal_networkx():
    for k, A in enumerate(random_graphs(8, 9)):
        graph = nx.from_numpy_array(A.numpy())
        if not nx.is_connected(graph):
            continue
        start = torch.randint(9, (1,), generator=generator(k)).item()
        bfs = [start] + [v for _, v in nx.bfs_edges(graph, start, sort_neighbors=sorted)]
        dfs = list(nx.dfs_preorder_nodes(graph, start, sort_neighbors=sorted))
        assert small_graphs.visiting_order(A, "bfs", generator(k)).tolist() == bfs
        assert small_graphs.visiting_order(A, "dfs", generator(k)).tolist() == dfs


@pytest.mark.parametrize("order", small_graphs.ORDERS)
def test_a_serialisation_loses_nothing(order):
    A = random_graphs(4, 6)
    marks = torch.eye(6)[:4]
    orders = torch.stack([small_graphs.visiting_order(one, order, generator(1)) for one in A])
    assert orders.sort(1).values.tolist() == [list(range(6))] * 4
    x = small_graphs.serialise(A, marks, orders)
    back = x[..., :6] + x[..., :6].transpose(1, 2)
    for one, found, order_ in zip(A, back, orders, strict=True):
        assert torch.equal(found, small_graphs.relabel(one, order_))
    assert torch.equal(x[..., 6], marks.gather(1, orders))


def test_a_serialisation_tells_of_links_to_earlier_nodes_only():
    """A path 0 - 1 - 2 - 3 with node 3 marked, read from its end: each step links to the last."""
    A, marks = structure.chain(4)[None], torch.tensor([[0.0, 0.0, 0.0, 1.0]])
    x = small_graphs.serialise(A, marks, torch.tensor([[3, 2, 1, 0]]))
    assert x[0].tolist() == [[0, 0, 0, 0, 1], [1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0]]
    x = small_graphs.serialise(A, marks, torch.tensor([[1, 3, 0, 2]]))
    assert x[0].tolist() == [[0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [1, 0, 0, 0, 0], [1, 1, 0, 0, 0]]


def test_relabelling_puts_the_node_of_the_order_first():
    A = torch.arange(9.0).reshape(3, 3)
    marks, order = torch.tensor([5.0, 6, 7]), torch.tensor([2, 0, 1])
    expected = [[A[order[i], order[j]].item() for j in range(3)] for i in range(3)]
    assert small_graphs.relabel(A, order).tolist() == expected
    two, seen = small_graphs.relabel_all(
        torch.stack([A, A]), torch.stack([marks] * 2), torch.stack([order, torch.arange(3)])
    )
    assert two.tolist() == [expected, A.tolist()]
    assert seen.tolist() == [[7, 5, 6], [5, 6, 7]]


@pytest.mark.parametrize("task", small_graphs.TASKS)
def test_drawn_graphs_are_what_they_say(task):
    A, marks, targets = small_graphs.graphs_of(task, "test", 40)
    assert torch.equal(A, A.transpose(1, 2))
    for one, mark, target in zip(A, marks, targets.tolist(), strict=True):
        if task == "distance":
            u, v = mark.nonzero().flatten().tolist()
            assert small_graphs.all_hops(one)[u, v] == target + 1
        elif task == "triangles":
            assert (one.sum(1) == 3).all()
            assert min(int(small_graphs.triangles(one)), 3) == target
        else:
            assert (one.sum(1) == 2).all()
            parts = nx.number_connected_components(nx.from_numpy_array(one.numpy()))
            assert parts == 2 - target


@pytest.mark.parametrize("task", ["triangles", "connectivity"])
def test_equal_features_cannot_tell_regular_graphs_apart(task):
    """The 1-WL bound, exactly; and closed walks are one repair of it."""
    A, marks, targets = small_graphs.graphs_of(task, "test", 40)
    A, marks = A.double(), marks.double()
    for kind in LAYERS:
        torch.manual_seed(0)
        model = networks.GraphClassifier(kind, 2, 6, 6, 2).double()
        X = small_graphs.node_features(A, marks, "mark", generator(0))
        logits = model(X, A)
        assert (logits - logits[0]).abs().max() < 1e-12
    walks = small_graphs.node_features(A, marks, "walks", generator(0)).sort(1).values
    apart = targets != targets[0]
    assert (walks[apart] - walks[0]).abs().amax((1, 2)).min() > 1e-3


def test_links_ask_for_the_digit_before():
    digits, places, answers = links.draw_links(20, 8, 3, generator(0))
    for row in range(20):
        for k in range(3):
            assert answers[row, k] == digits[row, places[row, k] - 1]
    A = links.adjacency(places, 8, along=False)
    assert torch.equal(A, A.transpose(1, 2))
    assert A[0, 8 + 1].nonzero().flatten().tolist() == [places[0, 1].item()]
    X = links.features(digits, places, addresses=True)
    assert X.shape == (20, 11, 19)
    assert X[0, 8:, 11:].argmax(-1).tolist() == places[0].tolist()


def test_different_values_are_counted():
    values, counts = neighbours.different_values(200, 8, generator(0))
    assert [len(set(row)) - 1 for row in values.tolist()] == counts.tolist()
    assert counts.bincount(minlength=5).min() > 10
    # The bound of the mean, summed over all stars, and from stars that were drawn.
    values, counts = neighbours.different_values(100_000, 8, generator(1))
    table = torch.zeros(8 * 5, 5)
    table.index_put_((values.sum(1), counts), torch.ones(100_000), accumulate=True)
    drawn = table.max(1).values.sum().item() / 100_000
    assert neighbours.best_of_the_mean() == pytest.approx(drawn, abs=0.005)


def test_the_coupled_process_is_stable_and_its_best_error_is_one():
    P, eye = series.coupling(), torch.eye(series.NODES)
    top = torch.cat([series.OWN * eye, series.NEIGHBOURS * P - series.OWN_BEFORE * eye], dim=1)
    both = torch.cat([top, torch.cat([eye, torch.zeros_like(P)], dim=1)])
    assert torch.linalg.eigvals(both).abs().max() < 1
    found = series.known_errors()
    assert found["the process"] == pytest.approx(1.0, abs=0.03)
    assert found["the process"] < found["own past"] < found["nothing"]
    assert found["the process"] < found["last value"] < found["nothing"]


# Experiments --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("experiment", "run"),
    [
        (structure.train_structure, structure.StructureRun("gat", "chain", 4, 1, steps=3)),
        (structure.train_structure, structure.StructureRun("rnn", "sequence", 4, 1, steps=3)),
        (structure.train_attention, structure.AttentionRun(4, 1, steps=3)),
        (
            serialised.train_graphs,
            serialised.GraphRun("gated", "connectivity", 1, features="walks", steps=3),
        ),
        (
            serialised.train_graphs,
            serialised.GraphRun("lstm", "connectivity", 1, order="dfs", steps=3),
        ),
        (links.train_links, links.LinkRun("combined", 6, 1, steps=3)),
        (neighbours.train_aggregator, neighbours.NeighbourRun("sorted lstm", 1, steps=3)),
        (series.train_series, series.SeriesRun("combined", 1, steps=3)),
        (pedigree.train_pedigree, pedigree.PedigreeRun("gated", 1, steps=3)),
        (pedigree.train_pedigree, pedigree.PedigreeRun("lstm", 1, order="random", steps=3)),
    ],
)
def test_a_run_depends_on_its_configuration_alone(experiment, run):
    torch.manual_seed(5)
    first, curves = experiment(run)
    torch.manual_seed(6)
    second, again = experiment(run)
    assert first == second
    name = "loss" if "loss" in curves else "accuracy"
    assert (curves[name] == again[name]).all()
    assert len(curves[name]) == 3


#: First losses of each kind of run. Where one changes, what is published is another experiment's:
#: bump EXPERIMENT_VERSION, train again, and put the new numbers here.
PINNED = {
    "structure": (
        structure,
        structure.StructureRun("gated", "mirror", 6, 0, steps=3),
        [2.292, 2.3101, 2.2919],
    ),
    "reader": (
        structure,
        structure.StructureRun("lstm", "sequence", 6, 0, steps=3),
        [2.3045, 2.303, 2.303],
    ),
    "attention": (structure, structure.AttentionRun(6, 0, steps=3), [2.3223, 2.3018, 2.3022]),
    "graphs": (
        serialised,
        serialised.GraphRun("gat", "connectivity", 0, features="walks", steps=3),
        [0.69203, 0.70539, 0.69262],
    ),
    "links": (links, links.LinkRun("combined", 6, 0, steps=3), [2.3203, 2.3014, 2.296]),
    "neighbours": (
        neighbours,
        neighbours.NeighbourRun("lstm", 0, steps=3),
        [1.5812, 1.6096, 1.5961],
    ),
    "series": (series, series.SeriesRun("combined", 0, steps=3), [2.3471, 2.0541, 2.1473]),
    "best setting": (
        structure,
        structure.StructureRun("lstm", "sequence", 6, 0, steps=3, **archive.OF_04),
        [2.3052, 2.3033, 2.2916],
    ),
    "pedigree": (pedigree, pedigree.PedigreeRun("gated", 0, steps=3), [0.6998, 0.6987, 0.7010]),
}
TRAIN = {
    structure.StructureRun: structure.train_structure,
    structure.AttentionRun: structure.train_attention,
    serialised.GraphRun: serialised.train_graphs,
    links.LinkRun: links.train_links,
    neighbours.NeighbourRun: neighbours.train_aggregator,
    series.SeriesRun: series.train_series,
    pedigree.PedigreeRun: pedigree.train_pedigree,
}


@pytest.mark.parametrize("name", PINNED)
def test_what_a_run_computes_is_pinned(name, monkeypatch):
    module, run, losses = PINNED[name]
    assert archive.EXPERIMENT_VERSION == 1
    seen = []

    def watched(*arguments, **options):
        seen.append(fit(*arguments, **options))
        return seen[-1]

    monkeypatch.setattr(module, "fit", watched)
    TRAIN[type(run)](run)
    assert seen[0].loss.tolist() == pytest.approx(losses, rel=1e-3)


def test_the_mirror_is_learned_and_the_lstm_learns_the_links():
    mirrored = structure.StructureRun("gated", "mirror", 6, 0, steps=300, lr=1e-2)
    assert structure.train_structure(mirrored)[0]["accuracy"] > 0.9
    attention, curves = structure.train_attention(structure.AttentionRun(8, 0, steps=400))
    assert attention["accuracy"] > 0.9
    assert curves["attention"].shape == (9, 9)
    assert attention["mirror"] > 0.8


def test_a_loss_that_turns_nan_ends_the_training_and_is_told():
    drawn = []

    def draw(n, stream):
        drawn.append(n)
        x = torch.full((n, 2), float("nan") if len(drawn) == 3 else 1.0)
        return (x,), torch.zeros(n, dtype=torch.long)

    steps = []
    found = fit(torch.nn.Linear(2, 3), draw, generator(0), steps=9, on_step=steps.append)
    assert found.diverged
    assert len(found.loss) == 3
    assert [step.number for step in steps] == [1, 2]
    stopped = fit(torch.nn.Linear(2, 3), draw, generator(0), steps=9, should_stop=lambda: True)
    assert len(stopped.loss) == 1
    assert not stopped.diverged


def test_score_counts_right_answers():
    def draw(n, stream):
        x = torch.randn(n, 2, generator=stream)
        return (x,), x.argmax(1)

    assert score(torch.nn.Identity(), draw, generator(0), n=500) == 1.0
    assert score(lambda x: -x, draw, generator(0), n=500) == 0.0


@pytest.mark.parametrize("n", [1, 7, 250, 251, 600, 750])
def test_score_is_over_as_many_examples_as_it_says(n):
    """The examples are 0, 1, 2, …, and each third one is right."""
    drawn = []

    def draw(size, _):
        x = torch.arange(len(drawn), len(drawn) + size)
        drawn.extend(x.tolist())
        return (x,), (x % 3 > 0).long()

    def model(x):
        return torch.tensor([[1.0, 0.0]]).expand(len(x), 2)

    assert score(model, draw, generator(0), n=n) == pytest.approx(math.ceil(n / 3) / n)
    assert drawn == list(range(n))
    with pytest.raises(ValueError, match="n must be at least 1"):
        score(model, draw, generator(0), n=0)
