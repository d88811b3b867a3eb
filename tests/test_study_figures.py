"""The study's figures draw the published runs: every run, every mean, every interval."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers.palindromes import (
    analysis,
    archive,
    growing_plots,
    outcome_plots,
    outcomes,
    plots,
    reported,
)
from helpers.palindromes.growing_plots import palindrome_parameters
from helpers.recurrent import CELLS
from helpers.recurrent.plots import smooth


@pytest.fixture(autouse=True)
def nothing_open():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def study():
    return archive.read()


def drawn(ax, marker=None, points=None):
    """(x, y) of the lines of an axes that have this marker, or so many points."""
    return [
        (np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float))
        for line in ax.lines
        if (marker is None or line.get_marker() == marker)
        and (points is None or len(line.get_xdata()) == points)
    ]


def bars_of(ax):
    """(middles, lengths of the bars) of every errorbar of an axes."""
    found = []
    for container in ax.containers:
        line, _, (bars,) = container.lines
        ends = np.array([segment for segment in bars.get_segments()])
        found.append((np.array(line.get_xdata(), float), np.array(line.get_ydata(), float), ends))
    return found


def test_mean_curves_are_means_over_seeds(study):
    figure = plots.mean_curves(study, "protocol_a", (5, 21), reported.PROTOCOL_A, 3000)
    table = reported.PROTOCOL_A.set_index(["model", "T"])
    for row, metric in enumerate(("accuracy", "loss")):
        for column, T in enumerate((5, 21)):
            ax = figure.axes[2 * row + column]
            lines = drawn(ax, points=300)
            for (x, y), model in zip(lines, ("rnn", "lstm"), strict=True):
                assert x.tolist() == list(range(10, 3001, 10))
                curve = study.curve("protocol_a", metric, model, T)
                np.testing.assert_allclose(y, curve.mean(0), rtol=1e-5)
            said = [table.loc[(model, T), metric] for model in ("rnn", "lstm")]
            ends = [y[0] for _, y in drawn(ax, "D", 1)]
            assert ends == [value for value in said if not np.isnan(value)]
    assert drawn(figure.axes[3], "D", 1)[0][1] == [2.313]  # of the LSTM the report gives no loss
    assert [ax.get_title("left") for ax in figure.axes[:2]] == ["T = 5", "T = 21"]


def test_single_runs_show_every_seed_and_their_mean(study):
    lengths = (5, 9, 21)
    figure = plots.single_runs(study, "protocol_a", lengths, window=7)
    panels = [(model, T) for model in ("rnn", "lstm") for T in lengths]
    for ax, (model, T) in zip(figure.axes, panels, strict=True):
        curves = study.curve("protocol_a", "accuracy", model, T)
        lines = drawn(ax)
        assert len(lines) == len(curves) + 1
        for (_, y), curve in zip(lines, [*curves, curves.mean(0)], strict=True):
            np.testing.assert_allclose(y, smooth(curve, 7), rtol=1e-5)
    told = [text.get_text() for text in figure.legends[0].texts]
    assert told == ["a seed, means of 70 steps", "mean of the seeds"]
    assert "60 runs, 10 seeds" in figure.get_supxlabel()


def test_columns_of_single_runs_end_with_their_own_runs(study):
    figure = plots.single_runs(study, "protocol_b", (5, 40, 160))
    ends = [[text.get_text() for text in ax.get_xticklabels()] for ax in figure.axes[3:]]
    assert ends == [["0", "10,000"], ["0", "10,000"], ["0", "2,500"]]
    assert figure.axes[5].get_xlim()[1] < 3000 < figure.axes[3].get_xlim()[1]


def test_survival_has_a_panel_a_length(study):
    runs = study.part("protocol_a")
    figure = plots.survival_panels(study, runs, (5, 15))
    for ax, T in zip(figure.axes, (5, 15), strict=True):
        *steps_down, half = drawn(ax)
        assert half[1].tolist() == [0.5, 0.5]
        for (x, y), model in zip(steps_down, ("rnn", "lstm"), strict=True):
            part = runs[(runs["model"] == model) & (runs["T"] == T)]
            steps, share = analysis.unsolved_over_time(part)
            np.testing.assert_allclose(x, steps)
            np.testing.assert_allclose(y, share)


def test_the_ends_of_runs_are_counted_in_their_bars(study):
    first = study.part("protocol_a")
    groups = {"RNN": first[first["model"] == "rnn"], "LSTM": first[first["model"] == "lstm"]}
    ax = outcome_plots.ends(study, groups).axes[0]
    counts = outcomes.counted(groups)
    pieces = np.array([[bar.get_width() for bar in container] for container in ax.containers])
    np.testing.assert_allclose(pieces.T, counts / 90)
    written = sorted(int(text.get_text()) for text in ax.texts)
    assert written == sorted(n for n in counts.to_numpy().flat if n)
    hatches = [container[0].get_hatch() for container in ax.containers]
    assert hatches[1] != hatches[2]  # told apart without their colours


def test_times_show_every_run_and_the_median_of_the_solved(study):
    runs = study.part("protocol_b")
    ax = outcome_plots.times(study, {"A": study.part("protocol_a"), "B": runs}).axes[1]
    table = outcomes.times_to_solve(runs, ["model", "T"]).query("solved > 0")
    crosses = sum(len(x) for x, _ in drawn(ax, "x"))
    assert crosses == (~runs["solved"].astype(bool)).sum()
    for (_, y, ends), model in zip(bars_of(ax), ("rnn", "lstm"), strict=True):
        part = table[table["model"] == model].sort_values("T")
        order = np.argsort(y)
        np.testing.assert_allclose(np.sort(y), np.sort(part["median"]))
        wanted = part.sort_values("median")[["low", "high"]]
        np.testing.assert_allclose(ends[order][:, :, 1], wanted)


def test_shares_carry_their_intervals(study):
    runs = study.part("protocol_a")
    figure = plots.share_and_final(study, runs, reported.PROTOCOL_A)
    table = analysis.shares(runs, ["model", "T"])
    for (_, y, ends), model in zip(bars_of(figure.axes[0]), ("rnn", "lstm"), strict=True):
        part = table[table["model"] == model]
        np.testing.assert_allclose(y, part["solved"])
        np.testing.assert_allclose(ends[:, 0, 1], part["low"], atol=1e-9)
        np.testing.assert_allclose(ends[:, 1, 1], part["high"], atol=1e-9)
    for (_, y), model in zip(drawn(figure.axes[1], "D"), ("rnn", "lstm"), strict=True):
        said = reported.PROTOCOL_A[reported.PROTOCOL_A["model"] == model]
        assert y.tolist() == said["accuracy"].tolist()
    for marker, model in (("o", "rnn"), ("s", "lstm")):
        ((_, y),) = drawn(figure.axes[1], marker)
        assert y.tolist() == runs[runs["model"] == model]["held_out_accuracy"].tolist()


def test_the_factorial_and_its_effects(study):
    runs = analysis.with_cells(study.part("factorial_20"))
    cells = analysis.shares(runs, ["cell"])
    table = analysis.factorial_effects(runs)
    figure = plots.factorial(study, runs, cells, table)
    ever, final = bars_of(figure.axes[0])
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    by_name = cells.assign(name=[plots.moved_matrices(cell) for cell in cells["cell"]])
    by_name = by_name.set_index("name").loc[names]
    np.testing.assert_allclose(ever[0], by_name["solved"])
    np.testing.assert_allclose(ever[2][:, :, 0], by_name[["low", "high"]], atol=1e-9)
    np.testing.assert_allclose(final[0], by_name["final"])
    wanted = by_name[["final_low", "final_high"]]
    np.testing.assert_allclose(final[2][:, :, 0], wanted, atol=1e-9)
    assert (names[0], names[-1]) == ("none", "all three")
    assert plots.moved_matrices("001 000 001") == "recurrent $W_{hh}$ and read-out $W_{ph}$"

    ((x, _, ends),) = bars_of(figure.axes[1])
    np.testing.assert_allclose(x, table["effect"])
    np.testing.assert_allclose(ends[:, :, 0], table[["low", "high"]], atol=1e-9)


def test_the_phase_diagram_shows_the_share_of_every_cell(study):
    parts = [name for name in archive.PARTS if name.startswith("spectral") and study.has(name)]
    runs = analysis.with_radius(study.parts("spectral"))
    assert parts
    figure = plots.phase_diagram(study, runs)
    lengths, radii = sorted(runs["T"].unique()), sorted(runs["radius"].unique())
    for ax, encoding in zip(figure.axes, ("raw", "centred", "one_hot"), strict=False):
        image = np.ma.filled(ax.images[0].get_array().astype(float), np.nan)
        for i, T in enumerate(lengths):
            for j, radius in enumerate(radii):
                chosen = (runs["encoding"] == encoding) & (runs["T"] == T)
                cell = runs[chosen & (runs["radius"] == radius)]
                np.testing.assert_allclose(image[i, j], cell["solved"].astype(float).mean())
        assert [text.get_text() for text in ax.get_xticklabels()] == [f"{r:g}" for r in radii]
        written = [text.get_text() for text in ax.texts]
        assert written == [f"{value:.1f}" for value in image.flat if not np.isnan(value)]


def test_candidates_are_drawn_by_outcome_and_length(study):
    runs = study.parts("factorial")
    scores = analysis.candidates(runs)
    figure = plots.candidate_scores(study, runs, scores)
    for ax, T in zip(figure.axes, sorted(runs["T"].unique()), strict=True):
        for (x, y), solved in zip(drawn(ax, "o"), (False, True), strict=True):
            rows = (runs["T"] == T) & (runs["solved"].astype(bool) == solved)
            assert x.tolist() == scores["sensitivity"][rows].tolist()
            assert y.tolist() == scores["gradient, signed"][rows].tolist()


def test_settings_are_rows_with_their_runs(study):
    panels = {"21": study.by_setting("lstm_21"), "160": study.by_setting("lstm_160")}
    figure = plots.dots_by_setting(study, panels, (3000, 2000))
    for ax, groups in zip(figure.axes, panels.values(), strict=True):
        counted = [text.get_text() for text in ax.texts if " of " in text.get_text()]
        assert counted == [f"{runs['solved'].sum()} of {len(runs)}" for runs in groups.values()]
        rows = drawn(ax, "o")
        for k, ((x, y), runs) in enumerate(zip(rows, groups.values(), strict=True)):
            assert x.tolist() == runs["solved_step"].dropna().tolist()
            assert (abs(y - k) <= 0.2).all()
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == list(panels["21"])


def test_staircases_end_at_the_longest_length(study):
    groups = dict(list(study.by_setting("growing").items())[:2])
    figure = growing_plots.staircases(study, groups, {"a claim": 80})
    runs = [run for table in groups.values() for run in table.itertuples()]
    lines = drawn(figure.axes[0])
    for (x, y), run in zip(lines, runs, strict=False):
        part = study.lengths[study.lengths["key"] == run.key].dropna(subset=["mastered_step"])
        assert x.tolist() == [*part["mastered_step"], run.steps_run]
        assert y.tolist() == [*part["T"], run.longest]
    assert len(lines) == len(runs) + 1
    assert lines[-1][1].tolist() == [80, 80]
    assert "a claim" in [text.get_text() for text in figure.axes[0].texts]


def test_reading_profiles_show_both_accuracies(study):
    name, runs = next(iter(study.by_setting("growing").items()))
    table = analysis.reading(study.lengths, runs)
    figure = growing_plots.reading_profiles(study, {name: table})
    ax = figure.axes[0]
    assert ax.get_title(loc="left") or ax.get_title() == name
    lines = drawn(ax, "o")
    assert len(lines) == 2 * table["key"].nunique()
    for k, (_, run) in enumerate(table.groupby("key")):
        assert lines[2 * k][1].tolist() == run["renamed_accuracy"].tolist()
        assert lines[2 * k + 1][1].tolist() == run["held_out_accuracy"].tolist()
        assert lines[2 * k][0].tolist() == run["T"].tolist()


def test_depth_is_drawn_against_parameters(study):
    part = next(name for name in archive.PARTS if name == "growing_sizes")
    runs = study.part(part)
    figure = growing_plots.depth_against_size(study, runs)
    ax = figure.axes[0]
    models = list(dict.fromkeys(runs["model"]))
    medians = [line for line in ax.lines if line.get_label() in {CELLS[m].label for m in models}]
    for line, model in zip(medians, models, strict=True):
        of_model = runs[runs["model"] == model]
        sizes = sorted(of_model["hidden_size"].unique())
        encoding = of_model["encoding"].iloc[0]
        counts = [palindrome_parameters(model, n, encoding) for n in sizes]
        assert list(line.get_xdata()) == counts
        expected = of_model.groupby("hidden_size")["longest"].median().tolist()
        assert list(line.get_ydata()) == expected
    dots = drawn(ax, "o")
    assert sum(len(x) for x, _ in dots) == len(runs)
    # One layer: G n (d + n + 1) numbers, and 10 (n + 1) of the read-out.
    assert palindrome_parameters("lstm", 4, "one_hot") == 4 * 4 * (10 + 4 + 1) + 10 * 5
