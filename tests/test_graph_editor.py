"""The graph editor: what a pointer does to a sketch, and what follows."""

from itertools import combinations, pairwise

import pytest
import torch

from helpers import audience
from helpers.captured import captured
from helpers.graph import editor, editor_widgets, loaders, six_node_graph, smoothing
from helpers.graph.editor import Sketch
from helpers.graph.propagation import normalized_adjacency


@pytest.fixture
def sketch():
    return Sketch.of(six_node_graph())


def test_a_sketch_is_its_graph(sketch):
    assert sketch.graph().edges == six_node_graph().edges
    assert all(0 <= c <= 1 for place in sketch.places.values() for c in place)
    again = Sketch.parse(sketch.text())
    assert again.edges == sketch.edges
    copy = sketch.copy()
    copy.toggle("A", "C")
    assert len(copy.edges) == len(sketch.edges) + 1


def test_strokes(sketch):
    at, edges = sketch.places, set(sketch.edges)
    assert sketch.stroke(at["A"], at["A"]) == "A"
    assert sketch.stroke(at["A"], at["C"]) is None
    assert sketch.edges == edges | {frozenset("AC")}
    sketch.stroke(at["C"], at["A"])
    assert sketch.edges == edges
    middle = tuple((a + b) / 2 for a, b in zip(at["A"], at["B"], strict=True))
    sketch.stroke(middle, middle)
    assert sketch.edges == edges - {frozenset("AB")}
    assert sketch.stroke((0.5, 0.5), (0.5, 0.5)) == "G"
    assert sketch.places["G"] == (0.5, 0.5)
    sketch.stroke((0.5, 0.5), (0.05, 0.95))
    assert sketch.places["G"] == (0.05, 0.95)
    before = sketch.copy()
    sketch.stroke((0.97, 0.03), (0.5, 0.03))  # a stroke from nowhere to nowhere
    assert sketch == before
    sketch.stroke(at["G"], (0.99, 1.4))  # past the edge: the node stays in the drawing
    assert max(sketch.places["G"]) <= 0.98


def test_nodes_come_and_go_with_their_edges(sketch):
    sketch.remove("A")
    assert all("A" not in edge for edge in sketch.edges)
    assert sketch.add(0.3, 0.3) == "A"
    assert sketch.features["A"] == pytest.approx(-0.4)
    for name in list(sketch.places)[1:]:
        sketch.remove(name)
    with pytest.raises(ValueError, match="at least one node"):
        sketch.remove(next(iter(sketch.places)))
    for _ in range(editor.MOST_NODES - 1):
        sketch.add(0.5, 0.5)
    with pytest.raises(ValueError, match=f"at most {editor.MOST_NODES}"):
        sketch.add(0.5, 0.5)


def test_written_graphs():
    read = Sketch.parse("A B, B C\n D; B A")
    assert list(read.places) == ["A", "B", "C", "D"]
    assert len(read.edges) == 2
    for wrong in ("", " ,; ", "A B C", " ".join(["x"] * 5)):
        with pytest.raises(ValueError, match=r"A B|two names"):
            Sketch.parse(wrong)
    with pytest.raises(ValueError, match="at most"):
        Sketch.parse(",".join(f"n{k}" for k in range(200)))


def test_outputs_follow_the_graph_and_the_features(sketch):
    before = editor.outputs(sketch, 3)
    assert torch.equal(before["GCN"], editor.outputs(sketch, 3)["GCN"])
    start = editor.outputs(sketch, 0)["GCN"]
    assert start[:, 1].tolist() == pytest.approx(list(sketch.features.values()))
    sketch.features["E"] += 1
    changed = (
        editor.outputs(sketch, 1)["GCN"] - editor.outputs(Sketch.of(six_node_graph()), 1)["GCN"]
    )
    heard = normalized_adjacency(sketch.graph())[:, sketch.graph().index("E")] > 0
    assert torch.equal(changed.abs().sum(1) > 1e-6, heard)


def test_twins_meet_after_one_layer(sketch):
    for a, b in (("A", "D"), ("B", "F")):
        sketch.toggle(a, b)
    sketch.toggle("E", "C")
    graph = sketch.graph()
    (first, second), *_ = smoothing.twins(graph)
    rows = editor.outputs(sketch, 1)["GAT"]
    assert torch.allclose(rows[graph.index(first)], rows[graph.index(second)])


def test_a_walk_changes_a_graph_step_by_step(sketch):
    steps = list(editor.walk(sketch).items())
    assert len({title for title, _ in steps}) == len(steps) == 5
    edges = [step.edges for _, step in steps]
    assert [bool(a ^ b) for a, b in pairwise(edges)] == [True, True, False, True]
    graphs = [step.graph() for _, step in steps]
    for pair in combinations(sketch.places, 2):  # no other edge brings it down as far
        if frozenset(pair) not in sketch.edges:
            other = smoothing.second_eigenvalue(sketch.toggled([pair]).graph())
            assert smoothing.second_eigenvalue(graphs[1]) <= other, pair
    assert len(smoothing.twins(graphs[2])) > len(smoothing.twins(graphs[1]))
    assert len(graphs[3]) == len(sketch.places) + 1
    assert smoothing.second_eigenvalue(graphs[3]) == pytest.approx(1)  # it stands alone
    assert sketch == Sketch.of(six_node_graph())


def test_a_page_shows_the_walk(monkeypatch, tmp_path):
    monkeypatch.setenv(audience.SITE_VARIABLE, str(tmp_path))
    with captured() as parts:
        editor_widgets.graph_editor({"six": six_node_graph()}, "C")
    page = parts[0].data["text/html"]
    assert "joined to" in page
    assert len(list(tmp_path.rglob("*.webp"))) > 20


@pytest.fixture
def made():
    karate = loaders.karate_club()[0]
    sketches = {"six": Sketch.of(six_node_graph()), "karate": Sketch.of(karate)}
    return editor_widgets.GraphEditor(sketches, "C")


def click(made, down, up=None):
    """Press and let go at places of the drawing, as the browser tells them."""
    count = made.explorer.hand.stroke[5] + 1 if made.explorer.hand.stroke else 0
    tell = made.explorer.kept.clicks[0]

    def share(place):
        # Where on the picture is this place? The map is affine: three points tell it.
        x0, x1 = tell(0.2, 0.2)["x"], tell(0.4, 0.2)["x"]
        y0, y1 = tell(0.2, 0.2)["y"], tell(0.2, 0.4)["y"]
        return [0.2 + 0.2 * (place[0] - x0) / (x1 - x0), 0.2 + 0.2 * (place[1] - y0) / (y1 - y0)]

    made.explorer.hand.stroke = [0, *share(down), *share(up or down), count]


def test_the_pointer_and_the_controls_say_the_same(made):
    at = made.sketch.places
    click(made, at["A"], at["C"])
    assert "A C" in made.edges.value
    assert "Twins" in made.explorer.picture.value
    click(made, at["E"])
    assert made.node.value == "E"
    assert made.feature.value == pytest.approx(made.sketch.features["E"])
    made.feature.value = 1.5
    assert made.sketch.features["E"] == 1.5
    click(made, (0.5, 0.5))
    assert made.node.value == "G"
    made.edges.value = "A B, B C"
    assert list(made.node.options) == ["A", "B", "C"]
    made.edges.value = "A B C D"
    assert "two names" in made.explorer.problem.value
    assert list(made.sketch.places) == ["A", "B", "C"]
    made.start.value = "karate"
    assert len(made.node.options) == 34
    assert "of 34 nodes" in made.explorer.picture.value


def test_nobody_gets_a_figure():
    with captured() as parts:
        editor_widgets.graph_editor({"six": six_node_graph()}, "C")
    assert sum("image/png" in part.data for part in parts) == 1
