"""What all recurrent cells share: parameters, layers and directions, state, two engines.

Each cell (:mod:`.cells`) is defined by its ``step``, written equation by equation. ``forward`` runs
a whole sequence, over layers and directions, either with that step in a loop
(``engine="equations"``) or with a fused kernel (``engine="fused"``: torch's, for the RNN on a CPU
:mod:`.kernels`, for linear recurrences :mod:`.scan`), which the tests hold equal to the equations.

Equations are written for column vectors (``W_hx x``); tensors are batch-first, so a line reads
``x @ W_hx.T``. The gates of a cell stand below one another in stacked matrices, one block of
``n`` rows a gate, and ``weights()`` gives each block its name in the equations.

Shapes, as in ``torch.nn.LSTM(batch_first=True)``:
    x         (B, T, d)
    outputs   (B, T, D n)       D = 2 if bidirectional else 1
    state     (L D, B, n)       for the LSTM a pair (h, c) of these
"""

from types import SimpleNamespace
from typing import ClassVar

import torch
from torch import nn

from helpers import colors
from helpers.checks import boolean, choice, fits, integer, number
from helpers.recurrent.initialisation import initialise_

State = torch.Tensor | tuple[torch.Tensor, ...]

ENGINES = ("auto", "fused", "equations")

#: Name -> cell, for every class of a cell that has been imported.
CELLS: dict[str, type["RecurrentCore"]] = {}


def find_cell(name: str) -> type["RecurrentCore"]:
    """The cell of this name.

    Raises:
        ValueError: no cell is called so.
    """
    return CELLS[choice("cell", name, tuple(CELLS))]


def suffix(layer: int, reverse: bool = False) -> str:
    """What a parameter's name ends with, as in ``torch.nn.LSTM``: ``_l0``, ``_l1_reverse``."""
    return f"_l{layer}" + ("_reverse" if reverse else "")


class RecurrentCore(nn.Module):
    """What all cells share: stacked parameters, layers and directions, state, the two engines.

    Args:
        input_size: d, features of a time step.
        hidden_size: n, hidden units of a layer and direction.
        num_layers: L; layer l reads the outputs of layer l - 1.
        bidirectional: run a second cell from the end to the start and join both outputs.
        dropout: probability with which an output between two layers is dropped in training.
        W_x: initialisation of the input weights of every gate (:mod:`.initialisation`).
        W_h: initialisation of the recurrent weights of every gate.
        engine: "fused", "equations", or "auto" for the fused kernel where there is one.
        generator: source of the random initial weights; torch's own if left out.

    Raises:
        ValueError: a size below 1, a dropout outside [0, 1), an unknown initialisation or engine.
    """

    #: How configurations call the cell, and how figures call and colour it.
    name: ClassVar[str]
    label: ClassVar[str]
    color: ClassVar[str] = colors.MUTED
    #: Names of the gates, in the order of their row blocks (the fused kernel's order).
    gates: ClassVar[tuple[str, ...]]
    #: Names of further parameters of one number a unit; they start at zero.
    vectors: ClassVar[tuple[str, ...]] = ()
    #: How many tensors make the state of a layer; the first is what the layer puts out.
    state_tensors: ClassVar[int] = 1
    #: Which of them carry the past into the next step.
    memory: ClassVar[tuple[int, ...]] = (0,)
    #: Stacked matrices that take an initialisation.
    initialised_matrices: ClassVar[tuple[str, ...]] = ("W_x", "W_h")
    #: Whether a faster engine than the loop over the equations exists.
    has_fused_kernel: ClassVar[bool] = False
    #: The cell's own options with their defaults, besides those of this class.
    options: ClassVar[dict] = {}
    #: The option that takes the batch size, of a cell that can read no other.
    batch_size_option: ClassVar[str | None] = None

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__(**keywords)
        if "name" in vars(cls):
            known = CELLS.setdefault(cls.name, cls)
            if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise ValueError(f"two cells are called {cls.name!r}: {known} and {cls}")
            CELLS[cls.name] = cls

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        W_x: str = "uniform",
        W_h: str = "uniform",
        engine: str = "auto",
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.input_size = integer("input_size", input_size, minimum=1)
        self.hidden_size = integer("hidden_size", hidden_size, minimum=1)
        self.num_layers = integer("num_layers", num_layers, minimum=1)
        self.bidirectional = boolean("bidirectional", bidirectional)
        self.dropout = number("dropout", dropout, minimum=0.0)
        if self.dropout >= 1:
            raise ValueError(f"dropout must be below 1, got {dropout}")
        choice("engine", engine, ENGINES)
        if engine == "fused" and not self.has_fused_kernel:
            raise ValueError(
                f"{type(self).__name__} has no fused kernel; engine must be 'equations'"
            )
        self.engine = engine
        for matrix, spec in (("W_x", W_x), ("W_h", W_h)):
            if matrix not in self.initialised_matrices and spec != "uniform":
                raise ValueError(
                    f"{type(self).__name__} has no {matrix} to initialise; "
                    f"leave it out, got {spec!r}"
                )
        n, G = self.hidden_size, len(self.gates)
        sizes = {"input_size": self.input_size, "hidden_size": n, "num_layers": self.num_layers}
        fits(self.num_layers * self.parameters_in_layer(self.input_size, n), **sizes)
        for layer, end in self._parts():
            d = self.input_size if layer == 0 else n * self.directions
            for name, shape in self._shapes(n, G, d).items():
                self.register_parameter(name + end, nn.Parameter(torch.zeros(shape)))
            for matrix, spec in (("W_x", W_x), ("W_h", W_h)):
                if matrix in self.initialised_matrices:
                    for block in getattr(self, self._stacked(matrix) + end).chunk(G):
                        initialise_(block, spec, hidden_size=n, generator=generator)

    @classmethod
    def initialised(cls, *sizes: int, **options) -> "RecurrentCore":
        """The cell with ``W_x`` and ``W_h`` named as here, whatever its constructor calls them."""
        return cls(*sizes, **options)

    @classmethod
    def parameters_in_layer(cls, d: int, n: int) -> int:
        """Parameters of one layer and direction: G n (d + n + 1), and n a vector."""
        return len(cls.gates) * n * (d + n + 1) + len(cls.vectors) * n

    def recurrent_matrix(self) -> torch.Tensor | None:
        """The one matrix that takes h_{t-1} to h_t, of a cell that has such."""
        return None

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    # Parameters -----------------------------------------------------------------------------

    def _stacked(self, name: str) -> str:
        """The parameter that holds all gates' ``W_x``, ``W_h`` or ``b``."""
        return name

    def _shapes(self, n: int, G: int, d: int) -> dict[str, tuple[int, ...]]:
        return {
            self._stacked("W_x"): (G * n, d),
            self._stacked("W_h"): (G * n, n),
            self._stacked("b"): (G * n,),
            **{vector: (n,) for vector in self.vectors},
        }

    def _parts(self):
        """(layer, suffix of its parameters), in the order of the state's first dimension."""
        for layer in range(self.num_layers):
            for direction in range(self.directions):
                yield layer, suffix(layer, bool(direction))

    def stacked(self, end: str = "_l0") -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """``W_x (G n, d)``, ``W_h (G n, n)`` and ``b (G n,)`` of one layer and direction."""
        return tuple(getattr(self, self._stacked(name) + end) for name in ("W_x", "W_h", "b"))

    def weights(self, layer: int = 0, reverse: bool = False) -> SimpleNamespace:
        """The weights of one layer and direction under their names in the equations.

        For the LSTM: ``W_gx (n, d)``, ``W_gh (n, n)``, ``b_g (n,)``, and so for i, f, o. They are
        views: writing into them (under ``torch.no_grad()``) changes the model.
        """
        end = suffix(layer, reverse)
        W_x, W_h, b = (p.chunk(len(self.gates)) for p in self.stacked(end))
        named = SimpleNamespace()
        for k, gate in enumerate(self.gates):
            setattr(named, f"W_{gate}x", W_x[k])
            setattr(named, f"W_{gate}h", W_h[k])
            setattr(named, f"b_{gate}", b[k])
        for vector in self.vectors:
            setattr(named, vector, getattr(self, vector + end))
        return named

    # A whole sequence -----------------------------------------------------------------------

    def step(self, x: torch.Tensor, state: State, w: SimpleNamespace) -> State:
        """One time step of one layer: ``x (B, d)`` and the state before, to the state after."""
        raise NotImplementedError

    def forward(self, x: torch.Tensor, state: State | None = None) -> tuple[torch.Tensor, State]:
        """Run over ``x (B, T, d)`` from ``state`` (zeros if left out).

        Raises:
            ValueError: an ``x`` or ``state`` of another shape, or no time step.
        """
        if x.dim() != 3 or x.shape[2] != self.input_size or x.shape[1] == 0:
            raise ValueError(
                f"x must have shape (B, T, {self.input_size}) with T at least 1, "
                f"got {tuple(x.shape)}"
            )
        states = self._check_state(x, state)
        if self.has_fused_kernel and self.engine != "equations":
            outputs, states = self._fused(x, states)
        else:
            outputs, states = self._layers(x, states, self._loop)
        return outputs, states[0] if self.state_tensors == 1 else tuple(states)

    def _check_state(self, x: torch.Tensor, state: State | None) -> list[torch.Tensor]:
        shape = (self.num_layers * self.directions, x.shape[0], self.hidden_size)
        if state is None:
            return [x.new_zeros(shape) for _ in range(self.state_tensors)]
        states = [state] if isinstance(state, torch.Tensor) else list(state)
        if len(states) != self.state_tensors or any(s.shape != shape for s in states):
            got = ", ".join(str(tuple(s.shape)) for s in states)
            raise ValueError(
                f"the state of {type(self).__name__} must be {self.state_tensors} tensor(s) "
                f"of shape (layers x directions, B, n) = {shape}, got {got}"
            )
        return states

    def _layers(self, x, states, run_layer):
        """Layers and directions one after another, each a call of ``run_layer``."""
        finals = []
        layer_input = x
        for layer in range(self.num_layers):
            if layer > 0 and self.dropout and self.training:
                layer_input = nn.functional.dropout(layer_input, self.dropout)
            outputs = []
            for direction in range(self.directions):
                part = layer * self.directions + direction
                w = self.weights(layer, reverse=bool(direction))
                before = tuple(s[part] for s in states)
                hs, after = run_layer(layer_input, before, w, reverse=bool(direction))
                outputs.append(hs)
                finals.append(after)
            layer_input = torch.cat(outputs, dim=2) if len(outputs) > 1 else outputs[0]
        return layer_input, [torch.stack(parts) for parts in zip(*finals, strict=True)]

    def _loop(self, x, before, w, *, reverse: bool):
        """One layer and direction over all time steps: outputs ``(B, T, n)``, last state."""
        state = before if self.state_tensors > 1 else before[0]
        steps = reversed(x.unbind(1)) if reverse else x.unbind(1)
        hs = []
        for x_t in steps:
            state = self.step(x_t, state, w)  # h (B, n), or (h, c)
            hs.append(state[0] if self.state_tensors > 1 else state)
        if reverse:
            hs.reverse()
        return torch.stack(hs, dim=1), state if self.state_tensors > 1 else (state,)

    def _flat(self) -> list[torch.Tensor]:
        """The parameters as the fused kernel takes them: W_x, W_h, b and a second bias of zeros."""
        flat = []
        for _, end in self._parts():
            W_x, W_h, b = self.stacked(end)
            flat += [W_x, W_h, b, torch.zeros_like(b)]
        return flat

    def _run_kernel(self, kernel, x, flat, states):
        # has_biases, num_layers, dropout, train, bidirectional, batch_first. cuDNN gives gradients
        # in training alone; in evaluation there are some to be had all the same, without dropout.
        options = (
            True,
            self.num_layers,
            self.dropout if self.training else 0.0,
            self.training or torch.is_grad_enabled(),
            self.bidirectional,
            True,
        )
        return kernel(x, states, flat, *options)

    def _fused(self, x, states) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """All layers with the fast engine; a cell has this or :meth:`_fused_layer` of its own."""
        return self._layers(x, states, self._fused_layer)

    def _fused_layer(self, x, before, w, *, reverse: bool):
        """One layer and direction with the fast engine; shapes as of :meth:`_loop`."""
        raise NotImplementedError(
            f"{type(self).__name__} says has_fused_kernel but defines no _fused or _fused_layer"
        )

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}"]
        parts += ["bidirectional"] if self.bidirectional else []
        parts += [f"dropout={self.dropout}"] if self.dropout else []
        return ", ".join(parts)
