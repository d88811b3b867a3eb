"""Matrices and messages written out for readers: fractions in place of decimals, names of nodes."""

from fractions import Fraction

import pandas as pd

from helpers.checks import integer
from helpers.graph.graphs import Graph
from helpers.graph.propagation import add_self_loops, normalized_adjacency, reach


def written_out(graph: Graph) -> pd.DataFrame:
    """A_tilde and A_hat, node by node: each entry of A_hat as the fraction that it is.

    Rows are the nodes that hear, columns those that are heard; a dot stands for zero.
    """
    A_tilde = add_self_loops(graph.adjacency())
    degrees = [int(d) for d in A_tilde.sum(1)]
    rows = {}
    for u, name in enumerate(graph.nodes):
        row = {}
        for v, other in enumerate(graph.nodes):
            heard = bool(A_tilde[u, v])
            row[other] = _root(degrees[u] * degrees[v]) if heard else "·"
        rows[name] = row | {"degree": degrees[u], "hears": hears(graph, name)}
    return pd.DataFrame.from_dict(rows, orient="index")


def hears(graph: Graph, node: str) -> str:
    """The nodes that ``node`` hears, itself among them, as text."""
    row = add_self_loops(graph.adjacency())[graph.index(node)]
    return " ".join(other for other, one in zip(graph.nodes, row, strict=True) if one)


def _root(product: int) -> str:
    """1 / sqrt(product) as text, without the root where it is a whole number."""
    root = round(product**0.5)
    return str(Fraction(1, root)) if root * root == product else f"1/√{product}"


def deliveries(graph: Graph, source: str, updates: int) -> pd.DataFrame:
    """A message on its way: who hears it for the first time in which update, from whom, how much.

    The share is what the message weighs there: over every way that it came, the product of the
    entries of A_hat, and the sum of those.

    Raises:
        ValueError: an unknown node, or a negative number of updates.
    """
    integer("updates", updates, minimum=0)
    A_hat = normalized_adjacency(graph).double()
    names, column = graph.nodes, graph.index(source)
    share = (A_hat.new_zeros(len(names))).index_fill(0, A_hat.new_tensor([column]).long(), 1.0)
    rows = []
    for k in range(1, updates + 1):
        before, share = share, A_hat @ share
        for u, name in enumerate(names):
            if share[u] > 0 and before[u] == 0:
                senders = [v for v in range(len(names)) if A_hat[u, v] > 0 and before[v] > 0]
                terms = [f"{A_hat[u, v]:.3f} · {before[v]:.3f}" for v in senders]
                rows.append(
                    {
                        "update": k,
                        "hears it first": name,
                        "from": " and ".join(names[v] for v in senders),
                        "weight · share of the sender": " + ".join(terms),
                        "its share": f"{share[u]:.3f}",
                        "ways": int(reach(graph, source, k)[u]),
                    }
                )
    return pd.DataFrame(rows)
