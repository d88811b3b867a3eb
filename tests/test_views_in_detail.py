"""What figures, tables and commands show, against what they were given."""

import json

import matplotlib.pyplot as plt
import nbformat
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch

from helpers import paths, publish
from helpers.combined import archive as comparison_archive
from helpers.combined import plots as comparison_plots
from helpers.combined.small_graphs import relabel_all, serialise
from helpers.figures import PALETTE
from helpers.recurrent import gradient_plots
from helpers.run import Outcome


@pytest.fixture(autouse=True)
def nothing_open():
    yield
    plt.close("all")


# A graph as a sequence --------------------------------------------------------------------------


def test_a_step_tells_its_links_to_earlier_nodes_only():
    """The chain 0 - 1 - 2 - 3, read in two orders, and what each step may know."""
    A = torch.tensor(nx.to_numpy_array(nx.path_graph(4)), dtype=torch.float32)
    marks = torch.tensor([1.0, 0.0, 0.0, 1.0])
    orders = torch.tensor([[0, 1, 2, 3], [2, 0, 3, 1]])
    x = serialise(A.expand(2, 4, 4), marks.expand(2, 4), orders)
    assert x.shape == (2, 4, 5)
    assert x[0].tolist() == [
        [0, 0, 0, 0, 1],
        [1, 0, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 1, 0, 1],
    ]
    assert x[1].tolist() == [
        [0, 0, 0, 0, 0],  # 2
        [0, 0, 0, 0, 1],  # 0 is no neighbour of 2
        [1, 0, 0, 0, 1],  # 3 is one of 2
        [1, 1, 0, 0, 0],  # 1 is one of 2 and of 0
    ]
    assert (x[..., :4].triu() == 0).all()
    assert x[0, :, :4].sum() == 3  # every edge is told once


def test_relabelling_moves_rows_columns_and_marks_together():
    A = torch.arange(9.0).reshape(1, 3, 3)
    marks = torch.tensor([[5.0, 6.0, 7.0]])
    moved, told = relabel_all(A, marks, torch.tensor([[2, 0, 1]]))
    assert moved[0].tolist() == [[8, 6, 7], [2, 0, 1], [5, 3, 4]]
    assert told[0].tolist() == [7, 5, 6]


# Tables -----------------------------------------------------------------------------------------


def comparisons() -> comparison_archive.ComparisonArchive:
    """A small archive in which every mean of the summary can be worked out by hand."""

    def rows(part, **columns):
        n = max(len(v) for v in columns.values() if isinstance(v, list))
        return pd.DataFrame({"parts": [part] * n, "settings": [""] * n, **columns})

    table = [
        rows(
            "structure",
            structure=["sequence", "sequence", "sequence", "chain", "mirror", "sequence", "chain"],
            model=["lstm", "lstm", "gru", "gcn", "gcn", "lstm", "gcn"],
            T=[20, 20, 20, 20, 20, 5, 5],
            accuracy=[1.0, 0.8, 0.7, 0.3, 0.95, 0.11, 0.12],
        ),
        rows(
            "serialised",
            task=["distance"] * 6 + ["triangles"] * 3,
            model=["lstm", "lstm", "gcn", "gcn", "gated", "gru", "gcn", "lstm", "gated"],
            order=["dfs", "bfs", None, None, None, "dfs", None, "dfs", None],
            features=[None, None, "mark", "walks", "mark", None, "mark", None, "mark"],
            pool=["mean", "mean", "mean", "mean", "lstm", "mean", "mean", "mean", "lstm"],
            accuracy=[0.4, 0.6, 0.5, 0.9, 0.7, 0.1, 0.2, 0.3, 0.31],
        ),
        rows(
            "links",
            model=["reader", "graph", "graph+", "combined", "reader"],
            L=[60, 60, 60, 60, 20],
            accuracy=[0.5, 0.4, 0.45, 1.0, 0.99],
        ),
        rows(
            "neighbours",
            aggregator=["lstm", "mean", "gin", "sorted lstm", "max"],
            accuracy=[0.6, 0.5, 0.55, 0.601, 0.99],
        ),
        rows(
            "pedigree",
            model=["lstm", "lstm", "rnn", "gated", "gated", "gin"],
            order=["birth", "random", "birth", None, None, None],
            depth=[10, 10, 10, 10, 3, 10],
            far=[0.7, 0.4, 0.6, 0.8, 0.5, 0.9],
        ),
        rows("series", model=["lstm", "gcn", "combined", "lstm"], error=[0.5, 0.25, 0.125, 0.7]),
    ]
    return comparison_archive.ComparisonArchive(pd.concat(table, ignore_index=True), {}, {})


def test_the_summary_is_its_means_and_names_the_best_as_printed():
    found = comparison_archive.summary(comparisons())
    assert found.to_dict("split")["columns"] == ["data", "reading", "messages", "both", "best"]
    assert [tuple(row) for row in found.to_numpy()] == [
        ("order alone: palindromes as a chain, T = 20", "0.90", "0.30", "–", "reading"),
        ("order and known pairs: the mirror, T = 20", "0.90", "0.95", "–", "messages"),
        ("a graph, asked for distance", "0.60", "0.90", "0.70", "messages"),
        ("a graph, asked for triangles", "0.30", "0.20", "0.31", "both"),
        ("a family tree, long lines of mothers", "0.70", "0.90", "–", "messages"),
        ("text with links, 60 digits", "0.50", "0.45", "1.00", "both"),
        ("how many neighbours differ", "0.60", "0.55", "0.60", "reading, both"),
        ("coupled series, error", "0.60", "0.25", "0.12", "both"),  # the smallest
    ]


# Figures ----------------------------------------------------------------------------------------


def test_the_heatmap_of_shares_shows_norms_of_rows():
    shares = torch.zeros(3, 2, 2)
    shares[0, 0] = torch.tensor([3.0, 4.0])
    shares[2, 1] = torch.tensor([6.0, 8.0])
    shares[2, 0] = torch.tensor([0.0, 2.0])
    figure = gradient_plots.shares_heatmap(shares)
    units, whole = figure.axes[0], figure.axes[1]
    image = units.images[0]
    np.testing.assert_allclose(image.get_array(), [[5, 0], [0, 0], [2, 10]])
    assert image.get_extent() == [0.5, 2.5, 3.5, 0.5]  # step 1 on top, at the height of its bar
    assert [bar.get_width() for bar in whole.patches] == pytest.approx([5, 0, 104**0.5])
    assert [bar.get_y() + bar.get_height() / 2 for bar in whole.patches] == [1, 2, 3]
    assert units.get_yticks().tolist() == [1, 2, 3]
    assert units.get_xticks().tolist() == [1, 2]
    assert (units.get_xlabel(), units.get_ylabel()) == ("hidden unit", "time step t")
    assert (whole.get_xlabel(), whole.get_title("left")) == ("norm", "whole term")


def test_a_relabelled_graph_is_drawn_with_what_each_network_answers():
    A = torch.tensor(nx.to_numpy_array(nx.path_graph(3)), dtype=torch.float32)
    marks = torch.tensor([1.0, 0.0, 1.0])
    answers = {"one": torch.tensor([0.1, 0.7, 0.2]), "other": torch.tensor([0.5, 0.3, 0.2])}
    figure = comparison_plots.relabelled(A, marks, ["7", "8", "9"], answers, target=1)
    graph, one, other = figure.axes
    assert sorted(text.get_text() for text in graph.texts) == ["7", "8", "9"]
    assert len(graph.lines) == 2  # edges
    filled = [tuple(dots.get_facecolor()[0]) for dots in graph.collections]
    assert filled[0] == filled[2] != filled[1]
    assert [ax.get_title(loc="left") or ax.get_title() for ax in (one, other)] == [
        "one: right",
        "other: wrong",
    ]
    for ax, (name, expected) in zip((one, other), answers.items(), strict=True):
        assert [bar.get_height() for bar in ax.patches] == pytest.approx(expected.tolist()), name
        middles = [bar.get_x() + bar.get_width() / 2 for bar in ax.patches]
        assert middles == pytest.approx([1, 2, 3])
        colors = [plt.matplotlib.colors.to_hex(bar.get_facecolor()) for bar in ax.patches]
        accent = plt.matplotlib.colors.to_hex(PALETTE["accent"])
        chosen = int(expected.argmax())
        assert [color == accent for color in colors] == [k == chosen for k in range(3)]
        assert ax.get_ylim() == (0, 1)
        assert ax.get_xticks().tolist() == [1, 2, 3]
    assert one.get_ylabel() == "probability"


# Publishing -------------------------------------------------------------------------------------


@pytest.fixture
def series(tmp_path, monkeypatch):
    """Two notebooks in a folder of their own, and a runner that executes nothing."""
    folders = {name: tmp_path / name for name in ("notebooks", "figures", "executed")}
    folders["notebooks"].mkdir()
    folders["figures"].mkdir()
    (folders["figures"] / "old.png").write_bytes(b"old")
    monkeypatch.setattr(paths, "NOTEBOOKS", folders["notebooks"])
    monkeypatch.setattr(paths, "FIGURES", folders["figures"])
    monkeypatch.setattr(paths, "EXECUTED", folders["executed"])
    for name in ("01_one.ipynb", "02_two.ipynb"):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="a")])
        nbformat.write(notebook, folders["notebooks"] / name)
    asked = []

    def run_series(notebooks, out, *, parameters):
        asked.append(([n.name for n in notebooks], parameters))
        assert list(out.iterdir()) == []  # nothing is left of an earlier call
        (out / "figures").mkdir()
        (out / "figures" / "new.png").write_bytes(b"new")
        for path in notebooks:
            notebook = nbformat.read(path, as_version=4)
            notebook.cells[0].execution_count = 7
            notebook.cells[0].metadata["time"] = "now"
            notebook.cells[0].outputs = [
                nbformat.v4.new_output("execute_result", {"text/plain": "1"}, execution_count=7)
            ]
            nbformat.write(notebook, out / path.name)
        return [Outcome(n.stem, 1, 0.1, fails.get(n.stem, "")) for n in notebooks]

    fails = {}
    monkeypatch.setattr(publish, "run_series", run_series)
    return folders, asked, fails


def read(folder, name):
    return json.loads((folder / name).read_text())["cells"][0]


def test_publishing_writes_outputs_and_figures_back_and_is_idempotent(series, capsys):
    folders, asked, _ = series
    stale = folders["executed"] / "publish" / "stale"
    stale.mkdir(parents=True)
    assert publish.main([]) == 0
    assert asked == [(["01_one.ipynb", "02_two.ipynb"], {"profile": "quick", "book": "default"})]
    said = capsys.readouterr().out.split()
    assert said == ["01_one.ipynb", "updated", "02_two.ipynb", "updated"]
    cell = read(folders["notebooks"], "02_two.ipynb")
    assert cell["outputs"][0]["data"] == {"text/plain": ["1"]}
    assert cell["execution_count"] == cell["outputs"][0]["execution_count"] == 1
    assert cell["metadata"] == {}
    assert [path.name for path in folders["figures"].iterdir()] == ["new.png"]
    assert (folders["figures"] / "new.png").read_bytes() == b"new"
    assert publish.main([]) == 0
    assert capsys.readouterr().out.split()[1::2] == ["unchanged", "unchanged"]


def test_publishing_some_keeps_the_figures_of_the_others(series, capsys):
    folders, asked, _ = series
    before = (folders["notebooks"] / "01_one.ipynb").read_text()
    assert publish.main(["--only", "02"]) == 0
    assert [names for names, _ in asked] == [["02_two.ipynb"]]
    assert (folders["notebooks"] / "01_one.ipynb").read_text() == before
    assert sorted(path.name for path in folders["figures"].iterdir()) == ["new.png", "old.png"]
    assert publish.main(["--only", "02", "--only", "01"]) == 0
    assert asked[-1][0] == ["01_one.ipynb", "02_two.ipynb"]


def test_nothing_is_published_unless_all_succeed(series, capsys):
    folders, asked, fails = series
    before = {path.name: path.read_text() for path in folders["notebooks"].iterdir()}
    fails["02_two"] = "NameError: no"
    assert publish.main([]) == 1
    said = capsys.readouterr().err
    assert "NameError: no" in said
    assert said.endswith("Nothing was published.\n")
    assert {path.name: path.read_text() for path in folders["notebooks"].iterdir()} == before
    assert [path.name for path in folders["figures"].iterdir()] == ["old.png"]
    assert publish.main(["--only", "09"]) == 2
    assert capsys.readouterr().err.startswith("helpers.publish: --only '09' fits no notebook;")
    assert len(asked) == 1
