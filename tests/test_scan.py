"""The scan against a loop; the cells that are built on it against their equations, in float64."""

import inspect
import itertools
import math

import numpy as np
import pytest
import torch

from helpers.recurrent import bench
from helpers.recurrent.cells import find_cell
from helpers.recurrent.cells.lru import LRU
from helpers.recurrent.cells.min_gru import MinGRU
from helpers.recurrent.parameters import count_parameters
from helpers.recurrent.scan import BLOCK, scan

CELLS = (MinGRU, LRU)
TOLERANCE = 1e-11
#: Below and at a block's edge, above two blocks, and two levels of blocks.
LENGTHS = sorted({1, 2, 3, 7, 8, 9, 64, 65, 1000, 2 * BLOCK, 2 * BLOCK + 1, 3 * BLOCK})

pytestmark = pytest.mark.usefixtures("float64")


def looped(a, b, h):
    hs = []
    for t in range(len(b)):
        h = (a if a.dim() == 1 else a[t]) * h + b[t]
        hs.append(h)
    return torch.stack(hs), h


def drawn(T, *, dtype=torch.float64, same=False, B=2, n=3):
    """a, b, h_0 with factors of absolute value up to one, complex ones with any angle."""
    a = torch.randn((n,) if same else (T, B, n), dtype=dtype)
    a = a / (a.abs() + 0.1)
    b, h_0 = torch.randn(T, B, n, dtype=dtype), torch.randn(B, n, dtype=dtype)
    return [x.requires_grad_() for x in (a, b, h_0)]


def gradients(outputs, inputs):
    """Of a sum that gives every output another weight, complex ones in both parts."""
    loss = 0
    for k, output in enumerate(outputs):
        weight = torch.cos(torch.arange(output.numel()) + k).view_as(output)
        parts = (output.real, output.imag) if output.is_complex() else (output,)
        loss = loss + sum((j + 1) * (weight * part).sum() for j, part in enumerate(parts))
    return torch.autograd.grad(loss, inputs, allow_unused=True, materialize_grads=True)


def close(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=TOLERANCE, atol=TOLERANCE)


# The scan ----------------------------------------------------------------------------------


@pytest.mark.parametrize("T", LENGTHS)
@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_scan_equals_a_loop(T, same, dtype):
    inputs = drawn(T, dtype=dtype, same=same)
    ours, theirs = scan(*inputs), looped(*inputs)
    assert ours[0].shape == (T, 2, 3)
    close(ours, theirs)
    close(gradients(ours, inputs), gradients(theirs, inputs))


@pytest.mark.parametrize("T", [1, 2, 2 * BLOCK + 3])
@pytest.mark.parametrize("used", [0, 1])
def test_gradient_of_the_states_alone_and_of_the_last_alone(T, used):
    inputs = drawn(T)
    close(
        gradients(scan(*inputs)[used : used + 1], inputs),
        gradients(looped(*inputs)[used : used + 1], inputs),
    )


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("T", [3, 2 * BLOCK + 2])
def test_gradcheck(T, same, dtype):
    assert torch.autograd.gradcheck(scan, drawn(T, dtype=dtype, same=same, B=1, n=1))


def test_scan_of_a_view_in_time():
    """Inputs as the cells give them: transposed, so not contiguous."""
    a, b, h_0 = drawn(100)
    views = [x.detach().transpose(0, 1).contiguous().transpose(0, 1) for x in (a, b)]
    assert not views[0].is_contiguous()
    close(scan(*views, h_0), looped(a, b, h_0))


def test_factors_whose_product_underflows():
    """0.01 to the power of 1000 is zero; the states are not."""
    a = torch.full((1000, 1, 1), 0.01)
    hs, h_T = scan(a, torch.ones(1000, 1, 1), torch.zeros(1, 1))
    assert h_T.item() == hs[-1].item() == pytest.approx(1 / 0.99)


def test_real_beside_complex_becomes_complex():
    a, b, h_0 = (x.detach() for x in drawn(5, dtype=torch.complex128, same=True))
    hs, _ = scan(a, b.real, h_0.real)
    assert hs.dtype == torch.complex128
    close([hs], [looped(a, b.real + 0j, h_0.real)[0]])


def test_work_grows_with_the_length_and_operations_hardly(monkeypatch):
    """Elements that pass through the recurrence, at most three a step; operations, far fewer."""
    sizes = []
    addcmul = torch.addcmul

    def counting(*arguments, **keywords):
        sizes.append(arguments[0].numel())
        return addcmul(*arguments, **keywords)

    monkeypatch.setattr(torch, "addcmul", counting)
    for T, operations in ((50, 50), (1000, 5 * BLOCK), (20_000, 8 * BLOCK)):
        sizes.clear()
        scan(*torch.rand(2, T, 1, 1), torch.zeros(1, 1))
        assert T <= sum(sizes) <= 3 * T
        assert len(sizes) <= operations


@pytest.mark.parametrize(
    ("a", "b", "h_0"),
    [
        ((5, 2, 3), (4, 2, 3), (2, 3)),
        ((5, 2, 3), (5, 2, 3), (2, 4)),
        ((5, 2, 3), (5, 2, 3), (3,)),
        ((2,), (5, 2, 3), (2, 3)),
        ((0, 2, 3), (0, 2, 3), (2, 3)),
        ((5, 3), (5, 3), (3,)),
    ],
)
def test_shapes_that_do_not_fit(a, b, h_0):
    with pytest.raises(ValueError, match="a must have shape"):
        scan(torch.zeros(a), torch.zeros(b), torch.zeros(h_0))


# The cells ---------------------------------------------------------------------------------


def randomised(core):
    """Other weights than the initial ones; lambda keeps its form, so it stays inside the circle."""
    for p in core.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return core


def drawn_state(core, B):
    shape = (core.num_layers * core.directions, B, core.hidden_size)
    states = tuple(torch.randn(shape, requires_grad=True) for _ in range(core.state_tensors))
    return states if core.state_tensors > 1 else states[0]


def as_list(state):
    return [state] if isinstance(state, torch.Tensor) else list(state)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    ("B", "T", "d", "n", "layers", "given_state"),
    [
        (1, 7, 1, 5, 1, False),
        (3, 1, 2, 4, 1, True),
        (5, 2 * BLOCK + 6, 3, 4, 2, True),
        (4, 9, 4, 4, 3, False),
    ],
)
def test_scan_equals_the_equations(cell, B, T, d, n, layers, given_state, bidirectional):
    core = randomised(cell(d, n, layers, bidirectional=bidirectional))
    x = torch.randn(B, T, d, requires_grad=True)
    state = drawn_state(core, B) if given_state else None
    inputs = [x, *core.parameters(), *(as_list(state) if given_state else [])]
    found = []
    for core.engine in ("fused", "equations"):
        outputs, after = core(x, state)
        everything = [outputs, *as_list(after)]
        found.append((everything, gradients(everything, inputs)))
    (ours, our_gradients), (theirs, their_gradients) = found
    assert ours[0].shape == (B, T, n * core.directions)
    close(ours, theirs)
    close(our_gradients, their_gradients)


@pytest.mark.parametrize("cell", CELLS)
def test_auto_takes_the_scan_and_equations_the_loop(cell, monkeypatch):
    taken = []
    for name in ("_fused_layer", "_loop"):
        method = getattr(cell, name)

        def noting(self, *arguments, _name=name, _method=method, **keywords):
            taken.append(_name)
            return _method(self, *arguments, **keywords)

        monkeypatch.setattr(cell, name, noting)
    for engine in ("auto", "fused", "equations"):
        cell(1, 2, engine=engine)(torch.randn(1, 3, 1))
    assert taken == ["_fused_layer", "_fused_layer", "_loop"]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("engine", ["fused", "equations"])
def test_two_pieces_equal_one(cell, engine):
    core = randomised(cell(2, 3, 2, engine=engine))
    x = torch.randn(4, 9, 2)
    whole, state = core(x)
    first, middle = core(x[:, :4])
    second, last = core(x[:, 4:], middle)
    close([torch.cat([first, second], 1), *as_list(last)], [whole, *as_list(state)])


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def min_gru_by_hand(w, x, state):
    """Feng et al. 2024, section 3.1, sample by sample; their candidate is our g."""
    h, outputs = state[0], []
    for x_t in x:
        z = sigmoid(w["W_zx"] @ x_t + w["b_z"])
        g = w["W_gx"] @ x_t + w["b_g"]
        h = (1 - z) * h + z * g
        outputs.append(h)
    return np.stack(outputs), (h,)


def lru_by_hand(w, x, state):
    """Orvieto et al. 2023, appendix A, with complex matrices written out."""
    modulus, phase = np.exp(-np.exp(w["nu"])), np.exp(w["theta"])
    Lambda = np.diag(modulus * (np.cos(phase) + 1j * np.sin(phase)))
    B_norm = np.exp(w["log_gamma"])[:, None] * (w["B_re"] + 1j * w["B_im"])
    C = w["C_re"] + 1j * w["C_im"]
    s, outputs = state[1] + 1j * state[2], []
    for x_t in x:
        s = Lambda @ s + B_norm @ x_t
        y = (C @ s).real + w["D"] @ x_t
        outputs.append([v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in y])
    return np.array(outputs), (outputs[-1], s.real, s.imag)


@pytest.mark.parametrize("engine", ["fused", "equations"])
@pytest.mark.parametrize(("cell", "by_hand"), [(MinGRU, min_gru_by_hand), (LRU, lru_by_hand)])
def test_equals_a_transcription_in_numpy(cell, by_hand, engine):
    core = randomised(cell(2, 5, engine=engine))
    x, state = torch.randn(3, 6, 2), drawn_state(core, 3)
    outputs, after = core(x, state)
    w = {name: value.detach().numpy() for name, value in vars(core.weights()).items()}
    for b in range(3):
        start = [part[0, b].detach().numpy() for part in as_list(state)]
        expected, last = by_hand(w, x[b].numpy(), start)
        np.testing.assert_allclose(outputs[b].detach().numpy(), expected, rtol=0, atol=1e-12)
        for part, value in zip(as_list(after), last, strict=True):
            np.testing.assert_allclose(part[0, b].detach().numpy(), value, rtol=0, atol=1e-12)


def test_lru_reads_its_state_and_not_its_output():
    core = randomised(LRU(1, 3))
    x, (h, s_re, s_im) = torch.randn(2, 4, 1), drawn_state(core, 2)
    assert torch.equal(core(x, (h, s_re, s_im))[0], core(x, (h + 1, s_re, s_im))[0])
    for part in ((h, s_re + 1, s_im), (h, s_re, s_im + 1)):
        assert not torch.allclose(core(x, part)[0], core(x, (h, s_re, s_im))[0])
    assert LRU.memory == (1, 2)


def test_the_gate_of_min_gru_is_the_same_after_any_past():
    """Two pasts stay apart by what the gate lets through, which the last input alone decides."""
    core = randomised(MinGRU(2, 4))
    x = torch.randn(1, 6, 2)
    other = x.clone()
    other[:, :5] = torch.randn(1, 5, 2)
    after = [core(each)[0][:, -1] for each in (x, other)]
    before = [core(each[:, :5])[0][:, -1] for each in (x, other)]
    w = core.weights()
    kept = 1 - torch.sigmoid(x[:, -1] @ w.W_zx.T + w.b_z)
    close([after[0] - after[1]], [kept * (before[0] - before[1])])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("d", "n", "layers"), [(1, 1, 1), (3, 5, 1), (2, 4, 3)])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_parameters_are_as_many_as_said(cell, d, n, layers, bidirectional):
    core = cell(d, n, layers, bidirectional=bidirectional)
    sizes = [d] + [n * core.directions] * (layers - 1)
    said = sum(cell.parameters_in_layer(size, n) * core.directions for size in sizes)
    assert count_parameters(core) == said


def test_parameters_by_hand():
    assert MinGRU.parameters_in_layer(10, 128) == 2 * 128 * 10 + 2 * 128
    # nu, theta, gamma; B and D with 10 columns, B twice; C twice
    assert LRU.parameters_in_layer(10, 128) == 3 * 128 + 3 * 128 * 10 + 2 * 128 * 128


@pytest.mark.parametrize("cell", CELLS)
def test_weights_are_views(cell):
    core = cell(2, 3, 2, bidirectional=True)
    for layer, reverse in itertools.product((0, 1), (False, True)):
        with torch.no_grad():
            for value in vars(core.weights(layer, reverse)).values():
                value.fill_(layer + 10.0 * reverse)
    for name, p in core.named_parameters():
        assert (p == ("_l1" in name) + 10 * name.endswith("_reverse")).all()


@pytest.mark.parametrize("cell", CELLS)
def test_cells_are_found_by_name_with_a_colour_of_their_own(cell):
    assert find_cell(cell.name) is cell
    others = {find_cell(name).color for name in ("rnn", "lstm", "gru", "peephole")}
    assert len({MinGRU.color, LRU.color} | others) == 2 + len(others)


@pytest.mark.parametrize("cell", CELLS)
def test_one_generator_makes_one_cell(cell):
    options = {"chrono": 20.0} if cell is MinGRU else {}
    first, second = (
        cell(1, 4, 2, generator=torch.Generator().manual_seed(5), **options) for _ in "ab"
    )
    close(first.parameters(), second.parameters())
    other = cell(1, 4, 2, generator=torch.Generator().manual_seed(6), **options)
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


# Initialisation and options ----------------------------------------------------------------


def test_ring():
    core = LRU(3, 4000, r_min=0.5, r_max=0.9, max_phase=1.5)
    w = core.weights()
    radius, phase = torch.exp(-torch.exp(w.nu)), torch.exp(w.theta)
    assert radius.min() >= 0.5
    assert radius.max() <= 0.9
    assert phase.min() > 0
    assert phase.max() <= 1.5
    # Uniform in area: the share within r is (r^2 - r_min^2) / (r_max^2 - r_min^2).
    for r in (0.6, 0.7, 0.8):
        share = (r**2 - 0.25) / (0.81 - 0.25)
        assert (radius < r).double().mean().item() == pytest.approx(share, abs=0.03)
    for part in (0.25, 0.5, 0.75):
        assert (phase < 1.5 * part).double().mean().item() == pytest.approx(part, abs=0.03)
    close([torch.exp(w.log_gamma) ** 2], [1 - radius**2])


def test_white_noise_gives_a_state_of_variance_one_at_any_radius():
    core = LRU(5, 400, r_min=0.0, r_max=0.98)
    # 400 units, 20 samples at the end of 400 steps: |s|^2 sums a real and an imaginary part
    _, (_, s_re, s_im) = core(torch.randn(20, 400, 5))
    power = (s_re**2 + s_im**2).mean((0, 1)).detach()
    assert power.mean().item() == pytest.approx(1, abs=0.1)
    radius = torch.exp(-torch.exp(core.weights().nu))
    for part in (radius < 0.7, radius >= 0.7):
        assert power[part].mean().item() == pytest.approx(1, abs=0.15)


def test_scales_of_the_matrices():
    w = LRU(200, 300).weights()
    for name, std in (
        ("B_re", 1 / math.sqrt(400)),
        ("B_im", 1 / math.sqrt(400)),
        ("C_re", 1 / math.sqrt(300)),
        ("C_im", 1 / math.sqrt(300)),
        ("D", 1 / math.sqrt(200)),
    ):
        assert getattr(w, name).std().item() == pytest.approx(std, rel=0.03), name
    assert not torch.equal(w.B_re, w.B_im)


def test_biases_of_min_gru():
    for layer in (0, 1):
        assert (MinGRU(1, 5, 2).weights(layer).b_z == 0).all()
        assert (MinGRU(1, 5, 2, update_bias=-3.0).weights(layer).b_z == -3).all()
        assert (MinGRU(1, 5, 2, update_bias=-3.0).weights(layer).b_g == 0).all()
    # log U(1, 99), kept: with z small a unit keeps for about 1 + exp(-b_z) steps
    memory = torch.exp(-MinGRU(1, 500, chrono=100).weights().b_z)
    assert memory.min() >= 1
    assert memory.max() <= 99
    assert memory.mean().item() == pytest.approx(50, rel=0.1)


@pytest.mark.parametrize("cell", CELLS)
def test_options_are_those_of_the_constructor(cell):
    parameters = inspect.signature(cell).parameters
    for name, default in cell.options.items():
        assert parameters[name].default == default


@pytest.mark.parametrize(
    ("cell", "options", "message"),
    [
        (MinGRU, {"update_bias": float("nan")}, "update_bias"),
        (MinGRU, {"update_bias": "chrono"}, "update_bias"),
        (MinGRU, {"chrono": 2}, "at least 3"),
        (MinGRU, {"W_h": "orthogonal"}, "no W_h"),
        (MinGRU, {"W_x": "spectral"}, "needs a number"),
        (LRU, {"r_min": -0.1}, "0 <= r_min < r_max < 1"),
        (LRU, {"r_min": 0.9, "r_max": 0.9}, "0 <= r_min < r_max < 1"),
        (LRU, {"r_max": 1.0}, "0 <= r_min < r_max < 1"),
        (LRU, {"r_max": "1"}, "r_max"),
        (LRU, {"max_phase": 0.0}, "max_phase"),
        (LRU, {"max_phase": 7.0}, "max_phase"),
        (LRU, {"W_x": "orthogonal"}, "no W_x"),
        (LRU, {"W_h": "orthogonal"}, "no W_h"),
        (LRU, {"engine": "cuda"}, "engine must be one of"),
    ],
)
def test_bad_options_are_told_in_a_sentence(cell, options, message):
    with pytest.raises(ValueError, match=message):
        cell(2, 3, **options)


@pytest.mark.parametrize("cell", CELLS)
def test_bad_input_and_state(cell):
    core = cell(2, 3)
    for x in (torch.randn(4, 2), torch.randn(2, 0, 2), torch.randn(2, 5, 3)):
        with pytest.raises(ValueError, match="x must have shape"):
            core(x)
    with pytest.raises(ValueError, match="state of"):
        core(torch.randn(2, 5, 2), (torch.zeros(1, 2, 3), torch.zeros(1, 2, 3)))


def test_the_bench_rows_run():
    torch.set_default_dtype(torch.float32)
    rows = list(bench.rows((3, 2 * BLOCK + 1), batch_sizes=(2,), repeats=1))
    assert [row.name.split(",")[0] for row in rows] == ["minGRU"] * 2 + ["LRU"] * 2
    assert [row.name.rsplit(" ", 1)[1] for row in rows] == ["3", str(2 * BLOCK + 1)] * 2
    assert all(row.ours > 0 and row.reference > 0 for row in rows)


@pytest.mark.parametrize("cell", [LRU, MinGRU])
@pytest.mark.parametrize("engine", ["equations", "fused"])
def test_linear_cells_run_under_autocast(cell, engine):
    """bfloat16 products beside a complex state: near the float32 result, and no error."""
    core = cell(3, 8, engine=engine, generator=torch.Generator().manual_seed(0))
    x = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(1))
    exact, _ = core(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded, _ = core(x)
    assert (rounded.float() - exact).norm() < 0.02 * exact.norm()
