"""The trainings that are compared, update by update: the plain port and the library's own."""

from typing import Protocol

import numpy as np
import plain_port
import torch

from unmixing.losses.angles import sad_loss
from unmixing.models.cnnaeu import CNNAEU
from unmixing.patches import cut_patches
from unmixing.training.fitting import Optimisation, as_image

LEARNING_RATE = 0.003


class Arm(Protocol):
    """One training."""

    def step(self, corners: np.ndarray) -> float:
        """Cut the patches at ``corners`` (count, 2), do one update and return the loss before it."""

    def endmembers(self) -> np.ndarray:
        """Return the endmembers (K, bands)."""


class Library:
    """The library's training, as ``unmixing.training.fitting.fit`` does it (a test compares the two)."""

    def __init__(self, cube: np.ndarray, network: CNNAEU, size: int) -> None:
        """Take a cube (rows, columns, bands), a network and the side of a patch."""
        self.image = as_image(cube)
        self.network = network.train()
        self.size = size
        self.optimiser = Optimisation(epochs=1, learning_rate=LEARNING_RATE).build(network.parameters())
        self.optimiser.zero_grad(set_to_none=True)

    def step(self, corners: np.ndarray) -> float:
        """Do one update and return the loss before it."""
        torch.set_deterministic_debug_mode("error")  # as `unmixing train` does: new memory is filled, which takes time
        batch = cut_patches(self.image, corners, self.size)
        loss = sad_loss(self.network(batch)[0], batch)
        torch.autograd.backward(loss)
        value = float(loss.detach())
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.network.project()
        return value

    def endmembers(self) -> np.ndarray:
        """Return the endmembers (K, bands)."""
        return self.network.endmembers().numpy()


class Plain:
    """The plain port on the same cube, bands first in memory."""

    def __init__(self, cube: np.ndarray, network: plain_port.PlainCNNAEU, size: int, loss=plain_port.angle) -> None:
        """Take a cube (rows, columns, bands), a network, the side of a patch and a loss function."""
        self.image = as_image(cube).contiguous()
        self.network = network.train()
        self.size = size
        self.loss = loss
        self.optimiser = plain_port.rmsprop(network)

    def step(self, corners: np.ndarray) -> float:
        """Do one update and return the loss before it."""
        torch.set_deterministic_debug_mode("default")
        patches = plain_port.cut(self.image, corners.tolist(), self.size)
        return plain_port.step(self.network, self.optimiser, patches, self.loss)

    def endmembers(self) -> np.ndarray:
        """Return the endmembers (K, bands): the spatial mean of the decoder's kernel."""
        return self.network.decoder.weight.detach().mean(dim=(2, 3)).T.numpy().copy()


def parameter_pairs(ours: CNNAEU, plain: plain_port.PlainCNNAEU) -> list[tuple[torch.nn.Parameter, torch.nn.Parameter]]:
    """Return the parameters of the library's network beside those of the plain one."""
    spatial, _, first, _, pointwise, _, second, _ = plain.encoder
    pairs = [(ours.spatial, spatial), (ours.pointwise, pointwise), (ours.decoder, plain.decoder)]
    norms = [(ours.norms[0], first), (ours.norms[1], second)]
    return [(a.weight, b.weight) for a, b in pairs + norms] + [(a.bias, b.bias) for a, b in norms]


def plain_twin(ours: CNNAEU) -> plain_port.PlainCNNAEU:
    """Return a plain network with a copy of the weights of the library's."""
    endmembers, bands = ours.endmembers().shape
    plain = plain_port.PlainCNNAEU(bands, endmembers)
    with torch.no_grad():
        for source, target in parameter_pairs(ours, plain):
            target.copy_(source)
    return plain
