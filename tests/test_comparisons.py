"""The published comparisons of sequences and graphs: archive, keys, summary, figures."""

import dataclasses

import matplotlib.pyplot as plt
import pytest
import torch

from helpers import paths
from helpers.combined import (
    archive,
    plots,
    reconciled,
    serialised,
    series,
    small_graphs,
    structure,
    widgets,
)
from helpers.graph.layers import LAYERS
from helpers.store import run_key


def test_run_write_and_read(tmp_path, monkeypatch):
    configs = [series.SeriesRun(m, s, steps=2) for m in series.MODELS for s in range(2)]
    attention = [structure.AttentionRun(4, s, steps=2) for s in range(2)]
    parts = {
        "attention": archive.Part(structure.train_attention, lambda: attention),
        "series": archive.Part(series.train_series, lambda: configs),
        "links": archive.PARTS["links"],
    }
    monkeypatch.setattr(archive, "PARTS", parts)
    monkeypatch.setattr(archive, "STUDY", archive.Study("pairs", 1, parts))
    monkeypatch.setattr(paths, "WORK", tmp_path)
    assert archive.STUDY.run_parts(["attention", "series"], workers=1) == []
    archive.write(tmp_path)
    found = archive.read(tmp_path)
    assert len(found.table) == 8
    assert found.curves["attention 4"].shape == (5, 5)
    assert list(found.part("series")["error"].notna()) == [True] * 6
    assert "T" not in found.part("series")
    assert found.credit(found.part("series")).startswith("6 runs, 2 seeds, ")
    with pytest.raises(ValueError, match="no published runs"):
        found.part("links")


def test_every_published_run_keeps_its_key():
    """Recomputed from its row: a key that moved would train what is published again."""
    published = archive.read()
    for name, part in archive.PARTS.items():
        rows = published.part(name)
        config_type = type(part.runs()[0])
        fields = [field.name for field in dataclasses.fields(config_type)]
        for row in rows.to_dict("records"):
            config = config_type(**{field: row[field] for field in fields if field in row})
            assert run_key(config, archive.EXPERIMENT_VERSION) == row["key"], config
    assert not archive.STUDY.left_out(published)
    assert published.table["key"].is_unique
    assert sum(len(part.runs()) for part in archive.PARTS.values()) == len(published.table)
    for run in published.part("serialised").to_dict("records"):
        fields = [field.name for field in dataclasses.fields(serialised.GraphRun)]
        assert (
            serialised.GraphRun(**{field: run[field] for field in fields}).setting
            == (run["setting"])
        )


# Figures ------------------------------------------------------------------------------------------


def test_figures_show_every_run():
    comparisons = archive.read()
    drawn = {
        "structure": plots.structure(comparisons),
        "serialised": plots.graph_tasks(comparisons, "accuracy", "right"),
        "links": plots.links(comparisons),
    }
    best = comparisons.by_setting("lstm_settings")[archive.BEST_SETTING]
    also = {"structure": len(best)}  # the LSTM stands there twice
    for name, figure in drawn.items():
        dots = [line for ax in figure.axes for line in ax.lines if line.get_linestyle() == "None"]
        expected = len(comparisons.part(name)) + also.get(name, 0)
        assert sum(len(line.get_xdata()) for line in dots) == expected, name
        plt.close(figure)


def test_figures_of_settings_and_of_families_show_every_run():
    comparisons = archive.read()
    figure = plots.lstm_settings(comparisons, 20)
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    settings = reconciled.settings_at(comparisons, 20)
    assert [len(d.get_xdata()) for d in dots] == [len(runs) for runs in settings.values()]
    counted = [text.get_text() for text in figure.axes[0].texts if " of " in text.get_text()]
    assert counted == [reconciled.right_of(runs) for runs in settings.values()]
    plt.close(figure)
    figure = plots.pedigree(comparisons)
    seen = [
        x for line in figure.axes[0].lines for x in line.get_xdata() if len(line.get_xdata()) > 2
    ]
    runs = comparisons.part("pedigree")
    assert sorted(seen) == sorted([*runs["accuracy"], *runs["far"]])
    plt.close(figure)


def test_the_summary_is_of_the_published_runs():
    """Every number once more, from the rows alone."""
    found = archive.read()
    rows = {name: found.part(name).to_dict("records") for name in archive.PARTS}

    def best(part, group, column="accuracy", choose=max, **wanted):
        means = {}
        for row in rows[part]:
            if all(row[name] in values for name, values in wanted.items()):
                means.setdefault(tuple(row[name] for name in group), []).append(row[column])
        return f"{choose(sum(values) / len(values) for values in means.values()):.2f}"

    forms = {"part": "structure", "group": ["model"], "T": [20]}
    expected = [
        [best(**forms, structure=["sequence"]), best(**forms, structure=[form]), "–"]
        for form in ("chain", "mirror")
    ]
    for task in small_graphs.TASKS:
        of = {"part": "serialised", "group": ["setting"], "task": [task]}
        layers = {"model": list(LAYERS)}
        reading = best(**of, model=["rnn", "lstm"])
        messages = best(**of, **layers, pool=["mean"])
        expected.append([reading, messages, best(**of, **layers, pool=["lstm"])])
    kin = {"part": "pedigree", "group": ["setting"], "column": "far"}
    ways = (["rnn", "lstm"], ["gated", "gin"])
    expected.append([*(best(**kin, model=models) for models in ways), "–"])
    texts = {"part": "links", "group": ["model"], "L": [40]}
    ways = (["reader"], ["graph", "graph+"], ["combined"])
    expected.append([best(**texts, model=models) for models in ways])
    ways = (["lstm"], ["mean", "gin"], ["sorted lstm"])
    expected.append([best("neighbours", ["aggregator"], aggregator=kinds) for kinds in ways])
    ways = (["lstm"], ["gcn"], ["combined"])
    expected.append([best("series", ["model"], "error", min, model=models) for models in ways])
    table = archive.summary(found)
    assert table[["reading", "messages", "both"]].to_numpy().tolist() == expected
    assert table["data"].str.contains("T = 20").tolist() == [True] * 2 + [False] * 7
    assert table["data"][6] == "text with links, 40 digits"


def _title(ax) -> str:
    return "".join(ax.get_title(loc=where) for where in ("left", "center", "right"))


def test_a_renumbered_graph_is_drawn_with_its_new_numbers(monkeypatch):
    """What the networks are given is what the drawing numbers, and the bars are their answers."""
    A_all, _, targets = small_graphs.graphs_of("distance", "test")
    seen, drawn = [], []

    class Spy(torch.nn.Module):
        def forward(self, X, A):
            seen.append((X[0, :, 0], A[0]))
            return torch.tensor([[0.0, 3.0, 0.0, 1.0]])

    spied = plots.relabelled
    monkeypatch.setattr(
        plots, "relabelled", lambda *given: drawn.append((given, spied(*given))) or drawn[-1][1]
    )
    monkeypatch.setattr(widgets, "live", lambda draw, **_: draw(graph=3, numbering=2))
    monkeypatch.setattr(widgets.figures, "show", lambda figure, **_: None)
    run = serialised.GraphRun("gcn", "distance", 0, features="mark")
    widgets.relabel_explorer({"one": (Spy(), run), "other": (Spy(), run)})
    ((A, marks, numbers, answers, target), figure) = drawn[0]
    assert torch.equal(A, A_all[3])
    assert target == targets[3]
    place = [int(number) - 1 for number in numbers]
    assert sorted(place) == list(range(small_graphs.NODES)) != place
    for X, renumbered in seen:
        assert torch.equal(renumbered[place][:, place], A)
        assert torch.equal(X[place], marks)
    assert len(seen) == 2
    nodes, *bars = figure.axes
    assert [text.get_text() for text in nodes.texts] == numbers
    filled = [c for c in nodes.collections if c.get_facecolor()[0][:3].tolist() != [1, 1, 1]]
    assert len(filled) == marks.sum() == 2
    for ax, name in zip(bars, answers, strict=True):
        heights = [bar.get_height() for bar in ax.patches]
        assert heights == pytest.approx(answers[name].tolist())
        colors = [bar.get_facecolor() for bar in ax.patches]
        assert [color != colors[0] for color in colors] == [False, True, False, False]
        assert _title(ax) == f"{name}: {'right' if target == 1 else 'wrong'}"
    plt.close(figure)
    right = spied(A, marks, numbers, {"one": answers["one"], "other": answers["other"]}, 1)
    assert [_title(ax) for ax in right.axes[1:]] == ["one: right", "other: right"]
    plt.close(right)


def test_the_summary_names_the_best():
    table = archive.summary(archive.read())
    assert len(table) == 9
    for row in table.to_dict("records"):
        numbers = {k: float(row[k]) for k in ("reading", "messages", "both") if row[k] != "–"}
        best = min if "error" in row["data"] else max
        named = row["best"].split(", ")
        assert named == [k for k in numbers if numbers[k] == best(numbers.values())]
