"""Our cells against torch.nn with copied weights, in float64: outputs, states and gradients."""

import pytest
import torch

from helpers.recurrent import GRU, LSTM, PeepholeLSTM, SequenceClassifier, VanillaRNN
from helpers.recurrent.initialisation import chrono_biases, parse, spectral_radius
from helpers.runtime import bf16_available

PEERS = {VanillaRNN: torch.nn.RNN, LSTM: torch.nn.LSTM, GRU: torch.nn.GRU}
TOLERANCE = 1e-12

pytestmark = pytest.mark.usefixtures("float64")


def randomised(core):
    for p in core.parameters():
        torch.nn.init.normal_(p, std=0.4)
    return core


@torch.no_grad()
def peer_of(core):
    """The torch.nn module with ``core``'s weights: our one bias is its first, its second is 0."""
    peer = PEERS[type(core)](
        core.input_size,
        core.hidden_size,
        core.num_layers,
        batch_first=True,
        bidirectional=core.bidirectional,
    )
    for _, suffix in core._parts():
        W_x, W_h, b = core.stacked(suffix)
        getattr(peer, "weight_ih" + suffix).copy_(W_x)
        getattr(peer, "weight_hh" + suffix).copy_(W_h)
        getattr(peer, "bias_ih" + suffix).copy_(b)
        getattr(peer, "bias_hh" + suffix).zero_()
        if isinstance(core, GRU):  # the candidate's second bias
            getattr(peer, "bias_hh" + suffix)[-core.hidden_size :] = getattr(core, "b_gh" + suffix)
    return peer


def as_list(state):
    return [state] if isinstance(state, torch.Tensor) else list(state)


@pytest.mark.parametrize("engine", ["equations", "fused"])
@pytest.mark.parametrize("cell", PEERS)
@pytest.mark.parametrize(
    ("B", "T", "d", "n", "layers", "bidirectional", "given_state"),
    [
        (1, 7, 1, 5, 1, False, False),
        (3, 1, 2, 4, 1, False, True),
        (2, 5, 3, 6, 3, False, True),
        (4, 6, 4, 4, 1, True, False),
        (5, 3, 2, 3, 2, True, True),
    ],
)
def test_equals_torch(cell, engine, B, T, d, n, layers, bidirectional, given_state):
    core = randomised(cell(d, n, layers, bidirectional=bidirectional, engine=engine))
    peer = peer_of(core)
    x = torch.randn(B, T, d, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    state = None
    if given_state:
        shape = (layers * core.directions, B, n)
        state = [torch.randn(shape) for _ in range(core.state_tensors)]
        state = tuple(state) if core.state_tensors > 1 else state[0]

    ours, ours_state = core(x, state)
    theirs, theirs_state = peer(y, state)
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE)
    for a, b in zip(as_list(ours_state), as_list(theirs_state), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=TOLERANCE)

    weight = torch.randn_like(ours)
    ((ours * weight).sum() + sum(s.square().sum() for s in as_list(ours_state))).backward()
    ((theirs * weight).sum() + sum(s.square().sum() for s in as_list(theirs_state))).backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=0, atol=1e-11)
    for _, suffix in core._parts():
        for p, name in zip(
            core.stacked(suffix), ("weight_ih", "weight_hh", "bias_ih"), strict=True
        ):
            torch.testing.assert_close(
                p.grad, getattr(peer, name + suffix).grad, rtol=0, atol=1e-11
            )


def peephole_by_hand(core, x, h, c):
    """A plain transcription of the equations, sample by sample, with matrices and vectors."""
    w = core.weights()
    outputs = torch.empty(x.shape[0], x.shape[1], core.hidden_size)
    for b in range(x.shape[0]):
        h_t, c_t = h[b], c[b]
        for t in range(x.shape[1]):
            a = {
                k: getattr(w, f"W_{k}x") @ x[b, t]
                + getattr(w, f"W_{k}h") @ h_t
                + getattr(w, f"b_{k}")
                for k in "gifo"
            }
            i = 1 / (1 + torch.exp(-a["i"] - torch.diag(w.p_i) @ c_t))
            f = 1 / (1 + torch.exp(-a["f"] - torch.diag(w.p_f) @ c_t))
            c_t = f * c_t + i * torch.tanh(a["g"])
            o = 1 / (1 + torch.exp(-a["o"] - torch.diag(w.p_o) @ c_t))
            h_t = o * torch.tanh(c_t)
            outputs[b, t] = h_t
    return outputs


@pytest.mark.skipif(not bf16_available(), reason="this processor has no bfloat16")
@pytest.mark.parametrize(
    ("d", "layers", "bidirectional"), [(1, 1, False), (3, 2, True), (15, 1, False), (20, 1, False)]
)
def test_zeros_beside_a_narrow_input_change_nothing(d, layers, bidirectional):
    """Under bfloat16 a narrow input is padded for speed; torch.nn's LSTM is the measure."""
    core = randomised(LSTM(d, 16, layers, bidirectional=bidirectional)).float()
    peer = peer_of(core).float()
    x = torch.randn(4, 6, d, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours, theirs = core(x)[0], peer(x)[0]
    assert ours.dtype == theirs.dtype == torch.bfloat16
    torch.testing.assert_close(ours, theirs, rtol=0.02, atol=0.02)
    ours.float().pow(2).sum().backward()
    theirs.float().pow(2).sum().backward()
    for _, suffix in core._parts():
        gradient = core.stacked(suffix)[0].grad
        expected = getattr(peer, "weight_ih" + suffix).grad
        assert gradient.shape == expected.shape
        assert (gradient - expected).norm() < 0.02 * expected.norm()


def test_peephole_equals_its_equations():
    core = randomised(PeepholeLSTM(2, 3))
    x, h, c = torch.randn(4, 5, 2), torch.randn(4, 3), torch.randn(4, 3)
    outputs, _ = core(x, (h[None], c[None]))
    torch.testing.assert_close(outputs, peephole_by_hand(core, x, h, c), rtol=0, atol=TOLERANCE)


def test_peephole_with_zero_peepholes_is_an_lstm():
    lstm = LSTM(2, 3)
    peephole = PeepholeLSTM(2, 3)
    peephole.load_state_dict(lstm.state_dict(), strict=False)
    x = torch.randn(2, 6, 2)
    torch.testing.assert_close(peephole(x)[0], lstm(x)[0], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("cell", [VanillaRNN, LSTM, GRU, PeepholeLSTM])
def test_outputs_in_two_pieces_equal_one(cell):
    core = randomised(cell(2, 3, 2))
    x = torch.randn(2, 7, 2)
    whole, _ = core(x)
    first, state = core(x[:, :4])
    second, _ = core(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=0, atol=TOLERANCE)


def test_weights_are_views_with_the_equations_names():
    lstm = LSTM(2, 3)
    w = lstm.weights()
    with torch.no_grad():
        w.W_fh.fill_(7.0)
    assert (lstm.W_h_l0[3:6] == 7).all()
    assert set(vars(w)) == {
        f"{m}_{g}{s}" for g in "gifo" for m, s in (("W", "x"), ("W", "h"), ("b", ""))
    }


def test_classifier_reads_the_last_step():
    core = VanillaRNN(1, 4)
    model = SequenceClassifier(core, 10)
    x = torch.randn(3, 5, 1)
    h_T = core(x)[0][:, -1]
    torch.testing.assert_close(model(x), h_T @ model.W_ph.T + model.b_p)
    both = SequenceClassifier(GRU(1, 4, 2, bidirectional=True), 10)
    assert both.W_ph.shape == (10, 8)
    outputs, _ = both.core(x)
    h = torch.cat([outputs[:, -1, :4], outputs[:, 0, 4:]], 1)  # forward's last, backward's last
    torch.testing.assert_close(both(x), h @ both.W_ph.T + both.b_p)


def test_dropout_acts_between_layers_in_training_only():
    for engine in ("fused", "equations"):
        core = LSTM(2, 50, 2, dropout=0.5, engine=engine)
        x = torch.randn(2, 3, 2)
        assert not torch.equal(core(x)[0], core(x)[0])
        core.eval()
        assert torch.equal(core(x)[0], core(x)[0])


# Initialisations ---------------------------------------------------------------------------


def test_named_initialisations():
    n = 60
    rnn = VanillaRNN(1, n, W_hh="orthogonal:1.5")
    torch.testing.assert_close(rnn.W_hh_l0.T @ rnn.W_hh_l0, 2.25 * torch.eye(n))
    assert spectral_radius(VanillaRNN(1, n, W_hh="spectral:1.3").W_hh_l0) == pytest.approx(1.3)
    assert spectral_radius(VanillaRNN(1, n, spectral_radius=0.7).W_hh_l0) == pytest.approx(0.7)
    torch.testing.assert_close(VanillaRNN(1, n, W_hh="identity").W_hh_l0.data, torch.eye(n))
    assert VanillaRNN(1, n, W_hh="uniform:0.2").W_hh_l0.abs().max() <= 0.2
    kaiming = LSTM(1, n, W_h="kaiming_out").W_h_l0.std().item()
    assert kaiming == pytest.approx((2 / n) ** 0.5, rel=0.05)
    for block in LSTM(1, n, W_h="orthogonal").W_h_l0.chunk(4):  # each gate by itself
        torch.testing.assert_close(block.T @ block, torch.eye(n))


def test_forget_bias_and_chrono():
    assert (LSTM(1, 5, forget_bias=2.5).weights().b_f == 2.5).all()
    assert (LSTM(1, 5).weights().b_i == 0).all()
    w = LSTM(1, 500, chrono=100).weights()
    assert torch.equal(w.b_f, -w.b_i)
    memory = w.b_f.exp()  # U(1, 99)
    assert memory.min() >= 1
    assert memory.max() <= 99
    assert memory.mean().item() == pytest.approx(50, rel=0.1)
    with pytest.raises(ValueError, match="at least 3"):
        chrono_biases(4, 2)


def test_one_generator_makes_one_model():
    first, second = (
        LSTM(1, 4, chrono=20, generator=torch.Generator().manual_seed(5)) for _ in "ab"
    )
    torch.randn(3)
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )


@pytest.mark.parametrize(
    "spec", ["", "kaiming", "normal", "normal:x", "normal:nan", "zeros:1", None]
)
def test_unknown_initialisation_is_a_sentence(spec):
    with pytest.raises(ValueError, match=r"initialisation|spec must be a text"):
        parse(spec)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0, 3), {}, "input_size must be at least 1"),
        ((1, 2.5), {}, "hidden_size must be a whole number"),
        ((1, 3, 0), {}, "num_layers"),
        ((1, 3), {"dropout": 1.0}, "dropout"),
        ((1, 3), {"dropout": float("nan")}, "dropout"),
        ((1, 3), {"engine": "cuda"}, "engine must be one of"),
        ((1, 3), {"W_h": "spectral"}, "needs a number"),
        ((1, 3), {"forget_bias": "chrono"}, "forget_bias"),
    ],
)
def test_bad_constructor_arguments(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        LSTM(*arguments, **options)


def test_bad_input_and_state():
    lstm = LSTM(2, 3)
    for x in (torch.randn(4, 2), torch.randn(2, 0, 2), torch.randn(2, 5, 3)):
        with pytest.raises(ValueError, match="x must have shape"):
            lstm(x)
    x = torch.randn(2, 5, 2)
    for state in (torch.zeros(1, 2, 3), (torch.zeros(1, 2, 3), torch.zeros(1, 1, 3))):
        with pytest.raises(ValueError, match="state of LSTM"):
            lstm(x, state)
    with pytest.raises(ValueError, match="no fused kernel"):
        PeepholeLSTM(1, 2, engine="fused")
