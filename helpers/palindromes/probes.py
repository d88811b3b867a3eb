"""Looking into a trained LSTM: traces of gates and cell, and where the first digit is kept."""

from collections.abc import Sequence

import torch

from helpers.palindromes.tasks import palindromes
from helpers.recurrent.cell_memory import contributions
from helpers.recurrent.classifier import SequenceClassifier

TRACES = ("g", "i", "f", "o", "c", "h", "answer")


@torch.no_grad()
def traces(
    model: SequenceClassifier, digits: torch.Tensor, encoding: str, keep: Sequence[str] = TRACES
) -> dict[str, torch.Tensor]:
    """Gates, cell and hidden state of a one-layer LSTM at every step, and what it would answer.

    Args:
        digits: fed in, ``(B, T)``.
        keep: what is wanted; many palindromes take much memory.

    Returns:
        "g", "i", "f", "o", "c", "h": ``(B, T, n)``; "answer": the read-out's probabilities if it
        were asked after each step, ``(B, T, 10)``.
    """
    core = model.core
    W_x, W_h, bias = core.stacked()
    read = palindromes.encode(digits, encoding) @ W_x.T + bias  # (B, T, 4 n)
    h = c = read.new_zeros(len(digits), core.hidden_size)
    states = [name for name in TRACES[:-1] if name in keep or (name == "h" and "answer" in keep)]
    found = {name: read.new_empty(*digits.shape, core.hidden_size) for name in states}
    for t, read_t in enumerate(read.unbind(1)):
        a = dict(zip(core.gates, (read_t + h @ W_h.T).chunk(4, dim=1), strict=True))
        step = {k: torch.tanh(a[k]) if k == "g" else torch.sigmoid(a[k]) for k in "gifo"}
        c = step["g"] * step["i"] + c * step["f"]
        h = torch.tanh(c) * step["o"]
        now = {**step, "c": c, "h": h}
        for name in found:
            found[name][:, t] = now[name]
    if "answer" in keep:
        found["answer"] = torch.softmax(found["h"] @ model.W_ph.T + model.b_p, dim=-1)
    return {name: found[name] for name in keep}


def explained_by_first_digit(values: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
    """Share of each unit's variance that lies between the classes of the first digit (eta squared).

    Shapes:
        values ``(B, n)``, first ``(B,)`` -> ``(n,)`` between 0 and 1
    """
    mean = values.mean(0)
    total = (values - mean).square().sum(0)
    between = torch.zeros_like(total)
    for digit in first.unique():
        group = values[first == digit]
        between += len(group) * (group.mean(0) - mean).square()
    return torch.where(total > 0, between / total.clamp(min=1e-12), torch.zeros_like(total))


def writes(
    model: SequenceClassifier, T: int, encoding: str, n: int = 200
) -> tuple[torch.Tensor, torch.Tensor]:
    """What each step's write i_t g_t has left in the last cell state, and what it is about.

    Returns:
        the share of each step in the sum of absolute contributions to c_T
        (:func:`.cell_memory.contributions`), and the share of the variance of the step's write that
        the first digit explains; both are means over units and ``n`` held-out palindromes.

    Shapes:
        two times ``(T,)``
    """
    digits = palindromes.held_out_set(T, n)
    found = traces(model, digits[:, :-1], encoding, "gif")
    g, i, f = (found[gate].transpose(0, 1).flatten(1) for gate in "gif")  # (T, B n)
    left = contributions(g, i, f).abs()
    by_step = (found["g"] * found["i"]).unbind(1)
    explained = [explained_by_first_digit(write, digits[:, 0]).mean() for write in by_step]
    return (left / left.sum(0)).mean(1), torch.stack(explained)


def fit_probe(X: torch.Tensor, Y: torch.Tensor, ridge: float) -> torch.Tensor:
    """The matrix M that makes ||X M - Y||^2 + ridge N ||M||^2 smallest, N the rows of X.

    Where the gradient X^T (X M - Y) + ridge N M is zero: M = (X^T X + ridge N I)^-1 X^T Y.

    Shapes:
        X ``(N, m)``, Y ``(N, K)`` -> ``(m, K)``
    """
    gram = X.T @ X + ridge * len(X) * torch.eye(X.shape[1], dtype=X.dtype)
    return torch.linalg.solve(gram, X.T @ Y)


def linear_probe(
    values: torch.Tensor, labels: torch.Tensor, *, train: int, ridge: float = 1e-3
) -> float:
    """Accuracy of a linear read-out of ``labels`` from ``values`` (Alain and Bengio 2016).

    Ridge regression onto one-hot labels (:func:`fit_probe`), fitted on the first ``train`` rows,
    tested on the others.

    Shapes:
        values ``(B, n)``, labels ``(B,)``

    Raises:
        ValueError: no rows are left for testing.
    """
    if not 0 < train < len(values):
        raise ValueError(f"train must be between 1 and {len(values) - 1}, got {train}")
    mean, scale = values[:train].mean(0), values[:train].std(0).clamp(min=1e-6)
    X = torch.cat([(values - mean) / scale, values.new_ones(len(values), 1)], dim=1).double()
    Y = torch.nn.functional.one_hot(labels, palindromes.DIGITS).double()
    M = fit_probe(X[:train], Y[:train], ridge)
    return ((X[train:] @ M).argmax(1) == labels[train:]).double().mean().item()


def probe_over_time(
    model: SequenceClassifier, T: int, encoding: str, n: int = 4000
) -> dict[str, list[float]]:
    """Accuracy of :func:`linear_probe` for the first digit at each step, from c_t and from h_t."""
    digits = palindromes.held_out_set(T, n)
    found = traces(model, digits[:, :-1], encoding, ("c", "h"))
    train = len(digits) * 3 // 4
    return {
        state: [linear_probe(found[state][:, t], digits[:, 0], train=train) for t in range(T)]
        for state in ("c", "h")
    }


def listening(model: SequenceClassifier, T: int, encoding: str, n: int = 32) -> torch.Tensor:
    """How much the score of the right digit depends on each digit read, if asked after each step.

    The score is the right digit's logit, less the mean of all logits. Entry (s, t) is the norm of
    its derivative after step s + 1 with respect to x_{t+1}, as a share of its row, mean over ``n``
    held-out palindromes; 0 for digits not yet read.

    Shapes:
        ``(T, T)``
    """
    digits = palindromes.held_out_set(T, n)
    rows = []
    for s in range(1, T + 1):
        x = palindromes.encode(digits[:, :s], encoding).requires_grad_(True)
        logits = model(x)
        score = logits.gather(1, digits[:, :1]).sum() - logits.mean(1).sum()
        (gradient,) = torch.autograd.grad(score, x)
        norms = gradient.norm(dim=2)  # (n, s)
        shares = (norms / norms.sum(1, keepdim=True)).mean(0)
        rows.append(torch.nn.functional.pad(shares, (0, T - s)))
    return torch.stack(rows)


def memory_units(model: SequenceClassifier, T: int, encoding: str, n: int = 2000) -> torch.Tensor:
    """The cell's units, those first whose last state tells most of the first digit: ``(n,)``."""
    digits = palindromes.held_out_set(T, n)
    c_T = traces(model, digits[:, :-1], encoding, "c")["c"][:, -1]
    return explained_by_first_digit(c_T, digits[:, 0]).argsort(descending=True, stable=True)
