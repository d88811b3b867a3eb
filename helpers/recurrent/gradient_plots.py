"""Figures of gradients through time."""

import matplotlib.pyplot as plt
import numpy as np
import torch

from helpers.figures import PALETTE

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
    fig.colorbar(image, ax=axes[0], pad=0.02)
    axes[1].barh(range(1, T + 1), total, color=PALETTE["graph"])
    axes[1].set(xlabel="norm of the whole term")
    axes[1].set_title("share of step t")
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
        k, sigma_max**k, "--", color=PALETTE["accent"], label=r"bound $\sigma_{max}(W_{hh})^{T-t}$"
    )
    ax.axhline(1, color=PALETTE["muted"], linewidth=0.8)
    ax.set(yscale="log", xlabel="$T - t$", ylim=(1e-12, 1e12))
    ax.set_title(title)


def vanishing_panels(cases: list[tuple[str, torch.Tensor, float]]):
    """One panel of :func:`singular_values` a case (title, values, sigma_max)."""
    fig, axes = plt.subplots(1, len(cases), figsize=(10, 3.3), sharey=True)
    for ax, (title, values, sigma_max) in zip(np.atleast_1d(axes), cases, strict=True):
        singular_values(ax, values, sigma_max, title)
    fig.legend(
        *np.atleast_1d(axes)[0].get_legend_handles_labels(), loc="outside lower center", ncols=3
    )
    np.atleast_1d(axes)[0].set_ylabel(r"singular values of $\partial h_T/\partial h_t$")
    return fig


def norms_through_time(ax, curves: dict[str, torch.Tensor], colors: dict[str, str]) -> None:
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
        ax.set_ylim(bottom=1e-20)
    axes[0].set_ylabel(r"$\Vert\partial\mathcal{L}/\partial h_t\Vert$, dashed $c_t$")
    axes[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig


def initial_flow(curves: dict[str, torch.Tensor], colors: dict[str, str]):
    """Gradient norms of untrained networks relative to the last step's, every seed a line."""
    fig, ax = plt.subplots(figsize=(9, 4))
    relative = {name: rows / rows[:, -1:] for name, rows in curves.items()}
    norms_through_time(ax, relative, colors)
    ax.set_ylabel(r"$\Vert\partial\mathcal{L}/\partial h_t\Vert$ relative to $t = T$")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig


def truncation(cosines: dict[str, tuple[list[int], list[float]]], colors: dict[str, str]):
    """Cosine between truncated and whole gradient against the truncation length.

    Args:
        cosines: name -> (lengths, cosines).
        colors: "name, h" -> colour.
    """
    fig, ax = plt.subplots(figsize=(8, 3.2))
    for name, (lengths, values) in cosines.items():
        ax.plot(lengths, values, "o-", ms=3, color=colors[f"{name}, h"], label=name)
    ax.set(xlabel="steps kept, counted from the last", ylabel="cosine with the whole gradient")
    ax.set_ylim(min(0, ax.get_ylim()[0]), 1.03)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig
