"""A picture as a sequence of pixels, as a grid of pixels, and as a graph of superpixels.

A drawn scene stands for a photograph: grey values with noise, and for every pixel the thing that it
shows. Superpixels join neighbouring pixels of like grey, by k-means over place and grey (the idea
of SLIC, Achanta et al. 2012). Liang et al. 2016 build their Graph LSTM on superpixels.
"""

from dataclasses import dataclass

import torch
from scipy.sparse.csgraph import shortest_path

from helpers.checks import integer
from helpers.runtime import generator

SIZE = 24
#: How much the grey value counts beside the place, in pixels for the range from black to white.
GREY_IN_PIXELS = 18.0
ROUNDS_OF_K_MEANS = 15


@dataclass
class Picture:
    """A scene.

    Attributes:
        grey: values about 0 to 1, ``(S, S)``.
        thing: what a pixel shows, a whole number, ``(S, S)``.
    """

    grey: torch.Tensor
    thing: torch.Tensor


def scene(size: int = SIZE, noise: float = 0.06, seed: int = 0) -> Picture:
    """A disk and a bar before a background, with noise."""
    row, column = _places(integer("size", size, minimum=8))
    thing = torch.zeros(size, size, dtype=torch.long)
    thing[((row - 0.38 * size) ** 2 + (column - 0.36 * size) ** 2) < (0.24 * size) ** 2] = 1
    thing[(row + 0.45 * column > 0.98 * size) & (row + 0.45 * column < 1.18 * size)] = 2
    grey = torch.tensor([0.75, 0.5, 0.25])[thing]
    return Picture(grey + noise * torch.randn(size, size, generator=generator(seed)), thing)


def _places(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Row and column of each pixel, both ``(S, S)``."""
    along = torch.arange(size).float()
    return torch.meshgrid(along, along, indexing="ij")


def superpixels(grey: torch.Tensor, k: int) -> torch.Tensor:
    """The superpixel of each pixel, numbered from 0 without gaps: ``(S, S)``.

    k-means over (row, column, grey), begun on a regular grid of about ``k`` places.
    """
    size = len(grey)
    side = max(1, round(integer("k", k, minimum=1) ** 0.5))
    row, column = _places(size)
    points = torch.stack([row, column, GREY_IN_PIXELS * grey], dim=-1).reshape(-1, 3)
    at = ((torch.arange(side) + 0.5) * size / side).long()
    centres = points[(at[:, None] * size + at).flatten()].clone()
    for _ in range(ROUNDS_OF_K_MEANS):
        nearest = torch.cdist(points, centres).argmin(1)
        for one in nearest.unique():
            centres[one] = points[nearest == one].mean(0)
    return nearest.unique(return_inverse=True)[1].reshape(size, size)


def grid_graph(size: int) -> torch.Tensor:
    """Pixels joined to the pixels above, below, left and right: ``(S^2, S^2)``."""
    number = torch.arange(size * size).reshape(size, size)
    return _joined(number, size * size)


def region_graph(regions: torch.Tensor) -> torch.Tensor:
    """Superpixels that touch, joined: ``(K, K)``."""
    return _joined(regions, int(regions.max()) + 1)


def _joined(number: torch.Tensor, nodes: int) -> torch.Tensor:
    A = torch.zeros(nodes, nodes)
    for here, there in ((number[1:], number[:-1]), (number[:, 1:], number[:, :-1])):
        A[here.flatten(), there.flatten()] = A[there.flatten(), here.flatten()] = 1.0
    return A.fill_diagonal_(0.0)


def rounds_for_all(A: torch.Tensor) -> int:
    """Rounds until every node has heard of every other: the diameter."""
    return int(shortest_path(A.numpy(), unweighted=True).max())


def best_labelling(regions: torch.Tensor, thing: torch.Tensor) -> float:
    """Share of pixels right if every superpixel gets the label that most of its pixels have.

    No network that answers once a superpixel can do better.
    """
    votes = torch.zeros(int(regions.max()) + 1, int(thing.max()) + 1)
    pairs = (regions.flatten(), thing.flatten())
    votes.index_put_(pairs, torch.ones(thing.numel()), accumulate=True)
    return (votes.max(1).values.sum() / thing.numel()).item()


def forms(picture: Picture, counts: tuple[int, ...] = (9, 25, 64)) -> list[dict]:
    """The picture as a sequence, as a grid, and as superpixels: what each costs and can say."""
    size = len(picture.grey)
    grid = grid_graph(size)
    rows = [
        {
            "form": "sequence of pixels, row by row",
            "steps or nodes": size * size,
            "edges": size * size - 1,
            "from a pixel to the one below": size,
            "farthest apart": size * size - 1,
            "pixels right at best": 1.0,
        },
        {
            "form": "grid of pixels",
            "steps or nodes": size * size,
            "edges": int(grid.sum()) // 2,
            "from a pixel to the one below": 1,
            "farthest apart": rounds_for_all(grid),
            "pixels right at best": 1.0,
        },
    ]
    for k in counts:
        regions = superpixels(picture.grey, k)
        A = region_graph(regions)
        rows.append(
            {
                "form": f"{len(A)} superpixels",
                "steps or nodes": len(A),
                "edges": int(A.sum()) // 2,
                "from a pixel to the one below": 1,
                "farthest apart": rounds_for_all(A),
                "pixels right at best": best_labelling(regions, picture.thing),
            }
        )
    return rows
