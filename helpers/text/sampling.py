"""From scores to text: one decoder for temperature, top-k, top-p, greedy and beam search.

Temperature divides the logits, softmax(z / temperature): 0 is greedy, below 1 sharpens, above 1
flattens. Top-k keeps the k likeliest characters; top-p (Holtzman et al. 2020) the smallest set of
likeliest characters whose probabilities reach p; both then renormalise.

Data flow::

    prompt -> ids -> the model's own forward, alone    -> state (h, c a layer), logits
    logits -> next_distribution -> one uniform number  -> the next id
    id, state -> Decoder.step, in tiles of 8 prompts   -> state, logits

A prompt's text depends on the model, the settings and its seed, and on nothing else in its batch:
its uniform numbers come from its own generator, and every matrix product has the shape of a whole
tile whatever the number of prompts, so that its rounding is the same, bit for bit.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch

from helpers.checks import integer, number
from helpers.checks import text as check_text
from helpers.text.charlm import CharLM, evaluating
from helpers.text.vocabulary import Vocabulary

_TILE = 8


def next_distribution(
    logits: torch.Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> torch.Tensor:
    """Probabilities of the next character, float64.

    Shapes:
        logits ``(..., V)`` -> ``(..., V)``

    Raises:
        ValueError: a temperature that is negative, NaN or infinite; a top_k below 1; a top_p
            outside (0, 1].
    """
    check_sampling(temperature, top_k, top_p)
    z = logits.double()
    if temperature == 0:
        return torch.nn.functional.one_hot(z.argmax(-1), z.shape[-1]).double()
    # Subtracting the maximum first keeps a tiny temperature from overflowing.
    p = torch.softmax((z - z.amax(-1, keepdim=True)) / temperature, dim=-1)
    if top_k is None and top_p is None:
        return p
    sorted_p, order = p.sort(dim=-1, descending=True, stable=True)
    keep = torch.ones_like(sorted_p, dtype=torch.bool)
    if top_k is not None:
        keep[..., top_k:] = False
    if top_p is not None:
        # A character stays if those before it do not yet reach p.
        keep &= sorted_p.cumsum(-1) - sorted_p < top_p
    kept = torch.zeros_like(p).scatter(-1, order, sorted_p * keep)
    return kept / kept.sum(-1, keepdim=True)


def check_sampling(temperature, top_k=None, top_p=None) -> None:
    """Refuse a temperature, top_k or top_p that is out of range.

    Raises:
        ValueError: it says which, and what is accepted.
    """
    number("temperature", temperature, minimum=0.0)
    if top_k is not None:
        integer("top_k", top_k, minimum=1)
    if top_p is not None and number("top_p", top_p, maximum=1.0) <= 0:
        raise ValueError(f"top_p must be above 0 and at most 1, got {top_p}")


def generate(
    model: CharLM,
    vocab: Vocabulary,
    prompt: str,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
) -> str:
    """``prompt`` continued by ``length`` characters.

    Args:
        seed: equal seeds give equal texts; ``None`` draws a fresh one.

    Raises:
        ValueError: an empty prompt, characters outside the vocabulary, a setting out of range.
    """
    drawn = stream(model, vocab, prompt, length, temperature, top_k, top_p, seed)
    return prompt + "".join(drawn)


def generate_batch(
    model: CharLM,
    vocab: Vocabulary,
    prompts: Sequence[str],
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | Sequence[int] | None = None,
) -> list[str]:
    """Each of ``prompts`` continued by ``length`` characters, all at once.

    Args:
        seed: one for all, or one a prompt. Under one seed a prompt's text is that of
            :func:`generate` with this seed, so equal prompts give equal texts.
    """
    prompts = list(prompts)
    rows = [[] for _ in prompts]
    for drawn in draw_characters(model, vocab, prompts, length, temperature, top_k, top_p, seed):
        for row, character in zip(rows, drawn.characters, strict=True):
            row.append(character)
    return [prompt + "".join(row) for prompt, row in zip(prompts, rows, strict=True)]


def stream(
    model: CharLM,
    vocab: Vocabulary,
    prompt: str,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
) -> Iterator[str]:
    """The characters of the continuation, each as soon as it is drawn."""
    for drawn in draw_characters(model, vocab, [prompt], length, temperature, top_k, top_p, seed):
        yield drawn.characters[0]


class Drawn(NamedTuple):
    """What one step of the decoder drew for every prompt.

    Attributes:
        characters: the drawn characters, one a prompt.
        log_probabilities: of each under the model itself, at temperature 1, in nats.
    """

    characters: list[str]
    log_probabilities: list[float]


def draw_characters(
    model: CharLM,
    vocab: Vocabulary,
    prompts: Sequence[str],
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | Sequence[int] | None = None,
    decoder: "Decoder | None" = None,
) -> Iterator[Drawn]:
    """The decoder behind all of the above: one :class:`Drawn` a character.

    Args:
        decoder: one made before of the same model, which saves preparing its weights again.
    """
    check_sampling(temperature, top_k, top_p)
    integer("length", length, minimum=0)
    uniforms = _uniforms(len(prompts), length, seed)
    decoder = Decoder(model, vocab) if decoder is None else decoder
    logits, state = decoder.prime_all(prompts)
    for t in range(length):
        p = next_distribution(logits, temperature, top_k, top_p)  # (B, V)
        cdf = p.cumsum(-1)
        ids = torch.searchsorted(cdf, uniforms[:, t : t + 1] * cdf[:, -1:], right=True)
        ids = ids.squeeze(1).clamp(max=len(vocab) - 1)
        log_p = torch.log_softmax(logits.double(), -1).gather(1, ids[:, None]).squeeze(1)
        yield Drawn([vocab.characters[i] for i in ids.tolist()], log_p.tolist())
        if t + 1 < length:
            logits = decoder.step(ids, state)


def beam_search(
    model: CharLM, vocab: Vocabulary, prompt: str, length: int, beam_width: int = 5
) -> list[tuple[str, float]]:
    """The likeliest continuations that a beam of ``beam_width`` finds, best first.

    Returns:
        (prompt and continuation, log-probability of the continuation in nats) for every beam.

    Raises:
        ValueError: as :func:`generate`, or a beam width below 1.
    """
    integer("beam_width", beam_width, minimum=1)
    integer("length", length, minimum=0)
    decoder = Decoder(model, vocab)
    logits, state = decoder.prime_all([prompt])
    scores = torch.zeros(1, dtype=torch.float64)
    histories: list[list[int]] = [[]]
    for t in range(length):
        total = scores[:, None] + torch.log_softmax(logits.double(), -1)  # (beams, V)
        best = total.flatten().topk(min(beam_width, total.numel()))
        scores = best.values
        beams, ids = best.indices // len(vocab), best.indices % len(vocab)
        histories = [[*histories[b], i] for b, i in zip(beams.tolist(), ids.tolist(), strict=True)]
        if t + 1 < length:
            state = decoder.select(state, beams)
            logits = decoder.step(ids, state)
    return [
        (prompt + vocab.decode(ids), score)
        for ids, score in zip(histories, scores.tolist(), strict=True)
    ]


class Decoder:
    """The model's step on prepared weights, several times as fast as calling the module.

    Input and recurrent weights of a layer lie side by side, transposed, so that a step is one
    product a layer; the first layer's input product is a row of a table. Dropout does not exist
    here. Weights are copied: a model that trains on needs a new decoder.

    State: for each layer h and c, both ``(tiles x 8, n)``, rows beyond the batch unused.
    """

    @torch.no_grad()
    def __init__(self, model: CharLM, vocab: Vocabulary):
        if model.vocab_size != len(vocab):
            raise ValueError(
                f"the model scores {model.vocab_size} characters, the vocabulary has {len(vocab)}"
            )
        self.model, self.vocab = model, vocab
        self.n = model.core.hidden_size
        self.layers = []
        for layer in range(model.core.num_layers):
            w = model.core.weights(layer)
            order = "ifog"  # the three sigmoids in one piece
            W_x = torch.cat([getattr(w, f"W_{k}x") for k in order])
            W_h = torch.cat([getattr(w, f"W_{k}h") for k in order])
            b = torch.cat([getattr(w, f"b_{k}") for k in order])
            if layer == 0:
                rows = W_x.T if model.embedding is None else model.embedding @ W_x.T
                self.table = rows + b  # (V, 4 n)
                self.layers.append((None, W_h.T.contiguous()))
            else:
                self.layers.append((b, torch.cat([W_x, W_h], 1).T.contiguous()))
        self.W_ph_T, self.b_p = model.W_ph.T.contiguous(), model.b_p.detach()

    def prime(self, prompt: str):
        """The logits after ``prompt`` and the state, from the model's own forward, alone."""
        ids = self.vocab.encode(check_text("prompt", prompt), "the prompt")
        with evaluating(self.model):
            logits, (h, c) = self.model(ids[None])
        return logits[0, -1], h[:, 0], c[:, 0]

    def prime_all(self, prompts: Sequence[str]):
        """Logits ``(B, V)`` and the state of all prompts."""
        if not prompts:
            raise ValueError("there must be at least one prompt")
        primed = {prompt: self.prime(prompt) for prompt in dict.fromkeys(prompts)}
        logits, h, c = (torch.stack(part) for part in zip(*map(primed.get, prompts), strict=True))
        rows = math.ceil(len(prompts) / _TILE) * _TILE
        state = []
        for layer in range(len(self.layers)):
            padded = torch.zeros(2, rows, self.n, dtype=h.dtype)
            padded[0, : len(prompts)], padded[1, : len(prompts)] = h[:, layer], c[:, layer]
            state.append(list(padded))
        return logits, state

    def select(self, state, rows: torch.Tensor):
        """The state whose row r is ``rows[r]`` of ``state``."""
        padded = torch.zeros(math.ceil(len(rows) / _TILE) * _TILE, dtype=torch.int64)
        padded[: len(rows)] = rows
        return [[part[padded] for part in layer] for layer in state]

    @torch.no_grad()
    def step(self, ids: torch.Tensor, state) -> torch.Tensor:
        """Advance ``state`` in place by one character a prompt: logits ``(B, V)``."""
        n, B = self.n, len(ids)
        logits = []
        for start in range(0, B, _TILE):
            tile = slice(start, start + _TILE)
            padded = torch.zeros(_TILE, dtype=torch.int64)
            padded[: min(_TILE, B - start)] = ids[tile]
            x = None
            for (b, W), (h, c) in zip(self.layers, state, strict=True):
                h_t, c_t = h[tile], c[tile]  # views (8, n)
                if x is None:
                    a = torch.addmm(self.table[padded], h_t, W)
                else:
                    a = torch.addmm(b, torch.cat([x, h_t], 1), W)
                a[:, : 3 * n].sigmoid_()
                a[:, 3 * n :].tanh_()
                i, f, o, g = a.split(n, 1)
                torch.mul(f, c_t, out=c_t).addcmul_(i, g)
                torch.mul(o, torch.tanh(c_t), out=h_t)
                x = h_t
            logits.append(torch.addmm(self.b_p, x, self.W_ph_T))
        return torch.cat(logits)[:B]


def _uniforms(prompts: int, length: int, seed) -> torch.Tensor:
    """Uniform numbers in [0, 1): a row a prompt, from the prompt's own seed. ``(B, length)``."""
    if seed is None:
        seeds = torch.randint(2**62, (prompts,)).tolist()
    elif isinstance(seed, Sequence):
        seeds = [integer("seed", s, minimum=0) for s in seed]
        if len(seeds) != prompts:
            raise ValueError(f"{prompts} prompts need one seed or {prompts}, got {len(seeds)}")
    else:
        seeds = [integer("seed", seed, minimum=0)] * prompts
    generators = [torch.Generator().manual_seed(s) for s in seeds]
    rows = [torch.rand(length, generator=g, dtype=torch.float64) for g in generators]
    return torch.stack(rows) if rows else torch.empty(0, length, dtype=torch.float64)
