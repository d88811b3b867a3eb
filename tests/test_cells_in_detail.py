"""What all cells share, in detail: parameters, defaults, refusals; each cell's own beginnings."""

import inspect
import math
import re
from types import SimpleNamespace

import pytest
import torch

from helpers.recurrent import CELLS, GRU, LSTM, PeepholeLSTM, VanillaRNN, find_cell
from helpers.recurrent.cells.lru import LRU
from helpers.recurrent.cells.min_gru import MinGRU
from helpers.recurrent.cells.slot_bias import SlotBiasLSTM
from helpers.recurrent.core import RecurrentCore, suffix
from helpers.recurrent.initialisation import chrono_biases, spectral_radius
from helpers.recurrent.parameters import count_parameters

pytestmark = pytest.mark.usefixtures("float64")
ALL = (VanillaRNN, LSTM, GRU, PeepholeLSTM, MinGRU, LRU)


def refused(sentence, call, *arguments, **options):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        call(*arguments, **options)


# Shared -----------------------------------------------------------------------------------------


def test_parameters_end_as_torchs_do():
    assert suffix(0) == "_l0"
    assert suffix(2) == "_l2"
    assert suffix(1, True) == "_l1_reverse"
    ours = LSTM(2, 3, 2, bidirectional=True)
    theirs = torch.nn.LSTM(2, 3, 2, bidirectional=True)
    ends = {
        name.split("weight_ih")[1]
        for name, _ in theirs.named_parameters()
        if "ih" in name and "w" in name
    }
    assert {
        name.removeprefix("W_x") for name, _ in ours.named_parameters() if "W_x" in name
    } == ends


def test_an_unknown_cell_is_named():
    assert find_cell("gru") is GRU
    names = ", ".join(map(repr, CELLS))
    refused(f"cell must be one of {names}; got 'gur'", find_cell, "gur")


def test_bad_sizes_and_engines_are_sentences():
    refused("input_size must be at least 1, got 0", GRU, 0, 3)
    refused("hidden_size must be at least 1, got 0", GRU, 3, 0)
    refused("num_layers must be at least 1, got 0", GRU, 3, 3, 0)
    refused("dropout must be at least 0.0, got -0.1", GRU, 3, 3, dropout=-0.1)
    refused("dropout must be below 1, got 1.0", GRU, 3, 3, dropout=1.0)
    refused("dropout must be below 1, got 1.5", GRU, 3, 3, dropout=1.5)
    refused(
        "engine must be one of 'auto', 'fused', 'equations'; got 'fast'", GRU, 3, 3, engine="fast"
    )
    refused(
        "PeepholeLSTM has no fused kernel; engine must be 'equations'",
        PeepholeLSTM, 3, 3, engine="fused",
    )  # fmt: skip
    sentence = "MinGRU has no W_h to initialise; leave it out, got 'orthogonal'"
    refused(sentence, MinGRU, 3, 3, W_h="orthogonal")
    refused("LRU has no W_x to initialise; leave it out, got 'zeros'", LRU, 3, 3, W_x="zeros")
    assert GRU(3, 3, engine="fused").engine == "fused"
    assert PeepholeLSTM(3, 3, engine="auto").engine == "auto"


def test_bad_inputs_and_states_are_sentences():
    core = LSTM(2, 3, 2)
    for shape in ((4, 5), (4, 5, 3), (4, 0, 2), (4, 5, 2, 1)):
        refused(
            f"x must have shape (B, T, 2) with T at least 1, got {shape}",
            core, torch.zeros(shape),
        )  # fmt: skip
    x, good, bad = torch.zeros(4, 5, 2), torch.zeros(2, 4, 3), torch.zeros(2, 4, 2)
    head = "the state of LSTM must be 2 tensor(s) of shape (layers x directions, B, n) = (2, 4, 3)"
    refused(f"{head}, got (2, 4, 3)", core, x, good)
    refused(f"{head}, got (2, 4, 3), (2, 4, 2)", core, x, (good, bad))
    refused(f"{head}, got (2, 4, 2), (2, 4, 3)", core, x, (bad, good))
    outputs, state = core(x, [good, good])
    assert outputs.shape == (4, 5, 3)
    assert len(state) == 2
    assert core(torch.zeros(4, 1, 2))[0].shape == (4, 1, 3)


@pytest.mark.parametrize("core", ALL)
@pytest.mark.parametrize("engine", ["equations", "auto"])
def test_two_layers_of_two_directions_are_cells_one_by_one(core, engine):
    """Put together from single cells, run one way each, with their weights."""
    n, d, B, T = 3, 2, 2, 4
    whole = core(d, n, 2, bidirectional=True, engine=engine)
    with torch.no_grad():
        for parameter in whole.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    x = torch.randn(B, T, d)
    state = [torch.randn(4, B, n) for _ in range(core.state_tensors)]
    outputs, after = whole(x, tuple(state) if len(state) > 1 else state[0])
    after = [after] if len(state) == 1 else list(after)
    layer_input, finals = x, []
    for layer in range(2):
        halves = []
        for reverse in (False, True):
            single = core(layer_input.shape[2], n, engine="equations")
            end = suffix(layer, reverse)
            named = dict(whole.named_parameters())
            with torch.no_grad():
                for name, parameter in single.named_parameters():
                    parameter.copy_(named[name.removesuffix("_l0") + end])
            before = [s[2 * layer + reverse][None] for s in state]
            given = layer_input.flip(1) if reverse else layer_input
            hs, last = single(given, tuple(before) if len(state) > 1 else before[0])
            halves.append(hs.flip(1) if reverse else hs)
            finals.append(last if len(state) > 1 else (last,))
        layer_input = torch.cat(halves, 2)
    torch.testing.assert_close(outputs, layer_input)
    for k, part in enumerate(after):
        assert part.shape == (4, B, n)
        torch.testing.assert_close(part, torch.cat([final[k] for final in finals]))


@pytest.mark.parametrize("core", ALL)
def test_without_a_state_it_begins_at_zero(core):
    cell = core(2, 3)
    x = torch.randn(2, 4, 2)
    zeros = [torch.zeros(1, 2, 3) for _ in range(core.state_tensors)]
    torch.testing.assert_close(cell(x)[0], cell(x, tuple(zeros) if len(zeros) > 1 else zeros[0])[0])


@pytest.mark.parametrize("core", [VanillaRNN, GRU, LSTM, MinGRU, LRU])
def test_dropout_falls_between_layers_alone(core):
    for layers, dropout, training, differs in (
        (2, 0.5, True, True), (2, 0.5, False, False), (1, 0.5, True, False), (2, 0.0, True, False),
    ):  # fmt: skip
        cell = core(2, 30, layers, dropout=dropout, engine="equations").train(training)
        x = torch.randn(1, 3, 2)
        assert (not torch.equal(cell(x)[0], cell(x)[0])) is differs
    sure = core(2, 8, 2, dropout=0.999999, engine="equations")
    torch.manual_seed(0)
    upper = sure.weights(1)
    dropped = sure.train()(torch.randn(1, 3, 2))[0]
    state = tuple(torch.zeros(1, 8) for _ in range(core.state_tensors))
    state = state if len(state) > 1 else state[0]
    for t in range(3):
        state = sure.step(torch.zeros(1, 8), state, upper)
        h = state[0] if core.state_tensors > 1 else state
        torch.testing.assert_close(dropped[:, t], h)


def test_weights_are_views_of_their_own_layer_and_direction():
    cell = GRU(2, 3, 2, bidirectional=True)
    with torch.no_grad():
        for k, parameter in enumerate(cell.parameters()):
            parameter.fill_(k)
    for layer in range(2):
        for reverse in (False, True):
            w = cell.weights(layer, reverse)
            end = suffix(layer, reverse)
            for name, block in vars(w).items():
                stacked = {"x": "W_x", "h": "W_h"}.get(name[-1], "b")
                parameter = "b_gh" if name == "b_gh" else stacked
                expected = getattr(cell, parameter + end).flatten()[0]
                assert (block == expected).all(), name
    assert vars(cell.weights()).keys() == vars(cell.weights(0, False)).keys()
    names = {f"{kind}" for g in "rzg" for kind in (f"W_{g}x", f"W_{g}h", f"b_{g}")} | {"b_gh"}
    assert set(vars(cell.weights())) == names
    before = cell.weights(1, True).W_zh
    with torch.no_grad():
        before.fill_(-1)
    assert (cell.W_h_l1_reverse.chunk(3)[1] == -1).all()
    assert isinstance(cell.weights(), SimpleNamespace)
    W_x, W_h, b = cell.stacked()
    assert W_x is cell.W_x_l0
    assert W_h is cell.W_h_l0
    assert b is cell.b_l0


@pytest.mark.parametrize("core", ALL)
@pytest.mark.parametrize(("d", "n"), [(1, 2), (3, 5)])
def test_a_layer_counts_its_parameters(core, d, n):
    assert core.parameters_in_layer(d, n) == sum(p.numel() for p in core(d, n).parameters())
    assert count_parameters(core(d, n, 1)) == core.parameters_in_layer(d, n)


def test_a_cell_says_what_it_is():
    assert repr(GRU(2, 3)) == "GRU(2, 3, num_layers=1)"
    said = "LSTM(2, 3, num_layers=2, bidirectional, dropout=0.25)"
    assert repr(LSTM(2, 3, 2, bidirectional=True, dropout=0.25)) == said
    assert GRU(2, 3).directions == 1
    assert GRU(2, 3, bidirectional=True).directions == 2


@pytest.mark.parametrize("core", ALL)
def test_random_weights_come_from_the_generator_alone(core):
    def made(seed, state):
        torch.manual_seed(state)
        cell = core(2, 4, 2, bidirectional=True, generator=torch.Generator().manual_seed(seed))
        return torch.cat([p.flatten() for p in cell.parameters()])

    assert torch.equal(made(1, 1), made(1, 2))
    assert not torch.equal(made(1, 1), made(2, 1))


@pytest.mark.parametrize("core", [VanillaRNN, GRU, LSTM, PeepholeLSTM, MinGRU])
def test_each_gates_block_is_initialised_as_asked(core):
    both = "W_h" in core.initialised_matrices
    options = {"W_x": "normal:0.001", **({"W_h": "identity"} if both else {})}
    cell = core.initialised(3, 4, 2, **options)
    for layer in range(2):
        w = cell.weights(layer)
        for gate in core.gates:
            W_x = getattr(w, f"W_{gate}x")
            assert 0 < W_x.abs().max() < 0.01
            if both:
                torch.testing.assert_close(getattr(w, f"W_{gate}h"), torch.eye(4))
    plain = core.initialised(30, 40).weights()
    spread = getattr(plain, f"W_{core.gates[0]}x").abs().max().item()
    assert spread == pytest.approx(1 / math.sqrt(40), rel=0.05)  # uniform
    if both:
        spread = getattr(plain, f"W_{core.gates[0]}h").abs().max().item()
        assert spread == pytest.approx(1 / math.sqrt(40), rel=0.05)
    direct = core(3, 4, **({"W_hx": "zeros"} if core is VanillaRNN else {"W_x": "zeros"}))
    assert (getattr(direct.weights(), f"W_{core.gates[-1]}x") == 0).all()


def test_biases_and_vectors_begin_at_zero():
    for core in (VanillaRNN, GRU, PeepholeLSTM):
        w = core(2, 3, **({"forget_bias": 0.0} if core is PeepholeLSTM else {})).weights()
        for name, value in vars(w).items():
            if not name.startswith("W"):
                assert (value == 0).all(), name


def test_a_class_without_equations_says_nothing_of_its_own():
    class Bare(RecurrentCore):
        gates = ("h",)
        has_fused_kernel = True

    refused_step = Bare(1, 2, engine="equations")
    with pytest.raises(NotImplementedError):
        refused_step(torch.zeros(1, 1, 1))
    sentence = r"^Bare says has_fused_kernel but defines no _fused or _fused_layer$"
    with pytest.raises(NotImplementedError, match=sentence):
        Bare(1, 2)(torch.zeros(1, 1, 1))
    assert refused_step.recurrent_matrix() is None
    assert "Bare" not in CELLS


def test_one_name_is_one_class():
    with pytest.raises(
        ValueError, match=r"^two cells are called 'rnn': <class .*> and <class .*>$"
    ):
        type("Other", (RecurrentCore,), {"name": "rnn", "label": "x", "gates": ("h",)})
    assert CELLS["rnn"] is VanillaRNN
    again = type(
        "VanillaRNN", (VanillaRNN,),
        {"name": "rnn", "__module__": VanillaRNN.__module__, "__qualname__": "VanillaRNN"},
    )  # fmt: skip
    try:
        assert CELLS["rnn"] is again  # the module was imported anew
    finally:
        CELLS["rnn"] = VanillaRNN


def test_torchs_kernels_take_each_bias_once():
    """Their second bias is zero, but for the GRU's candidate."""
    x = torch.randn(2, 3, 2)
    for core, peer in ((LSTM, torch.nn.LSTM), (GRU, torch.nn.GRU)):
        cell = core(2, 3)
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter.normal_()
        flat = cell._flat()
        assert [tuple(p.shape) for p in flat] == [
            tuple(p.shape) for _, p in peer(2, 3).named_parameters()
        ]
        theirs = peer(2, 3, batch_first=True)
        with torch.no_grad():
            for parameter, ours in zip(theirs.parameters(), flat, strict=True):
                parameter.copy_(ours)
        torch.testing.assert_close(cell(x)[0], theirs(x)[0])
        assert (flat[3][:6] == 0).all()


# Each cell's own --------------------------------------------------------------------------------


@pytest.mark.parametrize("core", [LSTM, PeepholeLSTM])
def test_the_forget_gate_begins_open_in_every_layer_and_direction(core):
    assert inspect.signature(core).parameters.keys() >= {"input_size"}
    for bias, cell in (
        (1.0, core(2, 3, 2, bidirectional=True)),
        (2.5, core(2, 3, 2, bidirectional=True, forget_bias=2.5)),
    ):
        for layer in range(2):
            for reverse in (False, True):
                w = cell.weights(layer, reverse)
                assert (w.b_f == bias).all()
                assert (torch.cat([w.b_i, w.b_g, w.b_o]) == 0).all()
    refused("forget_bias must be a finite number, got nan", core, 2, 3, forget_bias=float("nan"))


def test_chrono_biases_are_drawn_for_every_layer_and_direction():
    source = torch.Generator().manual_seed(3)
    cell = LSTM(
        2, 3, 2, bidirectional=True, chrono=50, W_x="zeros", W_h="zeros",
        generator=torch.Generator().manual_seed(3),
    )  # fmt: skip
    for layer in range(2):
        for reverse in (False, True):
            w = cell.weights(layer, reverse)
            b_f, b_i = chrono_biases(3, 50, source)
            torch.testing.assert_close(w.b_f.detach(), b_f.to(w.b_f.dtype))
            torch.testing.assert_close(w.b_i.detach(), b_i.to(w.b_i.dtype))
            assert (w.b_g == 0).all()
            assert (w.b_o == 0).all()


def test_the_min_grus_gate_begins_where_it_is_asked_to():
    for bias, cell in ((0.0, MinGRU(2, 3, 2)), (-4.0, MinGRU(2, 3, 2, update_bias=-4.0))):
        for layer in range(2):
            assert (cell.weights(layer).b_z == bias).all()
            assert (cell.weights(layer).b_g == 0).all()
    both = MinGRU(2, 3, 1, bidirectional=True, update_bias=2.0)
    assert (both.weights(0, True).b_z == 2).all()
    source = torch.Generator().manual_seed(3)
    cell = MinGRU(2, 3, chrono=20, W_x="zeros", generator=torch.Generator().manual_seed(3))
    b_z = chrono_biases(3, 20, source)[1]
    torch.testing.assert_close(cell.weights().b_z.detach(), b_z.to(torch.float64))
    refused("update_bias must be a finite number, got 'x'", MinGRU, 2, 3, update_bias="x")


@pytest.mark.parametrize("radius", [0.0, 0.5, 2.0])
def test_every_recurrent_matrix_is_scaled_to_the_radius(radius):
    cell = VanillaRNN(2, 6, 2, bidirectional=True, spectral_radius=radius)
    for layer in range(2):
        for reverse in (False, True):
            found = torch.linalg.eigvals(cell.weights(layer, reverse).W_hh.detach()).abs().max()
            assert found.item() == pytest.approx(radius, abs=1e-6)
    assert spectral_radius(cell.recurrent_matrix()) == pytest.approx(radius, abs=1e-6)
    assert not cell.recurrent_matrix().requires_grad
    refused(
        "spectral_radius must be at least 0.0, got -1.0", VanillaRNN, 2, 3, spectral_radius=-1.0
    )


def test_the_lrus_ring_and_scales():
    torch.manual_seed(0)
    cell = LRU(3, 4000, r_min=0.4, r_max=0.8, max_phase=1.5)
    w = cell.weights()
    radius = torch.exp(-torch.exp(w.nu))
    assert radius.min() >= 0.4
    assert radius.max() <= 0.8
    assert (radius**2).mean().item() == pytest.approx((0.4**2 + 0.8**2) / 2, abs=0.01)
    phase = torch.exp(w.theta)
    assert phase.max() <= 1.5
    assert phase.mean().item() == pytest.approx(0.75, abs=0.02)
    torch.testing.assert_close(torch.exp(w.log_gamma), torch.sqrt(1 - radius**2))
    assert w.B_re.std().item() == pytest.approx(math.sqrt(1 / 6), rel=0.05)
    assert w.B_im.std().item() == pytest.approx(math.sqrt(1 / 6), rel=0.05)
    assert w.C_re[:200].std().item() == pytest.approx(math.sqrt(1 / 4000), rel=0.05)
    assert w.C_im[:200].std().item() == pytest.approx(math.sqrt(1 / 4000), rel=0.05)
    assert w.D.std().item() == pytest.approx(math.sqrt(1 / 3), rel=0.05)


def test_the_lrus_ring_must_be_one():
    ring = "0 <= r_min < r_max < 1 must hold, got {} and {}"
    for r_min, r_max in ((-0.1, 0.5), (0.5, 0.5), (0.6, 0.5), (0.5, 1.0)):
        refused(ring.format(r_min, r_max), LRU, 2, 3, r_min=r_min, r_max=r_max)
    for phase in (0.0, -1.0, 6.3):
        refused(
            f"max_phase must be above 0 and at most 2 pi, got {phase}", LRU, 2, 3, max_phase=phase
        )
    LRU(2, 3, max_phase=2 * math.pi)
    refused("r_min must be a finite number, got 'a'", LRU, 2, 3, r_min="a")
    refused("r_max must be a finite number, got 'a'", LRU, 2, 3, r_max="a")
    refused("max_phase must be a finite number, got 'a'", LRU, 2, 3, max_phase="a")


def test_an_lru_of_one_unit_is_its_equation_written_out():
    cell = LRU(1, 1)
    w = SimpleNamespace(**{k: v.item() for k, v in vars(cell.weights()).items()})
    lam = complex(-math.exp(w.nu), math.exp(w.theta))
    lam = math.exp(lam.real) * complex(math.cos(lam.imag), math.sin(lam.imag))
    s, xs = complex(0.3, -0.2), (0.5, -1.0)
    state = (torch.full((1, 1, 1), 9.0), torch.full((1, 1, 1), 0.3), torch.full((1, 1, 1), -0.2))
    outputs, (h, re_s, im_s) = cell(torch.tensor(xs)[None, :, None], state)
    for t, x in enumerate(xs):
        s = lam * s + math.exp(w.log_gamma) * complex(w.B_re * x, w.B_im * x)
        y = (complex(w.C_re, w.C_im) * s).real + w.D * x
        gelu = y * 0.5 * (1 + math.erf(y / math.sqrt(2)))
        assert outputs[0, t, 0].item() == pytest.approx(gelu, abs=1e-12)
    assert (re_s.item(), im_s.item()) == pytest.approx((s.real, s.imag), abs=1e-12)
    assert h.item() == outputs[0, -1, 0].item()


def test_the_slot_bias_is_one_number_a_place_in_the_batch():
    cell = SlotBiasLSTM(2, 3, bidirectional=True, slots=3)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_()
    x = torch.randn(3, 4, 2)
    outputs, _ = cell(x)
    for s in range(3):
        plain = LSTM(2, 3, bidirectional=True, engine="equations")
        with torch.no_grad():
            for name, parameter in plain.named_parameters():
                own = dict(cell.named_parameters())[name]
                if name.startswith("b"):
                    own = own.unflatten(0, (4, 3))[:, s, None].expand(4, 3).flatten()
                parameter.copy_(own)
        torch.testing.assert_close(outputs[s], plain(x[s : s + 1])[0][0])
    torch.testing.assert_close(cell.weights().b_f, cell.weights(0, False).b_f)
    refused("slots must equal hidden_size = 3, got 4", SlotBiasLSTM, 2, 3, slots=4)
    refused("a bias a place in the batch: B must be 3, got 2", cell, x[:2])


class OnCard(torch.Tensor):
    """A tensor that says it lies on a card; what is computed with it is computed here."""

    is_cuda = property(lambda self: True)
    device = property(lambda self: SimpleNamespace(type="cuda"))


@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (2, True)])
def test_on_a_card_the_rnn_runs_torchs_kernel(layers, bidirectional):
    cell = VanillaRNN(2, 3, layers, bidirectional=bidirectional)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_()
    x = torch.randn(2, 4, 2)
    h_0 = torch.randn(cell.directions * layers, 2, 3)
    outputs, h = cell(x.as_subclass(OnCard), h_0)
    expected, last = VanillaRNN.forward(cell, x, h_0)
    torch.testing.assert_close(outputs.as_subclass(torch.Tensor), expected)
    torch.testing.assert_close(h.as_subclass(torch.Tensor), last)


def test_features_are_added_on_a_cpu_under_bfloat16_alone():
    cell, x = LSTM(2, 3), torch.randn(1, 4, 2)

    def features(given):
        wide, flat = cell._widened(given)
        return wide.shape[2], flat[0].shape[1]

    assert features(x) == (2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert features(x) == (16, 16)
        assert features(x.as_subclass(OnCard)) == (2, 2)
        wide = LSTM(16, 3)
        assert wide._widened(torch.randn(1, 4, 16))[0].shape[2] == 16
        both = LSTM(2, 3, 2, bidirectional=True)._widened(x)[1]
        assert [p.shape[1] for p in both[::4]] == [16, 16, 6, 6]  # the first layer's alone
        padded, flat = cell._widened(x)
    torch.testing.assert_close(padded[..., :2], x)
    assert (padded[..., 2:] == 0).all()
    torch.testing.assert_close(flat[0][:, :2], cell.W_x_l0)
    assert (flat[0][:, 2:] == 0).all()
