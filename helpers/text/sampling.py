"""From scores to text: one decoder for temperature, top-k, top-p, greedy and beam search.

Temperature divides the logits, softmax(z / temperature): 0 is greedy, below 1 sharpens, above 1
flattens. Top-k keeps the k likeliest characters; top-p (Holtzman et al. 2020) the smallest set of
likeliest characters whose probabilities reach p; both then renormalise.

Data flow::

    prompts -> Decoder.begin                 -> Decoding: state and logits of every text
    logits -> Draw, one uniform number each  -> the next ids
    ids -> Decoding.step                     -> new state and logits

Equal model, settings, seed and batch give equal text. A prompt's uniform numbers come from its own
seed; beside other prompts its logits are rounded differently, and now and then that tells.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from helpers.checks import AnyTensor, integer, number
from helpers.text.charlm import CharLM
from helpers.text.decoder import Decoder
from helpers.text.vocabulary import Vocabulary


def next_distribution(
    logits: AnyTensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> torch.Tensor:
    """Probabilities of the next character, float64.

    Shapes:
        logits ``(..., V)`` -> ``(..., V)``

    Raises:
        ValueError: a temperature that is negative, NaN or infinite; a top_k below 1; a top_p
            outside (0, 1]; logits that are NaN, or of which none is finite.
    """
    check_sampling(temperature, top_k, top_p)
    check_logits(logits)
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


def check_logits(logits: AnyTensor) -> None:
    """Refuse logits of which no character could be drawn.

    Raises:
        ValueError: no character, NaN, or none that is finite; minus infinity rules one out.
    """
    if not logits.dim() or not logits.shape[-1]:
        raise ValueError(f"logits must have shape (..., V), got {tuple(logits.shape)}")
    if not logits.amax(-1).isfinite().all():  # NaN where one of them is
        raise ValueError("logits must not be NaN, and the highest of each must be finite")


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
    *,
    quantised: bool = False,
) -> str:
    """``prompt`` continued by ``length`` characters.

    Args:
        seed: equal seeds give equal texts; ``None`` draws a fresh one.
        quantised: weights of eight bits, faster and nearly the same model: see :class:`.Decoder`.

    Raises:
        ValueError: an empty prompt, characters outside the vocabulary, a setting out of range.
    """
    settings = (temperature, top_k, top_p, seed)
    return prompt + "".join(stream(model, vocab, prompt, length, *settings, quantised=quantised))


def generate_batch(
    model: CharLM,
    vocab: Vocabulary,
    prompts: Sequence[str],
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | Sequence[int] | None = None,
    *,
    quantised: bool = False,
) -> list[str]:
    """Each of ``prompts`` continued by ``length`` characters, all at once.

    Args:
        seed: one for all, or one a prompt. Under one seed all prompts draw by the same numbers.
        quantised: as for :func:`generate`.
    """
    prompts = list(prompts)
    integer("length", length, minimum=0)
    draw = Draw(len(prompts), len(vocab), temperature, top_k, top_p)
    uniforms = _uniforms(len(prompts), length, seed)
    decoder = Decoder(model, vocab, quantised=quantised)
    steps = list(_steps(decoder, prompts, length, draw, uniforms))  # (length, B)
    return ["".join([p, *(step[k] for step in steps)]) for k, p in enumerate(prompts)]


def stream(
    model: CharLM,
    vocab: Vocabulary,
    prompt: str,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    *,
    quantised: bool = False,
    decoder: Decoder | None = None,
) -> Iterator[str]:
    """The characters of the continuation, each as soon as it is drawn.

    Args:
        quantised: as for :func:`generate`.
        decoder: as of :func:`draw_characters`; it knows itself whether it is quantised.
    """
    integer("length", length, minimum=0)
    draw = Draw(1, len(vocab), temperature, top_k, top_p)
    uniforms = _uniforms(1, length, seed)
    decoder = decoder or Decoder(model, vocab, quantised=quantised)
    for (character,) in _steps(decoder, [prompt], length, draw, uniforms):
        yield character


class Drawn(NamedTuple):
    """What one step of the decoder drew for every prompt.

    Attributes:
        characters: the drawn characters, one a prompt.
        log_probabilities: of each under the model itself, at temperature 1, in nats.
        logits: what each was drawn from, less their maximum: float64 (B, V).
    """

    characters: list[str]
    log_probabilities: list[float]
    logits: torch.Tensor


class Draw:
    """Draws a character for every text by inverting the cumulated probabilities.

    :func:`next_distribution` in buffers made once, always on the processor: for less than a
    hundred numbers NumPy's calls cost a third of torch's.

    Args:
        B: texts.
        V: characters.

    Attributes:
        ids: what was drawn last, int64 ``(B,)``.
    """

    def __init__(
        self,
        B: int,
        V: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ):
        check_sampling(temperature, top_k, top_p)
        # Below 1e-250 a difference of logits overflows, and the greedy choice is long reached.
        self.temperature = max(temperature, 1e-250) if temperature else 0.0
        self.top_k, self.top_p = top_k, top_p
        self._z, self._p, self._cdf = (np.empty((B, V)) for _ in range(3))
        self._highest, self._total = np.empty((B, 1)), np.empty((B, 1))
        self._below, self._last = np.empty((B, V), bool), V - 1
        self._ids, self._rows = np.zeros(B, np.int64), np.arange(B)
        self.ids = torch.from_numpy(self._ids)

    def __call__(self, logits: torch.Tensor, uniforms: np.ndarray) -> None:
        """Draw from ``logits (B, V)`` with ``uniforms (B,)`` in [0, 1)."""
        scores = logits.cpu().numpy()  # on a CPU a view
        if len(scores) == 1:
            self._ids[0] = self._draw_one(scores[0], uniforms[0])
            return
        # z - max z: every exponential is at most 1
        np.max(scores, axis=1, keepdims=True, out=self._highest)
        np.subtract(scores, self._highest, out=self._z)
        if self.temperature == 0:
            np.argmax(self._z, axis=1, out=self._ids)
            return
        p = np.divide(self._z, self.temperature, out=self._p)
        np.exp(p, out=p)
        if self.top_k is not None or self.top_p is not None:
            self._truncate(p)
        # The smallest id whose cumulated probability is above the uniform number.
        cdf = np.cumsum(p, axis=1, out=self._cdf)
        np.multiply(cdf[:, -1], uniforms, out=self._total[:, 0])
        np.less_equal(cdf, self._total, out=self._below)
        np.sum(self._below, axis=1, out=self._ids)
        np.minimum(self._ids, self._last, out=self._ids)

    def _draw_one(self, scores: np.ndarray, uniform: float) -> int:
        """The same for one text, in half the time."""
        z, p = self._z[0], self._p[0]
        z[:] = scores
        np.subtract(z, z.max(), z)
        if self.temperature == 0:
            return z.argmax()
        np.divide(z, self.temperature, p)
        np.exp(p, p)
        if self.top_k is not None or self.top_p is not None:
            self._truncate(self._p)
        cdf = p.cumsum(out=self._cdf[0])
        return min(cdf.searchsorted(cdf[-1] * uniform, "right"), self._last)

    def _truncate(self, p: np.ndarray) -> None:
        """Set to zero what top-k and top-p leave out of ``p``, which need not sum to 1."""
        order = np.argsort(-p, axis=1, kind="stable")
        ranked = np.take_along_axis(p, order, 1)
        dropped = np.zeros(p.shape, bool)
        if self.top_k is not None:
            dropped[:, self.top_k :] = True
        if self.top_p is not None:
            # A character stays if those before it do not yet reach p.
            total = ranked.sum(1, keepdims=True)
            dropped |= np.cumsum(ranked, axis=1) - ranked >= self.top_p * total
        ranked[dropped] = 0
        np.put_along_axis(p, order, ranked, 1)

    def logits(self) -> torch.Tensor:
        """What was drawn from last, less the maximum; a copy."""
        return torch.from_numpy(self._z.copy())

    def log_probabilities(self) -> list[float]:
        """Of the drawn characters at temperature 1 without truncation, in nats."""
        np.exp(self._z, out=self._p)
        np.sum(self._p, axis=1, keepdims=True, out=self._total)
        np.log(self._total, out=self._total)
        return (self._z[self._rows, self._ids] - self._total[:, 0]).tolist()


class Draws:
    """Several draws with settings of their own, side by side over the rows of one batch.

    Attributes:
        ids: as of :class:`Draw`.
        parts: each draw and its rows.
    """

    def __init__(self, draws: Sequence[Draw]):
        self.parts, start = [], 0
        for draw in draws:
            self.parts.append((draw, slice(start, start + len(draw.ids))))
            start += len(draw.ids)
        self.ids = torch.zeros(start, dtype=torch.int64)

    def __call__(self, logits: torch.Tensor, uniforms: np.ndarray) -> None:
        """As of :class:`Draw`."""
        logits = logits.cpu()
        for draw, rows in self.parts:
            draw(logits[rows], uniforms[rows])
            self.ids[rows] = draw.ids


def draw_characters(
    model: CharLM,
    vocab: Vocabulary,
    prompts: Sequence[str],
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | Sequence[int] | None = None,
    decoder: Decoder | None = None,
) -> Iterator[Drawn]:
    """The decoder behind all of the above: one :class:`Drawn` a character.

    Args:
        decoder: one made before of the same model, which saves preparing its weights again.
    """
    settings = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    for (drawn,) in draw_in_ways(model, vocab, prompts, length, [settings], seed, decoder):
        yield drawn


def draw_in_ways(
    model: CharLM,
    vocab: Vocabulary,
    prompts: Sequence[str],
    length: int,
    ways: Sequence[dict],
    seed: int | Sequence[int] | None = None,
    decoder: Decoder | None = None,
) -> Iterator[list[Drawn]]:
    """The same prompts continued in several ways, all in one batch: a :class:`Drawn` a way.

    Args:
        ways: of each its temperature, top_k and top_p, as far as they differ from the defaults.
        seed: as of :func:`generate_batch`; every way draws by the same numbers.
        decoder: as of :func:`draw_characters`.
    """
    integer("length", length, minimum=0)
    draws = Draws([Draw(len(prompts), len(vocab), **way) for way in ways])
    uniforms = np.tile(_uniforms(len(prompts), length, seed), len(ways))
    decoder, prompts = decoder or Decoder(model, vocab), [*prompts] * len(ways)
    for characters in _steps(decoder, prompts, length, draws, uniforms):
        yield [
            Drawn(characters[rows], draw.log_probabilities(), draw.logits())
            for draw, rows in draws.parts
        ]


def _steps(decoder, prompts, length, draw, uniforms) -> Iterator[list[str]]:
    """The characters that ``draw`` draws for all prompts, step by step."""
    decoding, characters = decoder.begin(prompts), decoder.vocab.characters
    for t in range(length):
        if t:
            decoding.step(draw.ids)
        draw(decoding.logits, uniforms[t])
        yield [characters[i] for i in draw.ids.tolist()]


def beam_search(
    model: CharLM,
    vocab: Vocabulary,
    prompt: str,
    length: int,
    beam_width: int = 5,
    *,
    quantised: bool = False,
) -> list[tuple[str, float]]:
    """The likeliest continuations that a beam of ``beam_width`` finds, best first.

    All beams take a step together; the state of those that go on is gathered by index, and each
    keeps only the row that it came from.

    Returns:
        (prompt and continuation, log-probability of the continuation in nats) for every beam.

    Raises:
        ValueError: as :func:`generate`, or a beam width below 1.
    """
    integer("beam_width", beam_width, minimum=1)
    integer("length", length, minimum=0)
    decoding = Decoder(model, vocab, quantised=quantised).begin([prompt])
    scores = torch.zeros(1, dtype=torch.float64)
    grown: list[tuple[list[int], list[int]]] = []  # a step: the beams gone on from, characters
    for t in range(length):
        log_p = torch.log_softmax(decoding.logits.cpu().double(), -1)
        total = scores[:, None] + log_p  # (beams, V)
        scores, best = total.flatten().topk(min(beam_width, total.numel()))
        beams, ids = best // len(vocab), best % len(vocab)
        grown.append((beams.tolist(), ids.tolist()))
        if t + 1 < length:
            decoding = decoding.select(beams)
            decoding.step(ids)
    found = []
    for row, score in enumerate(scores.tolist()):
        continuation = []
        for beams, ids in reversed(grown):
            continuation.append(ids[row])
            row = beams[row]
        found.append((prompt + vocab.decode(reversed(continuation)), score))
    return found


def _uniforms(prompts: int, length: int, seed) -> np.ndarray:
    """Uniform numbers in [0, 1): a column a prompt, from its own seed, float64 ``(length, B)``."""
    if seed is None:
        seeds = torch.randint(2**62, (prompts,)).tolist()
    elif isinstance(seed, Sequence):
        seeds = [integer("seed", s, minimum=0) for s in seed]
        if len(seeds) != prompts:
            raise ValueError(f"{prompts} prompts need one seed or {prompts}, got {len(seeds)}")
    else:
        seeds = [integer("seed", seed, minimum=0)] * prompts
    uniforms = np.empty((length, prompts))
    for column, s in enumerate(seeds):
        draw = torch.Generator().manual_seed(s)
        uniforms[:, column] = torch.rand(length, generator=draw, dtype=torch.float64).numpy()
    return uniforms
