"""Figures of gradients through time."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.ticker import LogLocator

from helpers.checks import AnyTensor
from helpers.figures import PALETTE
from helpers.recurrent.gradient_flow import CellPaths, TruncationBias
from helpers.recurrent.long_step import Descent

TINY = 1e-30


def shares_heatmap(shares: torch.Tensor):
    """The terms delta_t h_{t-1}^T of dL/dW_hh: a row a time step, a column a hidden unit.

    A cell is the norm of one row of the term, the part that changes the weights into that unit.

    Args:
        shares: ``(T, n, n)``.
    """
    T, n = shares.shape[:2]
    rows = shares.norm(dim=2)  # (T, n)
    total = shares.flatten(1).norm(dim=1)
    fig, axes = plt.subplots(1, 2, figsize=(8, 0.34 * T + 1.4), width_ratios=[2.2, 1], sharey=True)
    image = axes[0].imshow(rows, aspect="auto", cmap="mako_r", extent=(0.5, n + 0.5, T + 0.5, 0.5))
    axes[0].set(xlabel="hidden unit", ylabel="time step t", yticks=range(1, T + 1))
    axes[0].set_xticks(range(1, n + 1))
    axes[0].set_title(r"$\Vert\delta_t h_{t-1}^\top\Vert$ by unit")
    axes[0].grid(False)
    fig.colorbar(image, ax=axes[0], pad=0.02, label="norm")
    axes[1].barh(range(1, T + 1), total, color=PALETTE["graph"])
    axes[1].set(xlabel="norm")
    axes[1].set_title("whole term")
    return fig


def singular_values(ax, values: torch.Tensor, sigma_max: float, title: str) -> None:
    """Singular values of dh_T/dh_t against T - t, with the bound sigma_max^(T - t).

    Args:
        values: ``(T + 1, n)``, descending in each row.
    """
    k = np.arange(len(values))
    values = values.numpy().clip(min=TINY)
    color = PALETTE["graph"]
    quartile = values.shape[1] // 4
    ax.fill_between(
        k, values[:, -quartile - 1], values[:, quartile], color=color, alpha=0.25, linewidth=0
    )
    ax.plot(k, values[:, 0], color=color, label="largest singular value")
    ax.plot([], [], color=color, alpha=0.25, linewidth=7, label="middle half of them")
    ax.plot(
        k, sigma_max**k, "--", color=PALETTE["accent"], label=r"bound $\sigma_{\max}(W_{hh})^{T-t}$"
    )
    ax.axhline(1, color=PALETTE["muted"], linewidth=0.8)
    ax.set(yscale="log", xlabel="$T - t$", ylim=(1e-12, 1e12))
    ax.set_title(title)


def vanishing_panels(cases: list[tuple[str, AnyTensor, float]]):
    """One panel of :func:`singular_values` a case (title, values, sigma_max)."""
    fig, axes = plt.subplots(1, len(cases), figsize=(10, 3.3), sharey=True)
    for ax, (title, values, sigma_max) in zip(np.atleast_1d(axes), cases, strict=True):
        singular_values(ax, values, sigma_max, title)
    fig.legend(
        *np.atleast_1d(axes)[0].get_legend_handles_labels(), loc="outside lower center", ncols=3
    )
    np.atleast_1d(axes)[0].set_ylabel(r"singular values of $\partial h_T/\partial h_t$")
    return fig


def norms_through_time(ax, curves: dict[str, AnyTensor], colors: dict[str, str]) -> None:
    """Gradient norms against the step t, on a logarithmic scale.

    Args:
        curves: name -> ``(T,)`` or ``(seeds, T)``.
    """
    for name, values in curves.items():
        for k, row in enumerate(torch.atleast_2d(values)):
            t = np.arange(1, len(row) + 1)
            dashed = "--" if name.endswith("c") else "-"
            ax.plot(
                t,
                row.clamp(min=TINY),
                dashed,
                color=colors[name],
                linewidth=1.5,
                label=name if k == 0 else None,
            )
    ax.set(yscale="log", xlabel="time step t")


def before_and_after(before: dict, after: dict, colors: dict[str, str]):
    """Two panels of :func:`norms_through_time`, untrained and trained."""
    fig, axes = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True)
    for ax, curves, title in zip(axes, (before, after), ("untrained", "trained"), strict=True):
        norms_through_time(ax, curves, colors)
        ax.set_title(title)
        ax.set_ylim(bottom=1e-12)
    axes[0].set_ylabel(r"$\Vert\partial\mathcal{L}/\partial h_t\Vert$, dashed $c_t$")
    axes[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig


def initial_flow(curves: dict[str, AnyTensor], colors: dict[str, str]):
    """Gradient norms of untrained networks relative to the last step's, every seed a line."""
    fig, ax = plt.subplots(figsize=(9, 4))
    relative = {name: rows / rows[:, -1:] for name, rows in curves.items()}
    # The legend in the order in which the curves begin at the left.
    highest = sorted(relative, key=lambda name: -float(relative[name][:, 0].median()))
    norms_through_time(ax, {name: relative[name] for name in highest}, colors)
    ax.set_ylabel(r"$\Vert\partial\mathcal{L}/\partial h_t\Vert$ relative to $t = T$")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig


def truncation(biases: dict[str, TruncationBias], colors: dict[str, str]):
    """Direction and length of truncated gradients against the number of terms kept.

    Args:
        biases: name -> what was measured.
        colors: name -> colour.
    """
    fig, axes = plt.subplots(1, 2, figsize=(10, 3.4))
    for (name, bias), marker in zip(biases.items(), "osD^v", strict=False):
        style = {"marker": marker, "ms": 3.5, "color": colors[name], "label": name}
        axes[0].plot(bias.kept, bias.cosine, **style)
        axes[1].plot(bias.kept, np.clip(bias.norm_ratio, TINY, None), **style)
    for ax in axes:
        ax.axhline(1, color=PALETTE["muted"], linewidth=0.8)
        ax.set_xlabel(r"terms kept $\tau$, counted from the last")
    axes[0].set(ylim=(min(0, axes[0].get_ylim()[0]), 1.05), ylabel="cosine with the whole gradient")
    axes[1].set(yscale="log", ylabel="norm, relative to the whole")
    axes[0].set_title("direction")
    axes[1].set_title("length")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(biases))
    return fig


def cell_paths(networks: dict[str, CellPaths]):
    """A panel a network: what reaches c_t on all paths, and what the cell path alone brings."""
    fig, axes = plt.subplots(1, len(networks), figsize=(10, 3.3))
    for ax, (name, found) in zip(np.atleast_1d(axes), networks.items(), strict=True):
        t = range(1, len(found.all_paths) + 1)
        for values, line, color, label in (
            (found.all_paths, "-", PALETTE["graph"], "all paths"),
            (found.cell_path, "--", PALETTE["accent"], "cell path alone"),
        ):
            ax.plot(t, values / found.all_paths[-1], line, color=color, label=label)
        ax.axhline(1, color=PALETTE["muted"], linewidth=0.8)
        ax.set(yscale="log", xlabel="time step t")
        ax.set_title(name, fontsize=10)
        lowest, highest = ax.get_ylim()
        ax.set_ylim(min(lowest, 1e-2), max(highest, 1e2))
        ax.yaxis.set_major_locator(LogLocator(numticks=6))
        ax.minorticks_off()
    first = np.atleast_1d(axes)[0]
    first.set_ylabel(r"$\Vert\partial\mathcal{L}/\partial c_t\Vert$ relative to $t = T$")
    fig.legend(*first.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig


def long_step(w: AnyTensor, b: AnyTensor, losses: AnyTensor, paths: dict[str, Descent]):
    """The loss of the one-unit network over (w, b), and a path of gradient descent a panel.

    Args:
        losses: ``(len(b), len(w))``.
        paths: name -> a descent from one start.
    """
    fig, axes = plt.subplots(1, len(paths), figsize=(10, 3.9), sharey=True)
    low, high = (np.array([end(g).item() for g in (w, b)]) for end in (torch.min, torch.max))
    for ax, (name, path) in zip(axes, paths.items(), strict=True):
        image = ax.pcolormesh(w, b, losses, cmap="mako", shading="gouraud", rasterized=True)
        places = path.places[:, 0].numpy()
        outside = ((places < low) | (places > high)).any(1)
        last = int(np.argmax(outside)) if outside.any() else len(places)
        seen = places[:last]
        end = _leaves_at(seen[-1], places[last], low, high) if outside.any() else seen[-1]
        ax.plot(*seen.T, "o", ms=3.5, color=PALETTE["source"])
        ax.plot(*np.vstack([seen, end]).T, "-", lw=1.4, color=PALETTE["source"])
        ax.plot(*seen[0], "s", ms=8, color="white", mec=PALETTE["ink"])
        ax.plot(*end, "X", ms=10, color=PALETTE["accent"], mec="white", clip_on=False)
        ax.set(xlabel="$w$", xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        ax.set_title(f"{name}: loss {path.losses[0, 0]:.2f} → {path.losses[-1, 0]:.2f}", pad=10)
        ax.grid(False)
    axes[0].set_ylabel("$b$")
    fig.colorbar(image, ax=axes, label="loss (nats)", pad=0.01)
    return fig


def _leaves_at(inside: np.ndarray, outside: np.ndarray, low: np.ndarray, high: np.ndarray):
    """Where the straight step from a point inside a box to one outside crosses its edge."""
    step = outside - inside
    room = np.where(step > 0, high - inside, low - inside)
    return inside + step * min(r / s for r, s in zip(room, step, strict=True) if s != 0)


def opening(looks: dict[str, pd.DataFrame], colors: list[str]):
    """How much of the gradient reaches the first step, and the accuracy, while networks train.

    Args:
        looks: name of a run -> its looks ("step", "log10_ratio", "accuracy").
    """
    fig, axes = plt.subplots(1, 2, figsize=(10, 3.3))
    for (name, frame), color, marker in zip(looks.items(), colors, "osD^v", strict=False):
        style = {"marker": marker, "ms": 3.5, "color": color, "label": name}
        axes[0].plot(frame["step"], 10.0 ** frame["log10_ratio"], **style)
        axes[1].plot(frame["step"], 100 * frame["accuracy"], **style)
    axes[0].set(yscale="log", xlabel="training step")
    axes[0].set_ylabel(
        r"$\Vert\partial\mathcal{L}/\partial h_1\Vert \; / \; "
        r"\Vert\partial\mathcal{L}/\partial h_T\Vert$"
    )
    axes[0].axhline(1, color=PALETTE["muted"], linewidth=0.8)
    axes[0].set_title("gradient that arrives at t = 1")
    axes[1].set(xlabel="training step", ylabel="held-out accuracy (%)", ylim=(0, 104))
    axes[1].set_title("what is learned")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(looks))
    return fig
