"""A cell whose gates are set by hand: against autograd, and as its explorer's sliders set it."""

import pytest
import torch

from helpers.palindromes import be_the_gate, be_the_gate_widgets
from helpers.palindromes.be_the_gate import Setting, play, presets
from helpers.palindromes.tasks import palindromes
from helpers.palindromes.trained_networks import TRAINED, load_network
from tests.test_explorers import explore  # noqa: F401

DIGITS = (7, 2, 9, 0, 4)


def test_the_cell_and_its_gradient_are_those_of_autograd():
    generator = torch.Generator().manual_seed(1)
    rows = torch.rand(6, 4, generator=generator, dtype=torch.float64)
    settings = [Setting(*row) for row in rows.tolist()]
    played = play(settings)
    c = torch.zeros((), dtype=torch.float64, requires_grad=True)
    cells = []
    for f, i, o, g in settings:
        c = g * i + c * f
        c.retain_grad()
        cells.append(c)
        h = torch.tanh(c) * o
    ((h - 0.3) ** 2).backward()
    assert torch.allclose(played.c, torch.stack(cells).detach())
    assert played.h[-1].item() == pytest.approx(h.item())
    gradient = torch.stack([c.grad for c in cells])
    assert torch.allclose(played.kept, gradient / gradient[-1])
    assert played.answer == pytest.approx(10 * torch.atanh(h).item())


def test_writing_once_and_keeping_carries_every_digit_and_the_other_ways_do_not():
    for digit in range(10):
        ways = presets([digit, *DIGITS[1:]])
        assert play(ways["write once, then keep"]).answer == pytest.approx(digit, abs=1e-6)
    answers = {name: play(way).answer for name, way in presets(list(DIGITS)).items()}
    carried = {name for name, answer in answers.items() if round(answer) == DIGITS[0]}
    assert carried == {"write once, then keep"}
    assert answers["forget gate always shut"] == pytest.approx(DIGITS[-1])


def test_wrong_gates_get_a_sentence():
    for wrong, name in (((2, 0, 0, 0), "f of step 1"), ((0, 0, -1, 0), "o of step 1")):
        with pytest.raises(ValueError, match=name):
            play([Setting(*wrong)])
    with pytest.raises(ValueError, match="g of step 1"):
        play([Setting(0, 0, 0, -2)])
    with pytest.raises(ValueError, match="at least one step"):
        play([])


@pytest.fixture(scope="module")
def network():
    name = "palindrome_lstm_T19"
    return load_network(name), TRAINED[name].T, TRAINED[name].encoding


def test_the_trained_unit_obeys_the_same_equations(network):
    found = be_the_gate.trained_unit(*network, DIGITS)
    unit = found.traces
    says = network[0](palindromes.encode(torch.tensor([DIGITS]), network[2]))[0].softmax(0)
    assert found.answer == says.argmax() == DIGITS[0]
    assert found.probability == pytest.approx(says.max().item(), abs=1e-5)
    c = torch.zeros(())
    for t in range(len(DIGITS)):
        c = unit["g"][t] * unit["i"][t] + c * unit["f"][t]
        assert unit["c"][t].item() == pytest.approx(c.item(), abs=1e-5)
        assert unit["h"][t].item() == pytest.approx((c.tanh() * unit["o"][t]).item(), abs=1e-5)


def test_sliders_set_the_gates_of_their_step(explore, network, monkeypatch):  # noqa: F811
    shown = []
    monkeypatch.setattr(
        be_the_gate_widgets.figures, "show", lambda *_, caption, **__: shown.append(caption)
    )
    draw, controls = explore(be_the_gate_widgets.gate_explorer, *network, DIGITS)

    def seen() -> str:
        draw(**{name: control.value for name, control in controls.items()})
        return shown[-1]

    assert "lost" in seen()
    for step in range(1, len(DIGITS) + 1):
        controls["step"].value = step
        for name, value in (("f", float(step > 1)), ("i", float(step == 1)), ("o", 1.0)):
            controls[name].value = value
        assert controls["way"].value == "mine"
    assert "carried" in seen()
    controls["step"].value = 2
    assert controls["i"].value == 0.0  # the sliders show what was set
    assert controls["g"].value == pytest.approx(DIGITS[1] / 10)
    controls["i"].value = 1.0
    assert "lost" in seen()
    controls["way"].value = "write once, then keep"
    assert controls["i"].value == 0.0
    assert "carried" in seen()


def test_a_slider_sets_all_later_steps_too(explore, network, monkeypatch):  # noqa: F811
    shown = []
    monkeypatch.setattr(
        be_the_gate_widgets.figures, "show", lambda *_, caption, **__: shown.append(caption)
    )
    draw, controls = explore(be_the_gate_widgets.gate_explorer, *network, DIGITS)
    controls["span"].value = be_the_gate_widgets.FROM_HERE
    for step, name, value in ((1, "i", 1.0), (1, "o", 1.0), (2, "f", 1.0), (2, "i", 0.0)):
        controls["step"].value = step
        controls[name].value = value
    draw(**{name: control.value for name, control in controls.items()})
    assert "**carried**, it reads 7.00" in shown[-1]
    controls["step"].value = 5  # each step's candidate is still its own digit
    assert controls["g"].value == pytest.approx(DIGITS[4] / 10)
    assert controls["i"].value == 0.0
    controls["step"].value = 1
    assert controls["i"].value == 1.0
