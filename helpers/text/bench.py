"""Rows of ``make bench`` for the text wing: training and generating, ours against plain loops."""

import string
import time
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

from helpers.runtime import bf16_available, generator
from helpers.text.charlm import CharLM
from helpers.text.sampling import Decoder, draw_characters, generate_batch
from helpers.text.training import Plan, fit
from helpers.text.vocabulary import Vocabulary
from helpers.timing import Row, side_by_side

VOCAB = Vocabulary(string.ascii_letters + string.digits + " ,.;:!?'\"-()\n")


class Plain(nn.Module):
    """What the reports' code amounts to: ``torch.nn.LSTM`` on one-hot input, a linear read-out."""

    def __init__(self, vocab_size: int, hidden_size: int, num_layers: int):
        super().__init__()
        self.core = nn.LSTM(vocab_size, hidden_size, num_layers, batch_first=True)
        self.read_out = nn.Linear(hidden_size, vocab_size)

    def forward(self, x, state=None):
        out, state = self.core(x, state)
        return self.read_out(out), state


class WindowsOneByOne(Dataset):
    """Windows looked up and encoded character by character, an item at a time."""

    def __init__(self, text: str, length: int, items: int):
        self.text, self.length, self.items = text, length, items
        self.places = {character: k for k, character in enumerate(VOCAB.characters)}

    def __len__(self) -> int:
        return self.items

    def __getitem__(self, item: int):
        start = (item * 7919) % (len(self.text) - self.length - 1)
        window = self.text[start : start + self.length + 1]
        ids = [self.places[character] for character in window]
        x = torch.zeros(self.length, len(self.places))
        for t, k in enumerate(ids[:-1]):
            x[t, k] = 1.0
        return x, torch.tensor(ids[1:])


def rows(
    hidden_size: int = 512,
    num_layers: int = 2,
    batch_size: int = 128,
    steps: int = 6,
    characters: int = 300,
    repeats: int = 5,
) -> Iterator[Row]:
    """Training steps on windows of 30 characters; generation of one stream and of 32."""
    yield from training_rows(hidden_size, num_layers, batch_size, steps, repeats)
    yield from generation_rows(hidden_size, num_layers, characters, repeats)


def training_rows(hidden_size, num_layers, batch_size, steps, repeats) -> Iterator[Row]:
    """Seconds a step, on all cores."""
    length = 30
    draw = generator(0, "bench")
    ids = torch.randint(len(VOCAB), (60_000,), generator=draw)
    text = VOCAB.decode(ids.tolist())

    def ours(bf16: bool):
        model = CharLM(len(VOCAB), hidden_size, num_layers, embedding_size=64)
        plan = Plan(steps, length=length, batch_size=batch_size, eval_every=10 * steps, bf16=bf16)
        # The look at the end reads one character: the reference loops do not look at all.
        return lambda: fit(model, ids, ids[:2], plan)

    def loop(batches):
        model = Plain(len(VOCAB), hidden_size, num_layers)
        optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

        def train():
            for x, y in batches():
                optimizer.zero_grad()
                logits, _ = model(x)
                F.cross_entropy(logits.flatten(0, 1), y.flatten()).backward()
                nn.utils.clip_grad_norm_(model.parameters(), 5.0)
                optimizer.step()

        return train

    def prepared():
        for _ in range(steps):
            start = torch.randint(len(ids) - length - 1, (batch_size, 1), generator=draw)
            window = ids[start + torch.arange(length + 1)]
            yield F.one_hot(window[:, :-1], len(VOCAB)).float(), window[:, 1:]

    one_by_one = WindowsOneByOne(text, length, steps * batch_size)
    functions = {
        "fp32": ours(False),
        "prepared": loop(prepared),
        "reports": loop(lambda: DataLoader(one_by_one, batch_size)),
    }
    if bf16_available():
        functions["bf16"] = ours(True)
    seconds = side_by_side(*functions.values(), repeats=repeats)
    found = {name: taken / steps for name, taken in zip(functions, seconds, strict=True)}
    read = batch_size * length
    name = f"book model, {num_layers} x {hidden_size}, a training step"
    best = "bf16" if "bf16" in found else "fp32"
    note = f"{read / found[best]:,.0f} characters a second"
    yield Row(f"{name}, {best}, against the reports' way", found[best], found["reports"], note=note)
    aim = "1.6" if best == "bf16" else "1"
    yield Row(f"{name}, {best}, tensors prepared", found[best], found["prepared"], aim=aim)
    note = f"{read / found['fp32']:,.0f} characters a second"
    yield Row(f"{name}, fp32, tensors prepared", found["fp32"], found["prepared"], "s", "1", note)


def generation_rows(hidden_size, num_layers, characters, repeats) -> Iterator[Row]:
    """Seconds a character, on one thread; the plain loop calls its module once per character."""
    model = CharLM(len(VOCAB), hidden_size, num_layers, embedding_size=64)
    plain = Plain(len(VOCAB), hidden_size, num_layers)
    decoder = Decoder(model, VOCAB)

    @torch.no_grad()
    def module_loop():
        state, k = None, 0
        for _ in range(characters):
            x = F.one_hot(torch.tensor([[k]]), len(VOCAB)).float()
            logits, state = plain(x, state)
            k = torch.multinomial(torch.softmax(logits[0, -1], 0), 1).item()

    def ours():
        for _ in draw_characters(model, VOCAB, ["a"], characters, 1.0, seed=0, decoder=decoder):
            pass

    def first():
        next(draw_characters(model, VOCAB, ["She looked at "], 10, 1.0, seed=0, decoder=decoder))

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds = [s / characters for s in side_by_side(ours, module_loop, repeats=repeats)]
        (to_first,) = side_by_side(first, repeats=repeats)
        start = time.perf_counter()
        generate_batch(model, VOCAB, ["a"] * 32, characters, seed=0)
        total = 32 * characters / (time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    name = f"book model, {num_layers} x {hidden_size}"
    yield Row(
        f"{name}, a character of one stream, against its module",
        *seconds,
        aim="5",
        note=f"{1 / seconds[0]:,.0f} characters a second, one thread",
    )
    yield Row(f"{name}, 32 prompts together", total, unit="characters/s", note="one thread")
    yield Row(f"{name}, first character after Generate", to_first, aim="under 0.1 s")
