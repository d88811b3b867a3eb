"""How well a character model reads text that it has not seen, in bits per character.

Once through a long text with its state carried on (:func:`evaluate`), by the number of characters
read since the state was zero (:func:`bits_by_position`), by the first character read from a zero
state (:func:`bits_by_beginning`), character by character (:func:`surprise`), and with weights of
eight bits (:func:`cost_of_int8`).
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from helpers.checks import integer
from helpers.recurrent.training import evaluating
from helpers.runtime import generator
from helpers.text.charlm import CharLM
from helpers.text.corpus import Windows
from helpers.text.decoder import Decoder
from helpers.text.measures import nats_to_bits
from helpers.text.vocabulary import Vocabulary


def evaluate(
    model: CharLM, ids: torch.Tensor, *, tracks: int = 32, warm_up: int = 200, length: int = 200
) -> dict:
    """Loss (nats), bits per character and accuracy of ``model`` reading ``ids (N,)`` once.

    The text is read on ``tracks`` parallel tracks with carried state. Each track but the first
    begins ``warm_up`` characters before its part, in text of this same held-out part, so that
    every character but the first is scored once and with a past.

    Args:
        tracks: at most so many; a short text is read on fewer.
        length: characters between two looks at the scores, a matter of memory only.

    Raises:
        ValueError: a text of fewer than two characters, or a number out of range.
    """
    loss, right, n = 0.0, 0, len(ids) - 1
    with evaluating(model):
        for logits, targets, scored in readings(model, ids, tracks, warm_up, length):
            losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
            loss += losses[scored.flatten()].cpu().double().sum().item()
            right += ((logits.argmax(-1) == targets) & scored).sum().item()
    return {"loss": loss / n, "bpc": nats_to_bits(loss / n), "accuracy": right / n}


def readings(
    model: CharLM, ids: torch.Tensor, tracks: int = 32, warm_up: int = 200, length: int = 200
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """What :func:`evaluate` looks at, ``length`` characters of every track at a time.

    Yields:
        logits ``(tracks, L, V)``, the characters that follow ``(tracks, L)``, and which of them are
        scored: over all, every character of ``ids`` but the first one once.

    Raises:
        ValueError: a text of fewer than two characters, or a number out of range.
    """
    integer("tracks", tracks, minimum=1)
    integer("warm_up", warm_up, minimum=1)
    integer("length", length, minimum=1)
    n = len(ids) - 1
    if n < 1:
        raise ValueError(f"evaluation needs a text of at least 2 characters, got {len(ids)}")
    tracks = max(1, min(tracks, n // (4 * warm_up)))
    part = math.ceil(n / tracks)
    begin = torch.arange(tracks) * part
    start = (begin - warm_up).clamp(min=0)
    end = (begin + part).clamp(max=n)
    span = int((end - start).max())
    state, device = None, model.W_ph.device
    for offset in range(0, span, length):
        at = start[:, None] + torch.arange(offset, min(offset + length, span))  # (tracks, L)
        scored = (at >= begin[:, None]) & (at < end[:, None])
        at = at.clamp(max=n - 1)
        logits, state = model(ids[at].to(device), state)
        yield logits, ids[at + 1].to(device), scored.to(device)


def bits_by_position(
    model: CharLM, ids: torch.Tensor, length: int, windows: int = 512, seed: int = 0
) -> list[float]:
    """Mean bits of the character after 1, 2, …, ``length`` characters read from a zero state.

    Over ``windows`` random windows of ``ids (N,)``.

    Raises:
        ValueError: a text shorter than one window, or a number out of range.
    """
    integer("windows", windows, minimum=1)
    size = min(windows, 64)
    total = torch.zeros(length, dtype=torch.float64)
    source = iter(Windows(ids, length, size, generator(seed, "positions")))
    with evaluating(model):
        for done in range(0, windows, size):
            x, y = (part[: windows - done].to(model.W_ph.device) for part in next(source))
            logits, _ = model(x)
            losses = F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none")
            total += losses.view(x.shape).cpu().double().mean(0) * (len(x) / size)
    return nats_to_bits(total / (windows / size)).tolist()


def bits_by_beginning(
    model: CharLM, ids: torch.Tensor, length: int = 60, windows: int = 8
) -> dict[int, float]:
    """Bits a character over ``length`` characters read from a zero state, by the first of them.

    For every index that occurs in ``ids (N,)``: the mean over up to ``windows`` of its places,
    evenly spread. It finds beginnings from which a model does not recover, which an average over
    all places hides, and a long reading with a carried state never meets.

    Raises:
        ValueError: a text shorter than one window, or a number out of range.
    """
    integer("length", length, minimum=1)
    integer("windows", windows, minimum=1)
    if len(ids) < length + 1:
        raise ValueError(f"a window has {length} characters and a target, the text {len(ids)}")
    beginnings, places = ids[:-length], []
    for first in beginnings.unique():
        found = (beginnings == first).nonzero().flatten()
        places.append(found[torch.linspace(0, len(found) - 1, min(windows, len(found))).long()])
    blocks = ids[torch.cat(places)[:, None] + torch.arange(length + 1)]
    loss = []
    with evaluating(model):
        for block in blocks.split(64):
            block = block.to(model.W_ph.device)
            logits, _ = model(block[:, :-1])
            found = F.cross_entropy(logits.transpose(1, 2), block[:, 1:], reduction="none")
            loss.append(found.mean(1).cpu())
    nats = torch.cat(loss).split([len(p) for p in places])
    firsts = [int(beginnings[p[0]]) for p in places]
    return {k: nats_to_bits(b.mean().item()) for k, b in zip(firsts, nats, strict=True)}


def bits_by_first_character(
    model: CharLM, ids: torch.Tensor, vocab: Vocabulary
) -> dict[str, float]:
    """:func:`bits_by_beginning` under the characters themselves."""
    return {vocab.decode([k]): bits for k, bits in bits_by_beginning(model, ids).items()}


def surprise(model: CharLM, vocab: Vocabulary, text: str) -> torch.Tensor:
    """Bits of every character of ``text`` but the first, read from a zero state: ``(N - 1,)``.

    Raises:
        ValueError: a text of fewer than two characters, or characters that the model does not know.
    """
    ids = vocab.encode(text).to(model.W_ph.device)
    if len(ids) < 2:
        raise ValueError(f"a surprise needs a text of at least 2 characters, got {len(ids)}")
    with evaluating(model):
        logits, _ = model(ids[None, :-1])
    return nats_to_bits(F.cross_entropy(logits[0].double(), ids[1:], reduction="none")).cpu()


def cost_of_int8(
    model: CharLM, vocab: Vocabulary, text: str, *, tracks: int = 32, warm_up: int = 50
) -> dict:
    """What the weights of eight bits cost ``model`` on ``text``.

    Two decoders, one with the weights as they are and one with ``quantised=True``, read ``text`` in
    step on ``tracks`` parallel tracks from zero states. The first ``warm_up`` characters of a track
    are not scored.

    Returns:
        "kl": the mean of KL(p || q) in bits a character, p the next character's distribution of the
        model and q of its quantised form; "bpc" and "bpc int8", bits per character of the text
        under either; "characters", how many were scored.

    Raises:
        ValueError: tracks that are not longer than the warm-up, or characters that the model does
            not know.
    """
    integer("tracks", tracks, minimum=1)
    integer("warm_up", warm_up, minimum=1)
    length = len(text) // tracks
    if length < warm_up + 1:
        raise ValueError(
            f"{len(text)} characters on {tracks} tracks are {length} each, "
            f"no more than the warm-up of {warm_up}"
        )
    ids = vocab.encode(text[: tracks * length]).view(tracks, length)
    first = [vocab.characters[k] for k in ids[:, 0].tolist()]
    plain, rounded = (Decoder(model, vocab, quantised=q).begin(first) for q in (False, True))
    kl, bits = 0.0, torch.zeros(2, dtype=torch.float64)
    for t in range(1, length):
        if t >= warm_up:
            log_p, log_q = (
                torch.log_softmax(decoding.logits.cpu().double(), -1)
                for decoding in (plain, rounded)
            )
            kl += (log_p.exp() * (log_p - log_q)).sum().item()
            target = ids[:, t : t + 1]
            bits -= torch.stack([log.gather(1, target).sum() for log in (log_p, log_q)])
        plain.step(ids[:, t])
        rounded.step(ids[:, t])
    scored = tracks * (length - warm_up)
    kl, bpc, quantised = (nats_to_bits(v / scored) for v in (kl, *bits.tolist()))
    return {"kl": kl, "bpc": bpc, "bpc int8": quantised, "characters": scored}
