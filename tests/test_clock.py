"""What turns in a network: found where it was put, and turned back."""

import numpy as np
import pytest
import torch
from torch import nn

from helpers.palindromes import clock, clock_plots, parts, trained_networks
from helpers.palindromes.experiment import PalindromeRun
from helpers.palindromes.growing import GrowingRun, grow_network

RUN = PalindromeRun("rnn", 30, 0, 1, encoding="one_hot")
#: Degrees that one step turns the made network's hand, and the length that its read-out knows.
STEP, KNOWN = 5.0, 30


class Hand(nn.Module):
    """A made network: ten digits on a dial, turned with every step; a second hand thrice as fast.

    A third coordinate holds still, a fourth is the number of digits read: the mean drifts.
    """

    def core(self, x):
        y, T = x[:, 0].argmax(1).double(), x.shape[1]
        angle = torch.deg2rad(36 * y + STEP * T)
        thrice = torch.deg2rad(3 * (36 * y + STEP * T))
        h = torch.stack(
            [angle.cos(), angle.sin(), 0.5 * thrice.cos(), 0.5 * thrice.sin(), y * 0 + T / 10], 1
        )
        mixed = h @ MIXING.T
        return mixed[:, None].expand(-1, T, -1), mixed

    def read(self, hs):
        h = hs[:, -1].double() @ torch.linalg.inv(MIXING).T
        angle = torch.rad2deg(torch.atan2(h[:, 1], h[:, 0])) - STEP * KNOWN
        turns = angle[:, None] / 36 - torch.arange(10)
        return -(turns - 10 * (turns / 10).round()).abs()


MIXING = torch.linalg.qr(torch.randn(5, 5, generator=torch.manual_seed(1)).double()).Q


def test_the_angles_that_were_put_in_are_found():
    found = clock.fit(Hand(), RUN, KNOWN, rank=4, before=10, n=300)
    np.testing.assert_allclose(found.degrees, [STEP, 3 * STEP], atol=1e-6)
    np.testing.assert_allclose(np.abs(found.eigenvalues), 1, atol=1e-8)
    torch.testing.assert_close(found.turned(1), found.turn, atol=1e-8, rtol=0)
    torch.testing.assert_close(found.turned(7) @ found.turned(-7), torch.eye(4).double())
    torch.testing.assert_close(found.plane.T @ found.plane, torch.eye(4).double())


def test_the_turn_is_the_least_squares_solution():
    """The normal equations, on a real network, whose states turn only nearly."""
    name = "palindrome_rnn_grown_0"
    network, run = trained_networks.load_network(name), trained_networks.GROWN_RNNS[name]
    found = clock.fit(network, run, 12, before=3, rank=4, n=200)
    z = []
    for T in range(9, 13):
        h, y = clock.states(network, run, T, 200)
        means = torch.stack([h[y == k].mean(0) for k in range(10)])
        z.append((means - means.mean(0)) @ found.plane)
    torch.testing.assert_close(found.course, torch.stack(z))
    now, then = torch.cat(z[:-1]).T, torch.cat(z[1:]).T  # (r, 10 lengths)
    torch.testing.assert_close(found.turn @ now @ now.T, then @ now.T)
    torch.testing.assert_close(found.centre, means.mean(0))


def test_turned_back_it_is_right_where_it_answers_by_other_names():
    network = Hand()
    found = clock.fit(network, RUN, KNOWN, rank=4, before=10, n=300)
    table = clock.readings(network, RUN, found, [13, 30, 41, 90], n=400).set_index("T")
    assert table.loc[30, "as it answers"] == 1
    assert table.loc[[13, 41, 90], "as it answers"].max() < 0.3
    assert table["by any name"].min() > 0.9  # a tenth of a dial at a time
    assert table["turned back"].min() == 1
    controls = table[["not turned", "turned the other way"]]
    assert (controls.loc[30] == 1).all()
    assert controls.loc[[13, 41, 90]].max().max() < 0.3


def test_at_its_own_length_nothing_in_the_plane_moves():
    network = Hand()
    found = clock.fit(network, RUN, KNOWN, rank=4, before=10, n=300)
    h, _ = clock.states(network, RUN, KNOWN, 200)
    moved = found.back(h, KNOWN) - found.centre
    torch.testing.assert_close(moved @ found.plane, (h - h.mean(0)) @ found.plane)


def test_the_dial_turns_by_the_angle_of_the_hand_that_tells_most():
    network = Hand()
    found = clock.fit(network, RUN, KNOWN, rank=4, before=10, n=500)
    assert found.main[0] == pytest.approx(STEP)
    dial = clock.positions(network, RUN, found, [30, 31, 40], n=2000)
    assert dial.shape == (3, 10)
    np.testing.assert_allclose(np.degrees(np.angle(dial[1] / dial[0])), STEP, atol=1)
    np.testing.assert_allclose(np.degrees(np.angle(dial[2] / dial[0])), 10 * STEP, atol=3)
    assert np.abs(dial).mean() == pytest.approx(1)
    assert dial[0, 0] == pytest.approx(1j * abs(dial[0, 0]))


def test_the_main_hand_is_the_largest_not_the_slowest():
    class Other(Hand):
        def core(self, x):
            y, T = x[:, 0].argmax(1).double(), x.shape[1]
            slow, fast = (torch.deg2rad(72 * y + STEP * k * T) for k in (1, 4))
            slow[y >= 5] += 0.3
            h = torch.stack([0.1 * slow.cos(), 0.1 * slow.sin(), fast.cos(), fast.sin()], 1)
            return h[:, None].expand(-1, T, -1), h

    found = clock.fit(Other(), RUN, KNOWN, rank=4, before=10, n=300)
    np.testing.assert_allclose(found.degrees, [STEP, 4 * STEP], atol=1e-6)
    assert found.main[0] == pytest.approx(4 * STEP)


def test_a_network_whose_code_stands_still_has_no_hand():
    class Still(Hand):
        def core(self, x):
            y, T = x[:, 0].argmax(1), x.shape[1]
            h = torch.eye(10)[y].double()
            return h[:, None].expand(-1, T, -1), h

    found = clock.fit(Still(), RUN, KNOWN, rank=6, before=10, n=300)
    np.testing.assert_allclose(found.eigenvalues, 1, atol=1e-8)
    with pytest.raises(ValueError, match="nothing turns"):
        found.main  # noqa: B018


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rank": 10}, "rank must be below 10"),
        ({"rank": 0}, "rank must be at least 1"),
        ({"before": 30}, "before must be below T"),
        ({"n": 12}, "n = 12 examples of length 10 leave out"),
    ],
)  # fmt: skip
def test_bad_input_is_a_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        clock.fit(Hand(), RUN, KNOWN, **options)


# What is published ------------------------------------------------------------------------------


def test_the_published_networks_are_those_of_the_study_and_know_their_length():
    assert trained_networks.GROWN_RNNS.keys() == set(clock.read()["network"])
    planned = set(parts.PARTS["growing"].runs())
    for name, run in trained_networks.GROWN_RNNS.items():
        assert run in planned
        network, record = trained_networks.load_network(name), trained_networks.record(name)
        h, y = clock.states(network, run, record["longest"], 500)
        right = (clock.answers(network, h) == y).double().mean().item()
        assert right == pytest.approx(record["held_out_accuracy"], abs=0.02)


def test_a_grown_network_can_be_trained_again(tmp_path, monkeypatch):
    run = GrowingRun("rnn", 3, 0, 8, hidden_size=8, start=1, until_perfect=1, encoding="one_hot")
    monkeypatch.setitem(trained_networks.GROWN_RNNS, "tiny", run)
    record = trained_networks.train_and_save("tiny", tmp_path)
    assert record["steps_run"] <= 8
    network = trained_networks.load_network("tiny", tmp_path)
    wanted = grow_network(run)[0].state_dict()
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, wanted[name], atol=0, rtol=0)


def test_rows_of_the_published_table_are_computed_again():
    """The network with the longest memory but one: below, at and above its longest length."""
    table = clock.read()
    name = table.sort_values("longest")["network"].unique()[-2]
    rows = table[(table["network"] == name) & table["T"].between(0.6 * table["longest"], 130)]
    network, run = trained_networks.load_network(name), trained_networks.GROWN_RNNS[name]
    found = clock.fit(network, run, int(rows["longest"].iloc[0]))
    again = clock.readings(network, run, found, rows["T"].tolist())
    for column in again:
        np.testing.assert_allclose(again[column], rows[column], atol=0.02)
    angles = [float(angle) for angle in rows["degrees"].iloc[0].split()]
    np.testing.assert_allclose(found.degrees, angles, atol=0.05)
    assert np.abs(np.abs(found.eigenvalues) - 1).max() == pytest.approx(
        rows["off"].iloc[0], abs=2e-3
    )


# Figures ----------------------------------------------------------------------------------------


def title(ax):
    """The house style puts it on the left."""
    return ax.get_title() or ax.get_title(loc="left")


def test_the_wheel_has_each_angle_and_each_digit():
    network = Hand()
    found = clock.fit(network, RUN, KNOWN, rank=4, before=10, n=300)
    dial = clock.positions(network, RUN, found, [30, 31], n=300)
    circle, hands = clock_plots.wheel(found.eigenvalues, dial, 1).axes
    assert {t.get_text() for t in circle.texts} == {"5.0°", "15.0°"}
    points = circle.lines[-1].get_xydata()
    assert {tuple(p) for p in points.round(6)} >= {
        (round(np.cos(a), 6), round(sign * np.sin(a), 6))
        for a in np.radians([STEP, 3 * STEP])
        for sign in (1, -1)
    }
    assert [t.get_text() for t in hands.texts if t.get_text()] == list("0123456789")
    assert "over 1 steps" in title(hands)
    np.testing.assert_allclose(hands.lines[0].get_xdata(), dial[:, 0].real)


def test_the_answers_have_a_panel_a_network_and_show_where_it_was_fitted():
    tried = clock.read()
    figure = clock_plots.answers(tried, clock.BEFORE)
    assert len(figure.axes) == tried["network"].nunique()
    for ax, (_, rows) in zip(figure.axes, tried.groupby("network"), strict=True):
        longest = rows["longest"].iloc[0]
        assert title(ax) == f"seed {rows['seed'].iloc[0]}, T* = {longest}"
        drawn = {line.get_label(): line for line in ax.lines}
        for name in ("turned back", "as it answers", "turned the other way"):
            np.testing.assert_allclose(drawn[name].get_xdata(), rows["T"] / longest)
            np.testing.assert_allclose(drawn[name].get_ydata(), rows[name])
        shaded = ax.patches[0]
        assert shaded.get_x() == pytest.approx(1 - clock.BEFORE / longest)
        assert shaded.get_x() + shaded.get_width() == pytest.approx(1)
