"""Rows of ``make bench`` for the graph wing: a GCN layer on a large graph, and how it grows."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from helpers.graph.layers import GCNLayer
from helpers.graph.sparse import random_edge_index, sparse_normalized_adjacency
from helpers.timing import Row, side_by_side

NODES, EDGES, FEATURES = 100_000, 1_000_000, 64
#: Directed edges of the growth rows; a tenth as many nodes.
GROWTH = (10_000, 100_000, 1_000_000, 10_000_000)


def rows(nodes: int = NODES, edges: int = EDGES, growth=GROWTH, repeats: int = 5) -> Iterator[Row]:
    """One layer, forward and backward, against PyG's ``GCNConv`` with copied weights."""
    yield from against_pyg(nodes, edges, repeats)
    yield from growing(growth)


def against_pyg(nodes: int, edges: int, repeats: int) -> Iterator[Row]:
    """Ours against an edge index with cached normalisation, and against a CSR adjacency."""
    from torch_geometric.nn import GCNConv

    edge_index = random_edge_index(nodes, edges)
    A_hat = sparse_normalized_adjacency(edge_index, nodes)
    g = torch.Generator().manual_seed(0)
    X = torch.randn(nodes, FEATURES, generator=g, requires_grad=True)
    weight = torch.randn(nodes, FEATURES, generator=g)  # of the sum that is differentiated
    layer = GCNLayer(FEATURES, FEATURES)
    peer = GCNConv(FEATURES, FEATURES, cached=True)
    ready = GCNConv(FEATURES, FEATURES, normalize=False)  # A_hat is given, as compressed rows
    with torch.no_grad():
        for other in (peer, ready):
            other.lin.weight.copy_(layer.W.T)
            other.bias.copy_(layer.b)

    def step(call, *arguments):
        X.grad = None
        out = call(X, *arguments)
        (out * weight).sum().backward()
        return out, X.grad

    largest = 0.0
    for ours, theirs in zip(step(layer, A_hat), step(peer, edge_index), strict=True):
        largest = max(largest, ((ours - theirs).norm() / theirs.norm()).item())
    seconds = side_by_side(
        lambda: step(layer, A_hat),
        lambda: step(peer, edge_index),
        lambda: step(ready, A_hat.A),
        repeats=repeats,
    )
    size = f"{nodes:,} nodes, {edge_index.shape[1]:,} directed edges"
    equal = f"relative difference {largest:.0e}"
    yield Row(f"GCN layer, {size}, against GCNConv(cached)", *seconds[:2], aim="4", note=equal)
    yield Row(f"GCN layer, {size}, against GCNConv on CSR", seconds[0], seconds[2], aim="1")


def growing(sizes) -> Iterator[Row]:
    """Seconds and peak memory of one layer's step at growing sizes, each in a fresh process."""
    for edges in sizes:
        code = f"from helpers.graph.bench import grow; grow({edges})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        seconds, mebibytes = map(float, done.stdout.split())
        yield Row(
            f"GCN layer, {edges:,} directed edges, {edges // 10:,} nodes",
            seconds,
            note=f"{mebibytes:,.0f} MiB at most beyond the imports",
        )


def grow(edges: int) -> None:
    """Print median seconds of a step and the growth of this process's peak memory in MiB."""
    nodes = max(1, edges // 10)
    before = peak_mebibytes()
    A_hat = sparse_normalized_adjacency(random_edge_index(nodes, edges), nodes)
    X = torch.randn(nodes, FEATURES, requires_grad=True)
    layer = GCNLayer(FEATURES, FEATURES)
    (seconds,) = side_by_side(lambda: layer(X, A_hat).square().sum().backward(), repeats=3)
    print(seconds, peak_mebibytes() - before)


def peak_mebibytes() -> float:
    """The most memory this process has had; NaN where there is no ``/proc``.

    ``getrusage`` would count what the parent had before the exec.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peak = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(peak[0]) / 1024 if peak else float("nan")
