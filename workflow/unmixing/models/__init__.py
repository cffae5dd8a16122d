"""Networks. ``CNNAEU`` is imported on first use, because it needs torch."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unmixing.models.cnnaeu import CNNAEU

__all__ = ["CNNAEU"]


def __getattr__(name: str) -> object:
    """Load the network, and torch with it, when it is asked for."""
    if name == "CNNAEU":
        from unmixing.models.cnnaeu import CNNAEU

        return CNNAEU
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
