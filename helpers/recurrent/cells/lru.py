"""The linear recurrent unit: a recurrence that is linear, diagonal and complex."""

import math
from types import SimpleNamespace
from typing import ClassVar

import torch
import torch.nn.functional as F

from helpers import colors
from helpers.checks import number
from helpers.recurrent.core import RecurrentCore, suffix
from helpers.recurrent.scan import scan

#: Names of a layer's parameters; all are real, so that any optimizer takes them.
_PARAMETERS = ("nu", "theta", "log_gamma", "B_re", "B_im", "C_re", "C_im", "D")


class LRU(RecurrentCore):
    """The LRU (Orvieto et al. 2023, "Resurrecting recurrent neural networks for long sequences").

    lambda = exp(-exp(nu) + i exp(theta))               n complex factors, |lambda| < 1 always
    s_t = lambda * s_{t-1} + gamma * (B x_t)            complex state
    y_t = Re(C s_t) + D x_t
    h_t = GELU(y_t)

    The recurrence is linear and diagonal: a unit turns by the angle of its lambda and shrinks by
    |lambda| at each step, whatever the input. The nonlinearity stands outside the recurrence;
    without it a stack of layers would be one linear map. h_t is what the layer puts out and is not
    read at the next step; only s_t carries the past.

    The paper puts normalisation, a gated projection and a skip connection around each layer. Here
    is the recurrence alone, so that its layers compare with those of the other cells.

    Initialisation (its section 3.3 and lemma 3.2): lambda uniform, in area, on the part of the
    ring r_min <= |lambda| <= r_max with angles from 0 to max_phase; a unit remembers for about
    1 / (1 - |lambda|) steps. gamma = sqrt(1 - |lambda|^2), so that white noise gives s a variance
    near one whatever |lambda| is; it is learned, as its logarithm. B, C and D are normal with
    variance one over the inputs that are summed, half of it in each of B's real and imaginary
    parts, the whole in each of C's, whose real part of a product counts half.

    Args:
        r_min, r_max: radii of the ring, 0 <= r_min < r_max < 1.
        max_phase: the largest angle, above 0 and at most 2 pi. A small one begins with states that
            turn slowly, for the sake of long dependencies.
        options: those of :class:`RecurrentCore`; ``W_x`` and ``W_h`` do not exist.

    Shapes:
        nu, theta, log_gamma ``(n,)``, B_re, B_im ``(n, d)``, C_re, C_im ``(n, n)``, D ``(n, d)``
        state: h, Re s, Im s, each ``(L D, B, n)``; a given h is not read

    Raises:
        ValueError: radii or a phase out of range.
    """

    name = "lru"
    label = "LRU"
    color = colors.ORANGE
    gates = ()
    state_tensors = 3
    memory = (1, 2)
    initialised_matrices = ()
    has_fused_kernel = True
    options: ClassVar = {"r_min": 0.0, "r_max": 0.99, "max_phase": 2 * math.pi}

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        r_min: float = 0.0,
        r_max: float = 0.99,
        max_phase: float = 2 * math.pi,
        generator: torch.Generator | None = None,
        **options,
    ):
        super().__init__(input_size, hidden_size, num_layers, generator=generator, **options)
        if not 0 <= number("r_min", r_min) < number("r_max", r_max) < 1:
            raise ValueError(f"0 <= r_min < r_max < 1 must hold, got {r_min} and {r_max}")
        if not 0 < number("max_phase", max_phase) <= 2 * math.pi:
            raise ValueError(f"max_phase must be above 0 and at most 2 pi, got {max_phase}")
        for layer in range(self.num_layers):
            for direction in range(self.directions):
                w = self.weights(layer, reverse=bool(direction))
                self._initialise_(w, r_min, r_max, max_phase, generator)

    @torch.no_grad()
    def _initialise_(self, w, r_min, r_max, max_phase, generator) -> None:
        n, d = w.D.shape
        u_1, u_2 = torch.rand(2, n, generator=generator, dtype=torch.float64)
        # |lambda|^2 uniform between the squared radii: uniform in area. Never quite 0: nu is a log.
        square = ((r_max**2 - r_min**2) * u_1 + r_min**2).clamp(min=1e-12)
        w.nu.copy_((-0.5 * square.log()).log())
        w.theta.copy_((max_phase * u_2).clamp(min=1e-12).log())
        w.log_gamma.copy_(0.5 * (1 - square).log())
        for matrix, variance in (
            (w.B_re, 1 / (2 * d)),
            (w.B_im, 1 / (2 * d)),
            (w.C_re, 1 / n),
            (w.C_im, 1 / n),
            (w.D, 1 / d),
        ):
            matrix.normal_(std=math.sqrt(variance), generator=generator)

    @classmethod
    def parameters_in_layer(cls, d, n):
        """3 n + 2 n^2 + 3 n d: three vectors, C with two parts, B with two parts, and D."""
        return 3 * n + 2 * n * n + 3 * n * d

    def _shapes(self, n, G, d):
        vectors, matrices = _PARAMETERS[:3], _PARAMETERS[3:]
        columns = {"B_re": d, "B_im": d, "C_re": n, "C_im": n, "D": d}
        return {**{v: (n,) for v in vectors}, **{m: (n, columns[m]) for m in matrices}}

    def weights(self, layer=0, reverse=False):
        end = suffix(layer, reverse)
        return SimpleNamespace(**{name: getattr(self, name + end) for name in _PARAMETERS})

    def step(self, x, state, w):
        _, s_re, s_im = state
        s = torch.complex(s_re, s_im)  # (B, n)
        # lambda = exp(-exp(nu) + i exp(theta))
        lam = torch.exp(torch.complex(-torch.exp(w.nu), torch.exp(w.theta)))  # (n,)
        # s_t = lambda * s_{t-1} + gamma * (B x_t)
        re, im = (x @ B.T for B in (w.B_re, w.B_im))
        s = lam * s + torch.exp(w.log_gamma) * torch.complex(re.to(s_re), im.to(s_re))
        # y_t = Re(C s_t) + D x_t
        y = s.real @ w.C_re.T - s.imag @ w.C_im.T + x @ w.D.T
        # h_t = GELU(y_t)
        return F.gelu(y), s.real, s.imag

    def _fused_layer(self, x, before, w, *, reverse):
        xs = (x.flip(1) if reverse else x).transpose(0, 1)  # (T, B, d)
        n = self.hidden_size
        # Rows re, im, re, im …: the product is complex numbers as torch stores them, no copy.
        gamma_B = torch.exp(w.log_gamma)[:, None, None] * torch.stack((w.B_re, w.B_im), 1)
        u = torch.view_as_complex((xs @ gamma_B.flatten(0, 1).T).unflatten(2, (n, 2)))
        lam = torch.exp(torch.complex(-torch.exp(w.nu), torch.exp(w.theta)))
        ss, s_T = scan(lam, u, torch.complex(before[1], before[2]))  # (T, B, n), (B, n)
        # Re(C s) = C_re Re s - C_im Im s, with columns re, im, re, im …
        C = torch.stack((w.C_re, -w.C_im), 2).flatten(1)  # (n, 2 n)
        y = torch.view_as_real(ss).flatten(2) @ C.T + xs @ w.D.T  # (T, B, n)
        hs = F.gelu(y)
        after = (hs[-1], s_T.real, s_T.imag)
        hs = hs.transpose(0, 1)  # (B, T, n)
        return hs.flip(1) if reverse else hs, after
