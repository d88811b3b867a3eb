"""Two tasks that show what attention can and cannot rank: one's own value, and a look-up."""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.checks import integer
from helpers.runtime import seeded


def own_value(n: int, nodes: int = 4, seed: int = 0):
    """Complete graphs whose nodes must each name their own value, +1 or -1.

    All nodes hear the same nodes: they are twins. Features: the value, and a one. Each graph has
    values of both signs.

    Shapes:
        H ``(n, nodes, 2)``, A ``(nodes, nodes)``, targets ``(n, nodes)``
    """
    integer("nodes", nodes, minimum=2)
    g = torch.Generator().manual_seed(seed)
    value = torch.randint(2, (n, nodes), generator=g) * 2.0 - 1
    value[:, 0], value[:, 1] = 1.0, -1.0
    value = value.gather(1, torch.rand(n, nodes, generator=g).argsort(1))
    H = torch.stack([value, torch.ones_like(value)], dim=-1)
    return H, torch.ones(nodes, nodes) - torch.eye(nodes), value


def look_up(n: int, keys: int = 5, seed: int = 0):
    """Brody, Alon and Yahav's look-up (2022, section 4): each query asks for the value of one key.

    The first ``keys`` nodes are keys, with a name and a value; the others are queries, each with
    the name that it looks for. Queries hear all keys.

    Shapes:
        H ``(n, 2 keys, 3 keys)``: name asked for, name, value, each one-hot;
        A ``(2 keys, 2 keys)``, row u lists whom u hears; targets, the values: int64 ``(n, keys)``
    """
    integer("keys", keys, minimum=2)
    g = torch.Generator().manual_seed(seed)
    values = torch.randint(keys, (n, keys), generator=g)
    names = torch.eye(keys).expand(n, keys, keys)
    nothing = torch.zeros(n, keys, keys)
    as_keys = torch.cat([nothing, names, F.one_hot(values, keys).float()], dim=2)
    as_queries = torch.cat([names, nothing, nothing], dim=2)
    A = torch.zeros(2 * keys, 2 * keys)
    A[keys:, :keys] = 1.0
    return torch.cat([as_keys, as_queries], dim=1), A, values


def train_own_value(layer: nn.Module, *, steps: int = 200, seed: int = 0) -> float:
    """Train a layer of 16 features and a read-out of each node; mean squared error on new graphs.

    A constant 0 has an error of 1; :func:`least_error_of_twins` is the least where all nodes of a
    graph get the same answer.
    """
    with seeded(seed):
        read_out = nn.Sequential(nn.ReLU(), nn.Linear(16, 1))
    M = layer.prepare(own_value(1)[1])
    optimizer = torch.optim.Adam([*layer.parameters(), *read_out.parameters()], lr=3e-2)
    for step in range(integer("steps", steps, minimum=0)):
        H, _, y = own_value(64, seed=1000 + step)
        loss = F.mse_loss(read_out(layer(H, M))[..., 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    H, _, y = own_value(1000, seed=999)
    with torch.no_grad():
        return F.mse_loss(read_out(layer(H, M))[..., 0], y).item()


def least_error_of_twins() -> float:
    """The least mean squared error on the test graphs of an answer that is one for a whole graph.

    That is the mean of the values; what is left is their variance, 1 - mean^2.
    """
    values = own_value(1000, seed=999)[2]
    return (1 - values.mean(1).square()).mean().item()


def train_look_up(layer: nn.Module, *, keys: int = 5, steps: int = 400, seed: int = 0):
    """Train a layer of 32 features and a read-out of the queries on :func:`look_up`.

    Returns:
        accuracy on values drawn anew, and the attention of queries (rows) to keys, averaged over
        values and heads: ``(keys, keys)``
    """
    with seeded(seed):
        read_out = nn.Sequential(nn.ReLU(), nn.Linear(32, keys))
    M = layer.prepare(look_up(1, keys)[1])
    optimizer = torch.optim.Adam([*layer.parameters(), *read_out.parameters()], lr=1e-2)
    for step in range(integer("steps", steps, minimum=0)):
        H, _, y = look_up(64, keys, seed=1000 + step)
        logits = read_out(layer(H, M)[:, keys:])
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    H, _, y = look_up(500, keys, seed=999)
    with torch.no_grad():
        right = (read_out(layer(H, M)[:, keys:]).argmax(-1) == y).double().mean().item()
        alpha = layer.attention(H, M).mean((0, 1))[keys:, :keys]
    return right, alpha
