"""Rows of ``make bench`` for the text wing: training and generating, ours against plain loops."""

import string
from collections import deque
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

from helpers import paths
from helpers.runtime import generator, own_threads, threads
from helpers.text import book_model
from helpers.text.books import load_book
from helpers.text.charlm import CharLM
from helpers.text.decoder import Decoder
from helpers.text.evaluation import cost_of_int8
from helpers.text.sampling import beam_search, draw_characters, stream
from helpers.text.saved_models import load_model
from helpers.text.training import Plan, faster_in_bf16, fit
from helpers.text.vocabulary import Vocabulary
from helpers.timing import Row, every_core_busy, side_by_side

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
    sizes = {"hidden_size": hidden_size, "num_layers": num_layers}
    yield from training_rows("large model", batch_size, steps, repeats, embedding_size=64, **sizes)
    live = {"hidden_size": max(1, hidden_size // 4), "num_layers": 1}
    with threads(own_threads()):  # as in a notebook
        batch = max(1, batch_size // 4)
        yield from training_rows("live model", batch, 8 * steps, repeats, **live)
        yield from live_rows(batch, 8 * steps, repeats, **live)
    yield from generation_rows(hidden_size, num_layers, characters, repeats)
    yield from quality_rows()


def training_rows(name, batch_size, steps, repeats, **arguments) -> Iterator[Row]:
    """Seconds a step of a :class:`CharLM` with these ``arguments``."""
    hidden_size, num_layers = arguments["hidden_size"], arguments["num_layers"]
    length = 30
    draw = generator(0, "bench")
    ids = torch.randint(len(VOCAB), (60_000,), generator=draw)
    text = VOCAB.decode(ids.tolist())

    def ours(bf16: bool):
        model = CharLM(len(VOCAB), **arguments)
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
    if faster_in_bf16(
        CharLM(len(VOCAB), **arguments), Plan(1, length=length, batch_size=batch_size)
    ):
        functions["bf16"] = ours(True)
    seconds = side_by_side(*functions.values(), repeats=repeats)
    found = {name: taken / steps for name, taken in zip(functions, seconds, strict=True)}
    read = batch_size * length
    name = f"{name}, {num_layers} x {hidden_size}, batch {batch_size}, a training step"
    best = "bf16" if "bf16" in found else "fp32"
    note = f"{read / found[best]:,.0f} characters a second"
    yield Row(f"{name}, {best}, against the reports' way", found[best], found["reports"], note=note)
    aim = "1.6"
    if best == "bf16":
        yield Row(f"{name}, {best}, tensors prepared", found[best], found["prepared"], aim=aim)
    note = f"{read / found['fp32']:,.0f} characters a second"
    yield Row(f"{name}, fp32, tensors prepared", found["fp32"], found["prepared"], "s", "1", note)


def live_rows(batch_size, steps, repeats, **arguments) -> Iterator[Row]:
    """Seconds a step of the model that notebook 05 trains, alone and beside other programs."""
    ids = torch.randint(len(VOCAB), (60_000,), generator=generator(0, "bench"))
    model, plan = CharLM(len(VOCAB), **arguments), Plan(steps, batch_size=batch_size)

    def train():
        fit(model, ids, ids[:2], plan)

    (alone,) = side_by_side(train, repeats=repeats)
    with every_core_busy():
        (busy,) = side_by_side(train, repeats=repeats)
    name = f"live model, {arguments['num_layers']} x {arguments['hidden_size']}, a training step"
    yield Row(f"{name}, alone", alone / steps, aim="at most 0.015 s")
    yield Row(f"{name}, every core busy elsewhere", busy / steps, aim="at most 0.06 s")


def generation_rows(hidden_size, num_layers, characters, repeats) -> Iterator[Row]:
    """Seconds a character, on one thread; the plain loop calls its module once per character."""
    model = CharLM(len(VOCAB), hidden_size, num_layers, embedding_size=64)
    plain = Plain(len(VOCAB), hidden_size, num_layers)
    decoders = {kind: Decoder(model, VOCAB, quantised=kind == "int8") for kind in ("fp32", "int8")}
    many = 32

    @torch.no_grad()
    def module_loop():
        state, k = None, 0
        for _ in range(characters):
            x = F.one_hot(torch.tensor([[k]]), len(VOCAB)).float()
            logits, state = plain(x, state)
            k = torch.multinomial(torch.softmax(logits[0, -1], 0), 1).item()

    def write(kind):
        return lambda: deque(
            stream(model, VOCAB, "a", characters, seed=0, decoder=decoders[kind]), maxlen=0
        )

    def write_many(kind):
        options = {"seed": 0, "decoder": decoders[kind]}
        return lambda: deque(
            draw_characters(model, VOCAB, ["a"] * many, characters, **options), maxlen=0
        )

    def bare(products):
        @torch.inference_mode()
        def run():
            for _ in range(characters):
                for product in products:
                    product()

        return run

    def products_of_torch():
        for weights in decoders["fp32"].weights(1):
            rows, columns = weights.W_T.shape
            yield weights.in_torch(torch.zeros(1, rows), torch.zeros(1, columns))

    def first():
        next(stream(model, VOCAB, "She looked at ", 10, seed=0))

    with threads(1):
        functions = {"module": module_loop}
        for kind in decoders:
            own = decoders[kind].begin(["a"]).products
            functions |= {kind: write(kind), f"{kind} bare": bare(own)}
            functions[f"{kind} many"] = write_many(kind)
        functions["torch bare"] = bare(list(products_of_torch()))
        taken = side_by_side(*functions.values(), repeats=repeats)
        seconds = {k: s / characters for k, s in zip(functions, taken, strict=True)}
        (to_first, beam) = side_by_side(
            first, lambda: beam_search(model, VOCAB, "She ", 60, 8), repeats=repeats
        )
    name = f"book model, {num_layers} x {hidden_size}"
    for kind, aim in (("fp32", "8"), ("int8", "12")):
        one, products, together = (seconds[f"{kind}{k}"] for k in ("", " bare", " many"))
        note = f"{1 / one:,.0f} characters a second, one thread"
        if kind == "int8" and not decoders[kind].in_eight_bits(1):
            note += ": no engine for eight bits here, float32"
        what = f"{name}, {kind}, a character of one stream"
        yield Row(f"{what}, against its module", one, seconds["module"], aim=aim, note=note)
        yield Row(f"{what}, against its bare products", one, products)
        if kind == "fp32":
            yield Row(
                f"{what}, against torch's bare products", one, seconds["torch bare"], aim="0.8"
            )
        yield Row(
            f"{name}, {kind}, a character of {many} prompts together, against one stream",
            together / many,
            one,
            aim="4" if kind == "fp32" else "",
            note=f"{many / together:,.0f} characters a second, one thread",
        )
    yield Row(f"{name}, first character after Generate", to_first, aim="under 0.1 s")
    yield Row(f"{name}, beam search, 60 characters, 8 beams", beam, note="one thread")


def quality_rows(characters: int = 20_000) -> Iterator[Row]:
    """What eight bits cost the published model on the default book, in its own characters."""
    model, vocab, _ = load_model(paths.CHECKPOINTS / book_model.NAME)
    text = "".join(c for c in load_book("auto").text if c in vocab)[:characters]
    cost = cost_of_int8(model, vocab, text)
    note = f"{cost['characters']:,} characters of the default book"
    if not Decoder(model, vocab, quantised=True).in_eight_bits(32):
        note += "; no engine for eight bits here, float32"
    name = "published book model, eight bits"
    unit = "bits a character"
    yield Row(f"{name}, mean KL divergence from float32", cost["kl"], unit=unit, note=note)
    yield Row(f"{name}, against float32", cost["bpc int8"], cost["bpc"], unit=unit, note=note)
