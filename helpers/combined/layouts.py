"""Where the nodes of a drawn graph stand: no edge may seem to end at a node that it passes."""

import networkx as nx
import numpy as np

#: How far nodes keep from edges that are not theirs, where the drawing is about 2 wide.
GAP = 0.18


def clear_layout(graph: nx.Graph) -> dict[int, np.ndarray]:
    """Kamada and Kawai's places, then nodes and edges that touch pushed apart.

    A graph that is not connected stands on a circle, where no edge passes a node.

    Args:
        graph: its nodes are 0, 1, 2, …

    Returns:
        node -> its place, ``(2,)``.
    """
    if not nx.is_connected(graph):
        return nx.circular_layout(graph)
    places = nx.kamada_kawai_layout(graph)
    edges = np.array(graph.edges, dtype=int).reshape(-1, 2)
    P = np.array([places[k] for k in range(len(places))])  # (N, 2)
    for _ in range(300):
        pushed = pushes(P, edges)
        P = P + 0.3 * pushed
        if np.abs(pushed).max() < 0.01 * GAP:
            break
    return dict(enumerate(P))


def pushes(P: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Where each node has to go so that it is clear of edges: ``(N, 2)``, zero where it is.

    Args:
        P: places, ``(N, 2)``.
        edges: their ends, ``(E, 2)``.
    """
    u, v = edges.T
    along = P[v] - P[u]  # (E, 2)
    t = np.einsum("end,ed->en", P - P[u][:, None], along) / (along**2).sum(-1)[:, None]
    t = t.clip(0, 1)[..., None]  # (E, N, 1), the nearest point of the edge: 0 at u, 1 at v
    away = P - P[u][:, None] - t * along[:, None]  # (E, N, 2)
    away += 1e-6 * (along[:, ::-1] * [-1, 1])[:, None]  # aside, for a node right on the edge
    far = np.linalg.norm(away, axis=-1, keepdims=True)
    short = (GAP - far).clip(0)
    rows = np.arange(len(edges))
    short[rows, u] = short[rows, v] = 0  # an edge ends at its ends
    push = away / far * short
    total = push.sum(0)
    np.add.at(total, u, -((1 - t) * push).sum(1))
    np.add.at(total, v, -(t * push).sum(1))
    return total
