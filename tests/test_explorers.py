"""Every explorer: each control moved to its ends, by the function that draws both twins."""

import io
import time
from types import SimpleNamespace

import ipywidgets
import matplotlib.pyplot as plt
import pytest
import torch

from helpers import audience, figures, live
from helpers.captured import captured
from helpers.combined import archive as comparison_archive
from helpers.combined import serialised
from helpers.combined import widgets as combined_widgets
from helpers.graph import bench as graph_bench
from helpers.graph import loaders, six_node_graph, tasks
from helpers.graph import widgets as graph_widgets
from helpers.live import finish
from helpers.optimizers import widgets as optimizer_widgets
from helpers.palindromes import analysis, archive, phase_widgets
from helpers.palindromes import bench as recurrent_bench
from helpers.palindromes import widgets as palindrome_widgets
from helpers.palindromes.duel_widgets import Duel, Race, live_duel
from helpers.palindromes.tasks import palindromes
from helpers.recurrent import CELLS, LSTM, SequenceClassifier, microscope_widgets
from helpers.recurrent import widgets as recurrent_widgets


@pytest.fixture(autouse=True)
def nothing_open():
    yield
    plt.close("all")


@pytest.fixture
def explore(monkeypatch):
    """Build an explorer as in JupyterLab; returns its drawing function and its controls."""

    def build(explorer, *arguments):
        caught = {}

        def catch(draw, controls, *others):
            caught.update(draw=draw, controls=controls)
            return SimpleNamespace(widget=lambda: None)

        with monkeypatch.context() as patch:
            patch.setattr(live, "interactive", lambda: True)
            patch.setattr(live, "Explorer", catch)
            patch.setattr(live, "display_with_twin", lambda *shown: None)
            explorer(*arguments)
        return caught["draw"], caught["controls"]

    return build


def ends(control) -> list:
    """Values to which a reader can move a control."""
    if hasattr(control, "options"):
        options = control.options
        values = list(options.values()) if isinstance(options, dict) else list(options)
        values = [v[1] if isinstance(v, tuple) and isinstance(v[0], str) else v for v in values]
        if isinstance(control, ipywidgets.SelectMultiple):
            return [(), tuple(values)]
        return values
    if isinstance(control, ipywidgets.FloatLogSlider):
        return [control.base**control.min, control.base**control.max]
    if hasattr(control, "min"):
        return [control.min, control.max]
    return [control.value, "no palindrome", ""]


def pixels(figure) -> bytes:
    """A figure as it is seen, small."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="raw", dpi=30)
    return buffer.getvalue()


def classifier():
    torch.manual_seed(0)
    return SequenceClassifier(LSTM(10, 40), palindromes.DIGITS)


def karate():
    graph, _, classes = loaders.karate_club()
    shown = tasks.one_label_each(classes, 0)
    return graph, classes, tasks.train_communities(graph, classes, shown, epochs=5)


def finders():
    runs = {
        "messages": serialised.GraphRun("gcn", "distance", 0, features="mark", steps=1),
        "reader": serialised.GraphRun("lstm", "distance", 0, order="dfs", steps=1),
    }
    return {name: (serialised.build(run), run) for name, run in runs.items()}


EXPLORERS = {
    "reach": lambda: (combined_widgets.reach_explorer,),
    "attention": lambda: (combined_widgets.attention_explorer, comparison_archive.read()),
    "relabel": lambda: (combined_widgets.relabel_explorer, finders()),
    "vanishing": lambda: (recurrent_widgets.vanishing_explorer,),
    "opened cell": lambda: (
        palindrome_widgets.opened_cell_explorer, classifier(), 5, "one_hot", "123321",
    ),
    "curves": lambda: (palindrome_widgets.curves_explorer, archive.read()),
    "phase": lambda: (
        phase_widgets.phase_explorer, archive.read(),
        analysis.with_radius(archive.read().parts("spectral_")),
    ),
    "microscope": lambda: (microscope_widgets.microscope_explorer,),
    "valley": lambda: (optimizer_widgets.valley_explorer,),
    "message": lambda: (graph_widgets.message_explorer, six_node_graph(), "C"),
    "signal": lambda: (
        graph_widgets.signal_player, {"six": six_node_graph(), "karate": karate()[0]}, "C",
    ),
    "embedding": lambda: (graph_widgets.embedding_explorer, *karate()),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_control_can_be_moved_to_its_ends(name, explore, monkeypatch, capsys):
    """Wherever it stands, a picture is shown, or a sentence says what is wrong."""
    shown = []
    monkeypatch.setattr(figures, "show", lambda figure, *_, **__: shown.append(pixels(figure)))
    explorer, *arguments = EXPLORERS[name]()
    draw, controls = explore(explorer, *arguments)
    assert controls
    values = {key: control.value for key, control in controls.items()}
    seen = []
    for key, control in controls.items():
        for value in ends(control):
            shown.clear()
            try:
                finish(draw(**{**values, key: value}))
            except ValueError as error:  # a sentence, which the explorer shows
                print(error)
            plt.close("all")
            seen.append((*shown, capsys.readouterr().out))
            assert any(seen[-1]), f"{key} = {value!r} shows nothing"
    assert len(set(seen)) > len(controls), "moving a control must change what is seen"


def test_what_a_reader_types_wrongly_is_told(explore, capsys):
    draw, _ = explore(palindrome_widgets.opened_cell_explorer, classifier(), 5, "one_hot", "123321")
    with pytest.raises(ValueError, match="12345"):
        draw(palindrome="12345")
    with pytest.raises(ValueError, match=r"at most \d+ digits, got 10000"):
        draw(palindrome="1" * 10_000)
    draw(palindrome="1221")
    assert "trained on 5 digits and has read 3" in capsys.readouterr().out


def test_a_duel_runs_stops_and_draws():
    duel = Duel(5, 3000)
    duel.start()
    while not all(duel.accuracy.values()):
        time.sleep(0.01)
    duel.stop()
    duel.join()
    assert not duel.running
    assert all(0 < len(values) < 3000 for values in duel.accuracy.values())
    assert set(duel.held_out) == {"rnn", "lstm"}
    assert duel.figure().axes[0].get_title(loc="left") == "T = 5"


def test_a_race_runs_once_and_says_that_it_stops():
    race = Race()
    race.widget()
    race.begin.click()
    first = race.duel
    race.start()  # what a second click would do before the button is grey
    assert race.duel is first
    assert race.begin.disabled
    race.end.click()
    assert race.status.value == "stopping…"
    first.join()
    for _ in range(200):
        if race.status.value == "finished":
            break
        time.sleep(0.05)
    assert not race.begin.disabled
    assert race.end.disabled
    assert "<img" in race.picture.value


def test_an_interrupted_duel_trains_no_further():
    duel, join = Duel(5, 100_000), Duel.join

    def interrupted():
        while not all(duel.accuracy.values()):
            time.sleep(0.01)
        duel.join = lambda: join(duel)
        raise KeyboardInterrupt

    duel.join = interrupted
    with pytest.raises(KeyboardInterrupt):
        duel.run()
    assert not duel.running
    assert all(0 < len(values) < 100_000 for values in duel.accuracy.values())


def test_the_static_duel_trains_both(monkeypatch):
    shown = []
    monkeypatch.setattr(figures, "show", lambda figure, *_, **__: shown.append(figure))
    live_duel(4, 5)
    (figure,) = shown
    curves = figure.axes[0].lines[:2]
    assert [len(curve.get_ydata()) for curve in curves] == [5, 5]
    said = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [words.split(",")[0] for words in said] == [CELLS[m].label for m in ("rnn", "lstm")]
    assert all("held out" in words for words in said)


def test_a_page_shows_a_duel_step_by_step(monkeypatch, tmp_path):
    monkeypatch.setenv(audience.SITE_VARIABLE, str(tmp_path))
    with captured() as parts:
        live_duel(4, 5, page_steps=40)
    (page,) = [part.data["text/html"] for part in parts]
    assert "% at step 38" in page
    assert page.count("held out") == 4  # both networks' last frame, and the one shown first
    assert len(list(tmp_path.rglob("*.webp"))) == 20


def test_the_bench_rows_run():
    rows = list(graph_bench.rows(300, 2000, (1000,), 1))
    rows += list(recurrent_bench.rows((3,), 6, 12, 1))
    assert all(row.ours > 0 for row in rows)
    assert {"4", "1", "2", "5"} <= {row.aim for row in rows}
