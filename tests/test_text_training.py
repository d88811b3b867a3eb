"""Parts, batches, training and baselines of the text wing."""

import math
import random
import time
from contextlib import contextmanager

import pytest
import torch
import torch.nn.functional as F

from helpers.runtime import generator
from helpers.text import CharLM, Vocabulary, baselines, corpus, evaluation, halves, training
from helpers.text.levered import LeveredLM

TEXT = "the cat sat on the mat. the dog sat on the cat. " * 60
VOCAB = Vocabulary(TEXT)
IDS = VOCAB.encode(TEXT)


# Parts and batches ------------------------------------------------------------------------------


def test_the_parts_do_not_touch():
    text = "".join(chr(0x4E00 + k) for k in range(10_000))  # every character its own position
    parts = corpus.split_text(text, valid=0.1, test=0.05, gap=50)
    assert parts.test == text[9500:]
    assert text.index(parts.test[0]) - text.index(parts.valid[-1]) == 51
    assert text.index(parts.valid[0]) - text.index(parts.train[-1]) == 51
    assert len(parts.valid) == 950
    with pytest.raises(ValueError, match="too short to split"):
        corpus.split_text("short text")


@pytest.mark.parametrize("kind", [corpus.Windows, corpus.Streams])
def test_targets_are_one_character_further_on(kind):
    batches = iter(kind(IDS, 7, 5, generator(0)))
    for _ in range(200):
        x, y = next(batches)
        assert x.shape == y.shape == (5, 7)
        assert torch.equal(x[:, 1:], y[:, :-1])
        for row, target in zip(x, y, strict=True):
            assert VOCAB.decode([*row.tolist(), target[-1].item()]) in TEXT * 2


def test_windows_reach_every_offset():
    ids = torch.arange(6)
    batches = iter(corpus.Windows(ids, 3, 50, generator(1)))
    assert set(next(batches)[0][:, 0].tolist()) == {0, 1, 2}
    assert next(batches)[1].max() == 5


def test_streams_go_on_where_they_stopped():
    ids = torch.arange(100)
    stream = corpus.Streams(ids, 10, 2, generator(1))
    batches = iter(stream)
    first = [next(batches)[0] for _ in range(5)]
    assert torch.equal(torch.cat([b[0] for b in first]), torch.arange(50))
    assert torch.equal(torch.cat([b[1] for b in first]), torch.arange(50, 100))
    next(batches)
    assert stream.offset > 0
    assert stream.position == 10


@pytest.mark.parametrize("kind", [corpus.Windows, corpus.Streams])
def test_a_text_shorter_than_a_window_is_a_sentence(kind):
    with pytest.raises(ValueError, match=r"shorter than one training window|too few for"):
        kind(torch.arange(30), 30, 4, generator(0))
    with pytest.raises(ValueError, match="window length must be at least 1"):
        kind(torch.arange(30), 0, 4, generator(0))


# The model --------------------------------------------------------------------------------------


@pytest.mark.parametrize("embedding", [None, 3])
def test_charlm_equals_a_plain_network(embedding):
    torch.set_default_dtype(torch.float64)
    try:
        model = CharLM(9, 5, 2, embedding_size=embedding)
        ids = torch.randint(9, (2, 6))
        x = F.one_hot(ids, 9).double() if embedding is None else model.embedding[ids]
        h, _ = model.core(x)
        expected = h @ model.W_ph.T + model.b_p
        torch.testing.assert_close(model(ids)[0], expected)
        _, state = model(ids[:, :4])
        torch.testing.assert_close(model(ids[:, 4:], state)[0], expected[:, 4:])
    finally:
        torch.set_default_dtype(torch.float32)


# Training ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("batching", ["windows", "streams"])
@pytest.mark.parametrize("optimizer", ["rmsprop", "adam", "adamw"])
def test_training_learns_a_repetitive_text(batching, optimizer):
    torch.manual_seed(0)
    model = CharLM(len(VOCAB), 24, 1)
    plan = training.Plan(
        120, batching, 16, 16, optimizer=optimizer, lr=2e-2, schedule="cosine", eval_every=60
    )
    history = training.fit(model, IDS[:2000], IDS[2000:], plan)
    assert history.step == 120
    assert [look["step"] for look in history.valid] == [60, 120]
    assert history.valid[-1]["bpc"] < 1.0 < baselines.unigram_bpc(TEXT[:2000], TEXT[2000:])


def test_the_rate_warms_up_and_falls():
    plan = training.Plan(100, lr=1.0, schedule="cosine", warmup=10)
    assert plan.rate(0) == pytest.approx(0.1, rel=0.01)
    assert max(map(plan.rate, range(100))) == pytest.approx(plan.rate(9))
    assert plan.rate(99) == pytest.approx(0.01, rel=0.1)
    assert training.Plan(100, lr=0.5).rate(99) == 0.5
    stairs = training.Plan(100, lr=1.0, schedule="staircase", decay=0.5, decay_every=30)
    assert [stairs.rate(k) for k in (0, 29, 30, 99)] == [1.0, 1.0, 0.5, 0.125]
    assert training.Plan(10).stages() == [2, 4, 6, 8, 10]
    assert training.Plan(2).stages() == [1, 2]


def test_patience_stops_and_says_so():
    model = CharLM(len(VOCAB), 8, 1)
    plan = training.Plan(500, length=5, batch_size=2, lr=5.0, eval_every=2, patience=2)
    history = training.fit(model, IDS[:500], IDS[500:900], plan)
    assert history.step < 500
    assert "no better validation loss in 2 looks" in history.stopped


def test_a_caller_can_watch_and_stop():
    model = CharLM(len(VOCAB), 8, 1)
    seen = []
    history = training.fit(
        model,
        IDS[:500],
        IDS[500:900],
        training.Plan(50, length=5, batch_size=2),
        on_step=lambda step: seen.append(step.number),
        should_stop=lambda: len(seen) == 7,
    )
    assert seen == list(range(1, 8))
    assert history.stopped == "stopped by the caller"


def test_a_loss_that_turns_nan_ends_the_training_and_is_told():
    model = CharLM(len(VOCAB), 8, 1)
    weights = model.core.W_x_l0.detach().clone()
    with torch.no_grad():
        model.b_p[0] = math.nan
    history = training.fit(model, IDS, IDS, training.Plan(5))
    assert history.diverged
    assert len(history.loss) == 1
    assert "the loss became nan at step 1; try a smaller lr" in history.stopped
    assert torch.equal(model.core.W_x_l0, weights)  # no update follows


@pytest.mark.parametrize(
    ("batching", "optimizer", "average"),
    [
        ("windows", "rmsprop", 0.0),
        ("streams", "rmsprop", 0.9),
        ("windows", "adamw", 0.9),
        ("streams", "adamw", 0.0),
    ],
)
def test_a_killed_training_resumes_as_if_nothing_had_happened(
    tmp_path, batching, optimizer, average
):
    plan = training.Plan(
        *(40, batching, 8, 4),
        optimizer=optimizer,
        eval_every=10,
        schedule="cosine",
        lr=0.01,
        average=average,
    )

    def run(resume=None, stop_at=None):
        torch.manual_seed(1)
        model = CharLM(len(VOCAB), 12, 2, dropout=0.4, embedding_size=5)
        torch.manual_seed(stop_at or 7)  # whatever happened before must not matter
        seen = []
        history = training.fit(
            model,
            IDS[:1500],
            IDS[1500:],
            plan,
            resume=resume,
            sample=lambda m: m.b_p.sum().item(),
            on_step=lambda step: seen.append(step.number),
            should_stop=lambda: seen[-1] == stop_at,
        )
        return model, history

    whole, history = run()
    snapshot = tmp_path / "snapshot"
    run(snapshot, stop_at=14)  # the last snapshot is of step 10
    run(snapshot, stop_at=33)
    resumed, after = run(snapshot)
    assert after.loss == history.loss
    assert after.valid == history.valid
    assert after.samples == history.samples
    assert list(history.samples) == ["8", "16", "24", "32", "40"]
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    assert [p.name for p in tmp_path.iterdir()] == ["snapshot"]
    with pytest.raises(ValueError, match="belongs to a training with another plan"):
        training.fit(whole, IDS, IDS, training.Plan(41), resume=snapshot)
    snapshot.write_bytes(b"half a file")
    with pytest.raises(ValueError, match="snapshot is not a snapshot of a training"):
        run(snapshot)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"train": IDS[5:1505]}, "another text"),
        ({"valid": IDS[1505:]}, "another text"),
        ({"dropout": 0.2}, "another model"),
        ({"kind": LeveredLM}, "another model"),
        ({"steps": 21}, "another plan"),
    ],
    ids=["text", "held-out text", "dropout", "kind", "plan"],
)
def test_a_snapshot_of_another_training_is_refused_and_stays(tmp_path, changed, told):
    """All of them have weights of the same sizes: the snapshot would fit."""

    def train(train=IDS[:1500], valid=IDS[1500:], kind=CharLM, dropout=0.4, steps=20):
        model = kind(len(VOCAB), 12, 2, dropout=dropout)
        plan = training.Plan(steps, length=8, batch_size=4, eval_every=10)
        return training.fit(model, train, valid, plan, resume=tmp_path / "snapshot")

    history = train()
    before = (tmp_path / "snapshot").read_bytes()
    with pytest.raises(ValueError, match=f"snapshot belongs to a training with {told}; delete it"):
        train(**changed)
    assert (tmp_path / "snapshot").read_bytes() == before
    assert train().loss == history.loss  # at its end: nothing is left to train


def test_what_a_device_draws_goes_on_where_it_stopped(tmp_path, monkeypatch):
    """A device pretends to have a generator of its own, from which dropout there draws."""
    drawn = {"there": 0}

    def dropout(x, p, training):
        drawn["there"] += training  # as if a mask had been drawn
        return x * (1 + 0.01 * drawn["there"])

    def run(stop_at=None, **options):
        drawn["there"] = 77  # by whatever came before
        model, seen = CharLM(len(VOCAB), 6, 1, generator=generator(0)), []
        plan = training.Plan(9, length=5, batch_size=2, eval_every=3)
        return training.fit(
            *(model, IDS[:500], IDS[500:900], plan),
            on_step=lambda step: seen.append(step.number),
            should_stop=lambda: seen[-1] == stop_at,
            **options,
        )

    monkeypatch.setattr(F, "dropout", dropout)
    monkeypatch.setattr(training, "random_state", lambda _: torch.tensor(drawn["there"]))
    monkeypatch.setattr(
        training, "set_random_state", lambda _, state: drawn.update(there=int(state))
    )
    whole = run()
    run(resume=tmp_path / "snapshot", stop_at=5)
    assert run(resume=tmp_path / "snapshot").loss == whole.loss


def test_averaged_weights_are_a_mean_at_first_and_then_one_that_fades():
    """By hand, of the weights after every step; they are looked at, sampled from and kept."""
    steps, memory = 12, 0.8
    plan = training.Plan(steps, length=5, batch_size=4, eval_every=steps, lr=0.05, average=memory)
    model, plain = (CharLM(len(VOCAB), 6, 1, generator=generator(0)) for _ in range(2))
    seen, sampled = [], []
    history = training.fit(
        model,
        IDS,
        IDS[:500],
        plan,
        sample=lambda m: sampled.append(m.b_p.detach().clone()),
        on_step=lambda step: seen.append(model.b_p.detach().clone()),
    )
    average = seen[0]
    for t, weights in enumerate(seen[1:], start=2):
        share = max(1 - memory, 1 / t)
        average = (1 - share) * average + share * weights
        if t == 3:
            torch.testing.assert_close(average, torch.stack(seen[:3]).mean(0))
    torch.testing.assert_close(model.b_p, average)
    torch.testing.assert_close(sampled[-1], average)
    assert not torch.allclose(average, seen[-1])
    training.fit(plain, IDS, IDS[:500], training.Plan(**{**vars(plan), "average": 0.0}))
    torch.testing.assert_close(plain.b_p, seen[-1])  # the average changed nothing of the training
    assert history.best()["bpc"] == evaluation.evaluate(model, IDS[:500])["bpc"]


def test_a_nan_keeps_the_last_snapshot(tmp_path):
    model = CharLM(len(VOCAB), 8, 1)
    plan = training.Plan(20, length=5, batch_size=2, eval_every=4)
    before = {}

    def poison(step):
        if step.number == 9:
            before["bytes"] = (tmp_path / "snapshot").read_bytes()
            with torch.no_grad():
                model.b_p[0] = math.nan

    snapshot = tmp_path / "snapshot"
    history = training.fit(model, IDS, IDS[:900], plan, resume=snapshot, on_step=poison)
    assert history.diverged
    assert "the snapshot of step 8 is kept" in history.stopped
    assert (tmp_path / "snapshot").read_bytes() == before["bytes"]


def test_the_best_weights_are_kept():
    model = CharLM(len(VOCAB), 8, 1)
    plan = training.Plan(30, length=5, batch_size=2, lr=1.0, eval_every=3)
    history = training.fit(model, IDS[:500], IDS[500:1200], plan)
    seen = evaluation.evaluate(model, IDS[500:1200])
    assert seen["loss"] == pytest.approx(history.best()["loss"])


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 0}, {"lr": 0.0}, {"lr": math.inf}, {"batching": "random"}, {"length": 0},
        {"optimizer": "lion"}, {"schedule": "linear"}, {"eval_every": 0}, {"restart": -0.1},
    ],
)  # fmt: skip
def test_bad_plans_are_sentences(options):
    with pytest.raises(ValueError, match=r"must be|probability"):
        training.Plan(**{"steps": 5, **options})


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [({True: 0.02, False: 0}, False), ({True: 0, False: 0.02}, True), ({True: None}, False)],
    ids=["slower", "faster", "missing"],
)
def test_bf16_is_used_only_where_it_is_faster(seconds, expected, monkeypatch):
    used = []

    @contextmanager
    def precision(device, bf16):
        used.append(bf16)
        if seconds[bf16] is None:
            raise RuntimeError("could not create a primitive descriptor")
        time.sleep(seconds[bf16])
        yield

    model = CharLM(3, 4, 1)
    plan = training.Plan(2, length=5, batch_size=2, bf16=True)
    seconds.setdefault(False, 0)
    for module in (training, halves):
        monkeypatch.setattr(module, "autocast", precision)
    monkeypatch.setattr(training, "_faster_in_bf16", {})
    before = {k: v.clone() for k, v in model.state_dict().items()}
    assert training.faster_in_bf16(model, plan) is expected
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    del used[:]
    training.fit(model, torch.arange(60) % 3, torch.arange(9) % 3, plan)
    assert used == [expected] * 2  # tried out before


def test_restart_one_is_training_from_zero_states():
    """With restart = 1 a step sees what a model that never carries a state sees."""
    losses = []
    for restart, carried in ((1.0, True), (0.0, False)):
        torch.manual_seed(0)
        model = CharLM(len(VOCAB), 12, 1)
        plan = training.Plan(6, "streams", 16, 4, eval_every=6, restart=restart)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(corpus.Streams, "carries_state", carried)
            losses.append(training.fit(model, IDS[:2000], IDS[2000:], plan).loss)
    assert losses[0] == losses[1]


# Baselines --------------------------------------------------------------------------------------


def test_unigram_is_close_to_the_entropy():
    coins = "".join(random.Random(0).choices("ab", [0.25, 0.75], k=40_000))
    entropy = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75))
    assert baselines.unigram_bpc(coins[:20_000], coins[20_000:]) == pytest.approx(entropy, abs=0.01)
    assert math.isfinite(baselines.unigram_bpc("aaa", "b"))


@pytest.mark.parametrize("context", ["", "t", "the c", "zzzzz"])
def test_ngram_probabilities_sum_to_one(context):
    ngram = baselines.NGram(TEXT, 4, VOCAB.characters + "z")
    total = sum(ngram.probability(c, context) for c in set(TEXT) | {"z"})
    assert total == pytest.approx(1)
    assert ngram.probability("z", context) > 0


def test_ngram_follows_the_formula():
    ngram = baselines.NGram("abab", 2, "ab")
    # unigram: 2 a, 2 b, 2 kinds, uniform 1/2 below; after "a" came b twice, one kind
    p_b = (2 + 2 * 0.5) / (4 + 2)
    assert ngram.probability("b", "") == pytest.approx(p_b)
    assert ngram.probability("b", "a") == pytest.approx((2 + 1 * p_b) / (2 + 1))


def test_longer_contexts_help_on_text():
    train, held_out = TEXT[:2000], TEXT[2000:]
    bits = [baselines.NGram(train, order, VOCAB.characters).bpc(held_out) for order in (1, 2, 4)]
    assert bits[0] > bits[1] > bits[2]
    assert bits[0] == pytest.approx(baselines.unigram_bpc(train, held_out), rel=0.02)


@pytest.mark.parametrize("name", baselines.COMPRESSORS)
def test_compressors_find_repetition(name):
    assert baselines.compressor_bpc(name, TEXT[:2000], TEXT[2000:]) < 1.0


def test_empty_texts_are_sentences():
    with pytest.raises(ValueError, match="the held-out text must be a text"):
        baselines.unigram_bpc("abc", "")
    with pytest.raises(ValueError, match="the training text must be a text"):
        baselines.compressor_bpc("zlib", "", "abc")
    with pytest.raises(ValueError, match="order must be at least 1"):
        baselines.NGram("abc", 0, "abc")


# Halves -----------------------------------------------------------------------------------------


@pytest.fixture
def cut(monkeypatch):
    """Every batch is cut, whatever its size and this machine's cores."""
    monkeypatch.setattr(halves, "_WORTH", 0)
    monkeypatch.setattr(halves, "cores", lambda: 2)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("B", [2, 5])
@pytest.mark.parametrize("carried", [False, True])
def test_a_batch_in_two_halves_is_the_batch(cut, B, carried):
    torch.manual_seed(3)
    model = CharLM(9, 6, 2, embedding_size=4).double()
    x, y = torch.randint(9, (2, B, 7))
    state = tuple(torch.randn(2, 2, B, 6).double()) if carried else None
    passes = halves.Passes(model, B, 7)
    assert passes.second is not None
    read = passes.forward(x, y, state)
    passes.backward(read.losses)
    found = [p.grad for p in model.parameters()]
    logits, after = model(x, state)
    loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
    assert read.loss == pytest.approx(loss.item())
    assert read.accuracy == pytest.approx((logits.argmax(-1) == y).double().mean().item())
    torch.testing.assert_close(read.state, tuple(s.detach().float() for s in after))
    expected = torch.autograd.grad(loss, list(model.parameters()))
    # The loss itself is summed in float32.
    torch.testing.assert_close(found, list(expected), rtol=1e-4, atol=1e-6)


def test_halves_train_the_same_network_every_time(cut):
    def train():
        torch.manual_seed(1)
        model = CharLM(len(VOCAB), 12, 2, dropout=0.4)
        plan = training.Plan(30, "streams", 8, 6, restart=0.3, eval_every=30)
        return training.fit(model, IDS[:1500], IDS[1500:], plan).loss

    first = train()
    assert [train() for _ in range(3)] == [first] * 3
    assert len(set(first)) == 30


def test_an_error_in_either_half_reaches_the_caller():
    second = halves.SecondThread()
    assert second.map(lambda x: x + 1, [1, 2]) == [2, 3]
    for broken in (0, 1):
        done = []

        def fail(k, broken=broken, done=done):
            if k == broken:
                raise ValueError(f"half {k}")
            done.append(k)

        with pytest.raises(ValueError, match=f"half {broken}"):
            second.map(fail, [0, 1])
        assert done == [1 - broken]  # the other one has ended


def test_no_batch_is_cut_where_it_would_not_pay(cut, monkeypatch):
    model = CharLM(9, 6, 1)
    assert halves.Passes(model, 2, 3).second is not None
    assert halves.Passes(model, 1, 3).second is None
    torch.set_num_threads(2)
    assert halves.Passes(model, 2, 3).second is None
    torch.set_num_threads(1)
    assert halves.Passes(model.to("meta"), 2, 3).second is None
    monkeypatch.setattr(halves, "cores", lambda: 1)
    assert halves.Passes(CharLM(9, 6, 1), 2, 3).second is None
    monkeypatch.undo()
    assert halves.Passes(CharLM(9, 6, 1), 2, 3).second is None  # a step of a few microseconds
