"""Encoders, questions about edges and whole graphs, nodes never seen, and what attention ranks."""

import pytest
import torch
from scipy.stats import mannwhitneyu

from helpers.graph import (
    GATLayer,
    GCNLayer,
    Graph,
    application_drawings,
    applications,
    attention_plots,
    attention_tasks,
    encoders,
    inductive,
    loaders,
    normalized_adjacency,
    plots,
    six_node_graph,
    smoothing,
    tables,
    tasks,
    whole_graphs,
)
from helpers.graph import propagation as p
from helpers.graph.layers import stacked


def test_matrices_written_out():
    written = tables.written_out(six_node_graph())
    assert written.loc["E", list("ABCDEF")].tolist() == ["1/√12", "·", "·", "·", "1/3", "1/√12"]
    assert written.loc["A", "degree"] == 4
    assert written.loc["C", "hears"] == "B C D"


def test_deliveries_tell_the_route():
    told = tables.deliveries(six_node_graph(), "C", 3)
    route = list(zip(told["update"], told["hears it first"], told["from"], strict=True))
    assert route == [
        (1, "B", "C"),
        (1, "D", "C"),
        (2, "A", "B"),
        (2, "F", "D"),
        (3, "E", "A and F"),
    ]
    power = torch.linalg.matrix_power(normalized_adjacency(six_node_graph()), 3)
    assert float(told["its share"].iloc[-1]) == pytest.approx(power[4, 2].item(), abs=5e-4)
    assert told["ways"].tolist() == [1, 1, 1, 1, 2]
    with pytest.raises(ValueError, match="there is no node"):
        tables.deliveries(six_node_graph(), "Z", 1)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_the_best_table_leaves_out_the_small_eigenvalues(width):
    S = p.add_self_loops(loaders.karate_club()[0].adjacency()).double()
    left = encoders.table_loss(S, encoders.fit_table(S, width)).item()
    eigenvalues = torch.linalg.eigvalsh(S).flip(0)
    assert left == pytest.approx(eigenvalues[width:].square().sum().item())


def test_hidden_links_are_apart_from_what_is_learned():
    graph = loaders.les_miserables()[0]
    split = encoders.hide_links(graph, 0.2, seed=3)
    A, kept = graph.adjacency(), split.graph.adjacency()
    assert len(split.hidden) == len(split.none) == len(graph.edges) - len(split.graph.edges) == 51
    assert (A[split.hidden[:, 0], split.hidden[:, 1]] == 1).all()
    assert (kept[split.hidden[:, 0], split.hidden[:, 1]] == 0).all()
    assert (A[split.none[:, 0], split.none[:, 1]] == 0).all()
    assert (split.none[:, 0] != split.none[:, 1]).all()
    with pytest.raises(ValueError, match="hides 0 of 8 edges"):
        encoders.hide_links(six_node_graph(), 0.01)


def test_area_under_curve_is_mann_and_whitneys_statistic():
    hidden, none = torch.randint(5, (2, 40)).double()  # with ties
    expected = mannwhitneyu(hidden, none).statistic / 40**2
    assert encoders.area_under_curve(hidden, none) == pytest.approx(expected)
    assert encoders.area_under_curve(torch.tensor([2.0, 1]), torch.tensor([1.0, 0])) == 0.875


def test_encoders_rank_hidden_links_above_chance():
    found = encoders.link_prediction(loaders.les_miserables()[0], splits=2)
    assert set(found) == {"GCN encoder", "table", "common neighbours"}
    assert all(sum(values) / len(values) > 0.65 for values in found.values())
    pairs = torch.tensor([[0, 1], [2, 4]])
    assert encoders.common_neighbours(six_node_graph(), pairs).tolist() == [0, 0]
    Z = torch.tensor([[1.0, 2], [3, 4]])
    assert encoders.dot_products(Z, torch.tensor([[0, 1]])).tolist() == [11]


def test_graphs_with_hubs_differ_in_nothing_else():
    graphs, labels = whole_graphs.with_and_without_hubs(10)
    assert {len(graph) for graph in graphs} == {24}
    assert len({len(graph.edges) for graph in graphs}) == 1
    largest = torch.tensor([graph.adjacency().sum(1).max() for graph in graphs])
    assert largest[labels == 1].mean() > largest[labels == 0].mean()
    reader, right = whole_graphs.train_reader(40, steps=150)
    assert right > 0.75
    M = normalized_adjacency(graphs[0])
    order = torch.randperm(24)
    torch.testing.assert_close(reader.vector(M[order][:, order]), reader.vector(M))


def test_names_do_not_carry_over_and_features_do():
    def mean(method):
        found = torch.tensor([inductive.seen_and_new(method, seed) for seed in range(4)])
        return found.mean(0).tolist()

    seen, new = mean("features and edges")
    assert min(seen, new) > 0.85
    assert 0.55 < mean("features alone")[1] < 0.85
    seen, new = mean("names and edges")
    assert seen > 0.85
    assert new < 0.7


def test_choices_side_by_side_equal_one_by_one():
    graph, _, classes = loaders.karate_club()
    picks = [tasks.one_label_each(classes, k) for k in range(3)]
    together = tasks.accuracies(graph, classes, picks, epochs=60)
    for k, pick in enumerate(picks):
        alone = tasks.train_communities(graph, classes, pick, epochs=60, seed=k)
        assert together[k] == pytest.approx(alone.accuracy[-1].item())


# Attention --------------------------------------------------------------------------------------


def test_twins_can_do_no_better_than_the_mean():
    H, A, values = attention_tasks.own_value(200)
    assert torch.equal(H[..., 0], values)
    assert (values.max(1).values == 1).all()
    assert (values.min(1).values == -1).all()
    assert A.sum(1).tolist() == [3, 3, 3, 3]
    torch.manual_seed(0)
    bound = attention_tasks.least_error_of_twins()
    for layer in (GCNLayer(2, 16), GATLayer(2, 2, 8, slope=1.0)):
        assert attention_tasks.train_own_value(layer, steps=30) >= bound - 1e-5
    torch.manual_seed(0)
    assert attention_tasks.train_own_value(GATLayer(2, 16, dynamic=True)) < 0.05 < bound


def test_look_up_asks_for_the_value_of_one_key():
    H, A, values = attention_tasks.look_up(7, keys=3)
    assert H.shape == (7, 6, 9)
    assert torch.equal(H[:, :3, 6:].argmax(-1), values)
    assert torch.equal(H[:, :3, 3:6], H[:, 3:, :3])  # query k looks for the name of key k
    assert A[3:, :3].sum() == A.sum() == 9


@pytest.mark.slow
def test_one_static_head_fails_the_look_up_and_a_dynamic_one_does_not():
    torch.manual_seed(0)
    right, alpha = attention_tasks.train_look_up(GATLayer(15, 32))
    assert right < 0.7
    assert len(set(alpha.argmax(1).tolist())) == 1  # one favourite for all
    torch.manual_seed(0)
    right, alpha = attention_tasks.train_look_up(GATLayer(15, 32, dynamic=True))
    assert right > 0.97
    assert alpha.argmax(1).tolist() == list(range(5))


def test_attention_matrices_frame_the_largest_of_each_row():
    figure = attention_plots.attention_matrices({"a": torch.eye(2)}, ["1?", "2?"], ["1", "2"])
    frames = [patch.get_xy() for patch in figure.axes[0].patches]
    assert frames == [(-0.47, -0.47), (0.53, 0.53)]


def test_edges_that_one_reading_lacks_are_dotted_in_it():
    whole = Graph(("a", "b", "c"), (("a", "b"), ("b", "c"), ("c", "a")))
    path = Graph(("a", "b", "c"), (("a", "b"), ("b", "c")))
    figure = plots.two_readings({"whole": (whole, 1), "path": (path, 2)}, "a", "c")
    dotted = [[line for line in ax.lines if line.get_linestyle() == ":"] for ax in figure.axes]
    assert [len(lines) for lines in dotted] == [0, 1]
    places = path.layout()
    assert set(dotted[1][0].get_xdata()) == {places["a"][0], places["c"][0]}


# Applications -----------------------------------------------------------------------------------


def test_applications_ask_at_the_level_that_they_say():
    for application in applications.APPLICATIONS:
        kind = "edge" if isinstance(application.asked, tuple) else "node"
        assert application.level == (kind if application.asked else "graph")
        assert application.level in applications.LEVELS
        assert application.report in {"000", "001", "002", "004"}
        assert all((application.node, application.edge, application.question))


def test_the_figure_of_applications_tells_each():
    figure = application_drawings.figure(applications.APPLICATIONS[:4])
    assert len(figure.axes) == 12  # two rows of drawings, three columns, a text under each
    assert figure.axes[0].get_title("left") == applications.APPLICATIONS[0].title
    told = " ".join(text.get_text() for text in figure.axes[3].texts).replace("\n", " ")
    assert applications.APPLICATIONS[0].question in told


def test_stacked_updates_are_one_after_another():
    layers = [GCNLayer(2, 2) for _ in range(2)]
    graph = Graph(("a", "b"), (("a", "b"),))
    H, M = torch.randn(2, 2), normalized_adjacency(graph)
    expected = torch.tanh(layers[1](torch.tanh(layers[0](H, M)), M))
    torch.testing.assert_close(stacked(layers, H, M), expected)


@pytest.mark.parametrize(
    "train",
    [
        lambda _: whole_graphs.train_reader(6, steps=1, seed=1),
        lambda _: inductive.seen_and_new(inductive.METHODS[0], 1, epochs=1),
        lambda _: smoothing.attention_smoothing(loaders.karate_club()[0], 2, seed=1),
        lambda _: tasks.train_communities(
            *loaders.karate_club()[::2], torch.tensor([0, 9]), epochs=1
        ),
        lambda layer: attention_tasks.train_look_up(layer, steps=1, seed=1),
    ],
    ids=["reader", "seen and new", "smoothing", "communities", "look up"],
)
def test_what_has_a_seed_leaves_torchs_generator_as_it_was(train):
    layer = GATLayer(15, 32)
    before = torch.get_rng_state()
    train(layer)
    assert torch.equal(torch.get_rng_state(), before)
