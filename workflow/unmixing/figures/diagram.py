"""Diagrams of networks, drawn from what the network object does: its layers are recorded while it runs once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from unmixing.figures.style import INK, MUTED

if TYPE_CHECKING:
    import torch

#: Layers that begin a new box.
OPENING = ("convolution", "softmax", "mean")

_FACES = {"data": "#ffffff", "encoder": "#e3eff8", "decoder": "#fbe6da", "head": "#ddf1ea", "loss": "#f3f3f3"}
_EDGES = {"data": MUTED, "encoder": "#0072B2", "decoder": "#D55E00", "head": "#009E73", "loss": INK}
_LINE = 0.165  # inches from one line of text to the next


@dataclass(frozen=True)
class Layer:
    """One step of a network.

    Attributes:
        kind: convolution, linear, activation, normalisation, dropout, softmax, mean or length.
        text: What it is, with its sizes.
        module: Name of the module whose weights it uses, "" for none.
    """

    kind: str
    text: str
    module: str = ""


@dataclass(frozen=True)
class Box:
    """A box of a diagram, in inches.

    Attributes:
        left: Left edge.
        width: Its width.
        middle: Height of its middle.
        height: Its height.
        title: First line, in bold.
        lines: Further lines.
        kind: data, encoder, decoder, head or loss: its colours.
    """

    left: float
    width: float
    middle: float
    height: float
    title: str
    lines: Sequence[str] = field(default_factory=tuple)
    kind: str = "data"

    @property
    def right(self) -> float:
        """Right edge."""
        return self.left + self.width


def record_layers(model: torch.nn.Module, call: Callable[[torch.Tensor], Any], bands: int) -> list[Layer]:
    """Run a network once in prediction mode and return its layers in the order in which they act.

    Args:
        model: Whose weights are recognised.
        call: A method of it that takes patches (1, bands, rows, columns).
        bands: Number of bands.

    Returns:
        Its layers; arithmetic between them is left out, but for a factor within a softmax.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    from unmixing.ops import WIDEST

    names = {id(value): name.rpartition(".")[0] for name, value in model.named_parameters()}
    layers: list[Layer] = []
    factor: list[float] = []

    class Recorder(TorchFunctionMode):
        def __torch_function__(
            self,
            function: Callable[..., Any],
            types: object,
            args: tuple[Any, ...] = (),
            kwargs: dict[str, Any] | None = None,
        ) -> Any:  # noqa: ANN401
            result = function(*args, **(kwargs or {}))
            name = getattr(function, "__name__", "")
            if name == "mul" and isinstance(args[1], float):
                factor[:] = [args[1]]
            elif not args or id(args[0]) not in names:
                layer = _layer(name, args, kwargs or {}, names, factor)
                layers.extend([layer] if layer else [])
            return result

    def dropped(module: Any, *_: Any) -> None:  # noqa: ANN401
        layers.append(Layer("dropout", f"spatial dropout {module.rate:g}"))

    hooks = [module.register_forward_hook(dropped) for module in model.modules() if hasattr(module, "rate")]
    training = model.training
    model.eval()
    try:
        # An image wider than this passes the decoder as a plain convolution, which can be recognised.
        with torch.no_grad(), Recorder():
            call(torch.ones(1, bands, 1, WIDEST + 1))
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return layers


def _layer(name: str, args: Any, kwargs: Any, names: dict[int, str], factor: list[float]) -> Layer | None:  # noqa: ANN401
    """Return the layer that a call of torch is, None for arithmetic between layers."""
    if name == "conv2d":
        weight, bias = args[1], args[2] if len(args) > 2 else kwargs.get("bias")
        rows, columns = weight.shape[2:]
        text = f"{rows} × {columns} convolution, {weight.shape[0]}"
        return Layer("convolution", text + (" + bias" if bias is not None else ""), names.get(id(weight), ""))
    if name == "linear":
        return Layer("linear", f"linear, {args[1].shape[0]}", names.get(id(args[1]), ""))
    if name == "softmax":
        inside = f"{factor.pop():g} x" if factor else "x"
        return Layer("softmax", f"softmax({inside})")
    if name == "leaky_relu":
        slope = args[1] if len(args) > 1 else kwargs["negative_slope"]
        return Layer("activation", f"LeakyReLU {slope:g}")
    known = {
        "relu": ("activation", "ReLU"),
        "batch_norm": ("normalisation", "batch normalisation"),
        "mean": ("mean", "mean over pixels"),
        "linalg_vector_norm": ("length", "unit length"),
    }
    return Layer(*known[name]) if name in known else None


def in_boxes(layers: Sequence[Layer]) -> list[list[Layer]]:
    """Return layers in groups, each of which begins with a convolution, a softmax or a mean."""
    groups: list[list[Layer]] = []
    for layer in layers:
        if layer.kind in OPENING or not groups:
            groups.append([])
        groups[-1].append(layer)
    return groups


def draw_box(axes: Axes, box: Box) -> None:
    """Draw a box with its text, the title in bold."""
    shape = FancyBboxPatch(
        (box.left, box.middle - box.height / 2),
        box.width,
        box.height,
        boxstyle="round,pad=0,rounding_size=0.06",
        facecolor=_FACES[box.kind],
        edgecolor=_EDGES[box.kind],
        linewidth=1.1,
    )
    axes.add_patch(shape)
    top = box.middle + _LINE * len(box.lines) / 2
    for place, text in enumerate([box.title, *box.lines]):
        weight = "normal" if place else "bold"
        axes.text(
            box.left + box.width / 2, top - place * _LINE, text, ha="center", va="center", fontsize=8, fontweight=weight
        )


def draw_arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow between two points, in inches."""
    look: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 9, "color": MUTED, "shrinkA": 0, "shrinkB": 0}
    axes.add_patch(FancyArrowPatch(start, end, linewidth=1.1, **look))


def canvas(axes: Axes, width: float, height: float) -> None:
    """Make the data coordinates of axes inches, with nothing else drawn."""
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_axis_off()


def write_table(axes: Axes, lefts: Sequence[float], top: float, cells: Sequence[Sequence[str]]) -> None:
    """Write lines of text in columns, the first line as the head.

    Args:
        axes: Where to write; its coordinates are inches.
        lefts: Left edge of each column.
        top: Height of the first line.
        cells: Lines of cells.
    """
    for line, texts in enumerate(cells):
        for left, text in zip(lefts, texts, strict=True):
            height = top - 0.2 * line - (0.04 if line else 0)
            axes.text(left, height, text, va="center", color=INK if line else MUTED, fontsize=8)
    axes.plot([lefts[0], axes.get_xlim()[1]], [top - 0.12, top - 0.12], color="#d0d0d0", linewidth=0.8)
