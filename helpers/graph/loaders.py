"""Graphs from elsewhere: networkx's own, an edge list on disk, a PyG or OGB dataset."""

from pathlib import Path

import networkx as nx
import torch

from helpers.graph.graphs import Graph


def karate_club() -> tuple[Graph, torch.Tensor, torch.Tensor]:
    """Zachary's karate club (1977): graph, the two clubs, four modularity classes.

    The four classes are those of Kipf and Welling 2017, appendix A: a partition of high modularity
    (Brandes et al. 2008), here the best that Louvain's method finds.

    Shapes:
        34 nodes; labels int64 ``(34,)``
    """
    graph = nx.karate_club_graph()
    clubs = [graph.nodes[node]["club"] == "Officer" for node in graph]
    return (
        Graph.from_networkx(graph),
        torch.tensor(clubs, dtype=torch.int64),
        modularity_classes(graph),
    )


def les_miserables() -> tuple[Graph, torch.Tensor]:
    """Characters of Les Misérables who share a scene (Knuth 1993), and their modularity classes.

    Shapes:
        77 nodes; labels int64 ``(77,)``
    """
    graph = nx.les_miserables_graph()
    return Graph.from_networkx(graph), modularity_classes(graph)


def modularity_classes(graph: nx.Graph, tries: int = 20) -> torch.Tensor:
    """The partition of the highest modularity that Louvain's method finds, edges unweighted.

    Classes are numbered by their first node.
    """
    partitions = [
        nx.community.louvain_communities(graph, weight=None, seed=seed) for seed in range(tries)
    ]
    best = max(partitions, key=lambda p: nx.community.modularity(graph, p, weight=None))
    order = {node: k for k, node in enumerate(graph)}
    ranked = sorted(best, key=lambda members: min(order[node] for node in members))
    labels = torch.zeros(len(order), dtype=torch.int64)
    for label, members in enumerate(ranked):
        for node in members:
            labels[order[node]] = label
    return labels


def load_edge_list(path: str | Path) -> Graph:
    """A graph from a text file with two node names a line, ``#`` for comments.

    The text is UTF-8, with or without a byte-order mark.

    Raises:
        ValueError: the file is missing, in another encoding, holds no edge, or a line has other
            than two names.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no edge list {path.name}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is not text in UTF-8; save it in that encoding") from error
    if "\0" in text:
        raise ValueError(f"{path.name} is not text in UTF-8: it holds zeros")
    edges, nodes = [], {}
    for number, line in enumerate(text.splitlines(), start=1):
        names = line.partition("#")[0].split()
        if not names:
            continue
        if len(names) != 2:
            raise ValueError(
                f"{path.name}, line {number}: an edge is two names, got {line.strip()!r}"
            )
        edges.append(tuple(names))
        nodes.update(dict.fromkeys(names))
    if not edges:
        raise ValueError(f"{path.name} holds no edge")
    return Graph(tuple(nodes), tuple(edges))


def from_pyg(data) -> tuple[torch.Tensor, int, torch.Tensor | None, torch.Tensor | None]:
    """A PyG ``Data`` object, or item of an OGB dataset, as this package's tensors.

    Returns:
        edge_index ``(2, E)`` with both directions of every edge, number of nodes, features
        ``(N, d)`` or ``None``, labels ``(N,)`` or ``None``.

    Raises:
        ValueError: it has no ``edge_index``.
    """
    edge_index = getattr(data, "edge_index", None)
    if edge_index is None:
        raise ValueError("this object has no edge_index; pass one graph, such as dataset[0]")
    both = torch.cat([edge_index, edge_index.flip(0)], dim=1)
    labels = getattr(data, "y", None)
    if labels is not None and labels.dim() == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]  # OGB's form
    return torch.unique(both, dim=1), int(data.num_nodes), getattr(data, "x", None), labels
