"""What a network does, for diagrams: its layers are recorded while it runs once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from unmixing.figures.diagram import Layer

if TYPE_CHECKING:
    import torch


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
