"""The character model's step on prepared weights, for one text or many at once.

Data flow::

    Decoder(model, vocab)            weights side by side, transposed, the first layer's as a table
    decoder.begin(prompts)           -> Decoding: state after each prompt, logits, buffers
    decoding.step(ids)               the state one character further, new logits, nothing allocated

Everything lies where the model lies.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from functools import cache, partial

import numpy as np
import torch
import torch.nn.functional as F

from helpers.checks import text as check_text
from helpers.recurrent.training import evaluating
from helpers.runtime import numpy_on_one_thread
from helpers.text.charlm import CharLM
from helpers.text.int8 import Engine, find_engine
from helpers.text.vocabulary import Vocabulary

#: The three sigmoids in one piece, then the candidate.
_ORDER = "ifog"
#: What is normalised is kept as a quarter of its size, beside states between -1 and 1, and the
#: weights that read it are four times as large: eight bits have one scale for both. A power of two,
#: so that float32 rounds nothing more.
_SHRUNK = 4.0
#: Characters of prompts that the model reads in one call, a matter of memory only.
_PRIMED_AT_ONCE = 16_384
#: Up to so many characters, one prompt is read faster step by step: a call of the model lays out
#: all weights anew.
_READ_IN_STEPS = 12


class FloatWeights:
    """A weight matrix as the model has it, transposed for products of few rows.

    Args:
        W: ``(rows, columns)``.
        bias: ``(rows,)``, added to every product; without one a product is added to what ``out``
            holds.
    """

    def __init__(self, W: torch.Tensor, bias: torch.Tensor | None):
        self.W_T, self.bias = W.T.contiguous(), bias

    def bind(self, x: torch.Tensor, out: torch.Tensor) -> Callable:
        """A function that reads ``x (B, columns)`` and writes ``x W^T`` into ``out (B, rows)``."""
        return (self._in_numpy if taken_over_by_numpy(x) else self.in_torch)(x, out)

    def in_torch(self, x: torch.Tensor, out: torch.Tensor) -> Callable:
        """:meth:`bind` with torch's product."""
        if self.bias is None:
            return partial(out.addmm_, x, self.W_T)
        return partial(torch.addmm, self.bias, x, self.W_T, out=out)

    def _in_numpy(self, x: torch.Tensor, out: torch.Tensor) -> Callable:
        x, W_T, out = x.numpy(), self.W_T.numpy(), out.numpy()
        if len(x) == 1:
            x, out = x[0], out[0]
        added, product = (
            (out, np.empty_like(out)) if self.bias is None else (self.bias.numpy(), out)
        )

        def multiply():
            np.dot(x, W_T, product)
            np.add(product, added, out)

        return multiply


def numpy_reads(x: torch.Tensor) -> bool:
    """Whether NumPy can compute with ``x`` where it lies: on a CPU, in a type that it has."""
    return x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64)


def taken_over_by_numpy(x: torch.Tensor) -> bool:
    """Leave products of ``x (B, columns)`` to NumPy where it is faster than torch; whether it is.

    Where it is, OpenBLAS keeps to one thread from now on, in all of this process
    (:func:`.runtime.numpy_on_one_thread`): to set that for each product would cost more than one.

    Measured on AMD's Zen 3: of one row it takes two thirds of the time of torch's MKL, of two and
    three it is slower, from four on half, of 512 three quarters (matrices of 512 columns; of 128
    they are equal). With more than one torch thread, several rows are left to torch.
    """
    several = len(x) >= 4 and torch.get_num_threads() == 1
    return numpy_reads(x) and (len(x) == 1 or several) and numpy_on_one_thread()


class Decoder:
    """The weights of a model, prepared for one character after another.

    Input and recurrent weights of a layer lie side by side, so that a step is one product a layer;
    the first layer's input product is a row of a table. What a normalised layer's gain and shift
    do is done by the weights that read it. Dropout does not exist here. Weights are copied: a model
    that trains on needs a new decoder.

    Args:
        quantised: weights of eight bits (:mod:`.int8`), several times as fast for one text, and
            nearly the same probabilities (:func:`.evaluation.cost_of_int8`). Where the machine
            gains nothing from them, float32 is used and a warning says so once.

    Raises:
        ValueError: model and vocabulary do not fit, or the model has residual layers.
    """

    @torch.no_grad()
    def __init__(self, model: CharLM, vocab: Vocabulary, *, quantised: bool = False):
        if model.vocab_size != len(vocab):
            raise ValueError(
                f"the model scores {model.vocab_size} characters, the vocabulary has {len(vocab)}"
            )
        if getattr(model, "residual", False):
            raise ValueError("residual layers can be trained, but not decoded step by step")
        self.model, self.vocab, self.quantised = model, vocab, bool(quantised)
        self.norms = model.norms
        self.n, self.num_layers = model.core.hidden_size, model.core.num_layers
        self.device, self.dtype = model.W_ph.device, model.W_ph.dtype
        self._matrices = []  # (W, bias) of the layers and of the read-out
        for layer in range(self.num_layers):
            w = model.core.weights(layer)
            W_x = torch.cat([getattr(w, f"W_{k}x") for k in _ORDER])
            W_h = torch.cat([getattr(w, f"W_{k}h") for k in _ORDER])
            b = torch.cat([getattr(w, f"b_{k}") for k in _ORDER])
            if layer == 0:
                rows = W_x.T if model.embedding is None else model.embedding @ W_x.T
                self.table = rows + b  # (V, 4 n)
                self._matrices.append((W_h, None))
            else:
                W_x, b = self._reading(layer - 1, W_x, b)
                self._matrices.append((torch.cat([W_x, W_h], 1), b))
        W, b = self._reading(self.num_layers - 1, model.W_ph, model.b_p)
        self._matrices.append((W.detach().clone(), b.detach().clone()))
        self._prepared = {}

    def _reading(self, layer: int, W: torch.Tensor, b: torch.Tensor):
        """``W`` and ``b`` as they read ``layer``, if that is normalised without gain and shift."""
        if self.norms is None:
            return W, b
        norm = self.norms[layer]
        # W (gain * N + shift) + b
        return W * (_SHRUNK * norm.weight), b + W @ norm.bias

    def in_numpy(self, B: int) -> bool:
        """Whether all but the products of a step of ``B`` rows is NumPy's: of one row, on a CPU.

        A step reads every weight once, which drives all else out of the caches: NumPy has less to
        load again than torch, call by call.
        """
        return B == 1 and numpy_reads(self.table)

    def weights(self, B: int) -> list[FloatWeights | Engine]:
        """Of the layers and of the read-out, for steps of ``B`` rows."""
        engine = None
        if self.quantised:
            if self.device.type == "cpu" and self.dtype == torch.float32:
                engine = find_engine(self.n, B)
            if engine is None:
                _say_not_quantised(f"{B} texts at once" if B > 1 else "one text", self.device.type)
        kind = engine or FloatWeights
        if kind not in self._prepared:
            self._prepared[kind] = [kind(W, bias) for W, bias in self._matrices]
        return self._prepared[kind]

    def in_eight_bits(self, B: int) -> bool:
        """Whether steps of ``B`` rows run on weights of eight bits."""
        return not isinstance(self.weights(B)[0], FloatWeights)

    def prime(self, prompt: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits ``(V,)`` after ``prompt`` and the state h, c ``(layers, n)``."""
        logits, h, c = self._prime([prompt])
        return logits[0], h[:, 0], c[:, 0]

    def _prime(self, prompts: Sequence[str]):
        """Logits ``(B, V)`` and state ``(layers, B, n)`` twice; equal prompts are read once."""
        prompts = [check_text("prompt", prompt) for prompt in prompts]
        ids = {prompt: self.vocab.encode(prompt, "the prompt") for prompt in prompts}
        (first, *others) = ids.values()
        if not others and len(first) <= _READ_IN_STEPS:
            B, (logits, h, c) = len(prompts), self._read(first)
            return logits.expand(B, -1), h.expand(-1, B, -1), c.expand(-1, B, -1)
        places, parts = {}, []
        for length in sorted({len(prompt) for prompt in ids}):
            equal = [prompt for prompt in ids if len(prompt) == length]
            places |= {prompt: len(places) + k for k, prompt in enumerate(equal)}
            block = torch.stack([ids[prompt] for prompt in equal]).to(self.device)
            for rows in block.split(max(1, _PRIMED_AT_ONCE // length)):
                with evaluating(self.model):
                    logits, (h, c) = self.model(rows)
                parts.append((logits[:, -1], h, c))
        order = torch.tensor([places[prompt] for prompt in prompts], device=self.device)
        logits, h, c = zip(*parts, strict=True)
        return torch.cat(logits)[order], torch.cat(h, 1)[:, order], torch.cat(c, 1)[:, order]

    def _read(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits ``(1, V)`` and state ``(layers, 1, n)`` of one text, read in steps."""
        h = torch.zeros(self.num_layers, 1, self.n, dtype=self.dtype, device=self.device)
        logits = torch.empty(1, len(self.vocab), dtype=self.dtype, device=self.device)
        decoding = Decoding(self, logits, h, h)
        for k in ids:
            decoding.step(k[None])
        return decoding.logits.clone(), decoding.h.clone(), decoding.c.clone()

    def begin(self, prompts: Sequence[str]) -> "Decoding":
        """The texts that ``prompts`` begin.

        Raises:
            ValueError: no prompt, an empty one, or a character outside the vocabulary.
        """
        if not prompts:
            raise ValueError("there must be at least one prompt")
        return Decoding(self, *self._prime(prompts))


class Decoding:
    """Texts in the making: their state, the logits of their next character, buffers for a step.

    The layers' hidden states lie side by side, ``(B, layers n)``, so that what a layer reads, the
    state below it and its own, is one piece. Behind the state of a normalised layer lies what
    becomes of it, ``(B, layers 2 n)``.

    Attributes:
        h, c: ``(layers, B, n)``.
        logits: ``(B, V)`` of the next character; every step overwrites them.
        products: the matrix products of a step, as functions without arguments: what a step cannot
            do without.
    """

    @torch.inference_mode()
    def __init__(self, decoder: Decoder, logits, h, c):
        self.decoder = decoder
        L, B, n = h.shape
        self.logits, self.c = logits.clone(), c.contiguous().clone()
        width = 1 if decoder.norms is None else 2
        self._columns = torch.zeros(B, L * width, n, dtype=h.dtype, device=h.device)
        self.h = self._columns[:, ::width].transpose(0, 1)
        self.h.copy_(h)
        columns = self._columns.flatten(1)
        self._ids = torch.zeros(B, dtype=torch.int64, device=h.device)
        a = torch.empty(B, 4 * n, dtype=h.dtype, device=h.device)
        tanh_c = torch.empty(B, n, dtype=h.dtype, device=h.device)
        *layers, read_out = decoder.weights(B)
        self._in_numpy = decoder.in_numpy(B)
        self._products, states, self._norms = [], [], []
        for layer, weights in enumerate(layers):
            own = layer * width
            reads = columns[:, max(0, own - 1) * n : (own + 1) * n]
            self._products.append(weights.bind(reads, a))
            states.append((self.c[layer], columns[:, own * n : (own + 1) * n]))
            self._norms.append(_nothing)
            if decoder.norms is not None:
                kind = _NormOfOne if self._in_numpy else _Norm
                put_out = columns[:, (own + 1) * n : (own + 2) * n]
                self._norms[-1] = kind(states[-1][1], put_out, decoder.norms[layer].eps)
        self._read_out = read_out.bind(columns[:, (L * width - 1) * n :], self.logits)
        self.products = [*self._products, self._read_out]
        # Views made once: a view costs as much as a small product.
        self._gates = a, a[:, : 3 * n], *a.split(n, 1), tanh_c
        self._states = states
        if self._in_numpy:
            self._gates = tuple(view[0].numpy() for view in self._gates)
            self._states = [(c[0].numpy(), h[0].numpy()) for c, h in states]
            self._table = list(decoder.table.numpy())

    def __len__(self) -> int:
        return len(self._columns)

    def step(self, ids: torch.Tensor) -> torch.Tensor:
        """One character further, ``ids (B,)``, on any device: the logits ``(B, V)`` after it."""
        if self._in_numpy:
            self._step_of_one(ids.item())
        else:
            self._step(ids)
        return self.logits

    @torch.inference_mode()
    def _step(self, ids: torch.Tensor) -> None:
        if ids.device != self._ids.device:
            ids = self._ids.copy_(ids)
        a, sigmoids, i, f, o, g, tanh_c = self._gates
        # The input product and the bias of the first layer; its recurrent product is added.
        torch.index_select(self.decoder.table, 0, ids, out=a)
        for product, (c, h), norm in zip(self._products, self._states, self._norms, strict=True):
            product()
            sigmoids.sigmoid_()
            g.tanh_()
            # c_t = g_t * i_t + c_{t-1} * f_t
            c.mul_(f).addcmul_(i, g)
            # h_t = tanh(c_t) * o_t
            torch.tanh(c, out=tanh_c)
            torch.mul(tanh_c, o, out=h)
            norm()
        self._read_out()

    @torch.inference_mode()
    def _step_of_one(self, k: int) -> None:
        """:meth:`_step` in NumPy but for the products; it has no sigmoid: (1 + tanh(a / 2)) / 2."""
        a, sigmoids, i, f, o, g, tanh_c = self._gates
        np.copyto(a, self._table[k])
        for product, (c, h), norm in zip(self._products, self._states, self._norms, strict=True):
            product()
            np.multiply(sigmoids, 0.5, sigmoids)
            np.tanh(a, a)
            np.multiply(sigmoids, 0.5, sigmoids)
            np.add(sigmoids, 0.5, sigmoids)
            np.multiply(c, f, c)
            np.multiply(g, i, g)
            np.add(c, g, c)
            np.tanh(c, tanh_c)
            np.multiply(tanh_c, o, h)
            norm()
        self._read_out()

    @torch.inference_mode()
    def select(self, rows: torch.Tensor) -> "Decoding":
        """The texts ``rows (K,)``, in this order, a text as often as its row is named.

        In place, if there are as many as before.
        """
        rows = rows.to(self.h.device)
        if len(rows) != len(self):
            return Decoding(self.decoder, self.logits[rows], self.h[:, rows], self.c[:, rows])
        for buffer, chosen in (
            (self.h, self.h[:, rows]),
            (self.c, self.c[:, rows]),
            (self.logits, self.logits[rows]),
        ):
            buffer.copy_(chosen)
        return self


def _nothing() -> None:
    """What is done to a layer's state before it is put out, of a layer that is not normalised."""


class _Norm:
    """A function that reads a state ``h (B, n)`` and writes (h - mean) / deviation, shrunk."""

    def __init__(self, h: torch.Tensor, out: torch.Tensor, eps: float):
        self.h, self.out, self.eps = h, out, eps

    def __call__(self) -> None:
        torch.mul(F.layer_norm(self.h, self.h.shape[1:], eps=self.eps), 1 / _SHRUNK, out=self.out)


class _NormOfOne:
    """:class:`_Norm` of one row, in NumPy."""

    def __init__(self, h: torch.Tensor, out: torch.Tensor, eps: float):
        self.h, self.out, self.eps = h[0].numpy(), out[0].numpy(), eps
        self.share = np.full_like(self.h, 1 / len(self.h))

    def __call__(self) -> None:
        h, out = self.h, self.out
        np.subtract(h, h.dot(self.share), out)
        variance = out.dot(out) / len(out)
        np.multiply(out, 1 / (_SHRUNK * math.sqrt(variance + self.eps)), out)


@cache
def _say_not_quantised(what: str, device: str) -> None:
    warnings.warn(
        f"Eight-bit weights are not faster for {what} on this machine ({device}); float32 is used.",
        stacklevel=5,
    )
