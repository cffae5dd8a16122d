"""CNNAEU in plain PyTorch: what a careful reader of the paper would write first, and what speed is measured against.

Ordinary layers in their default memory layout, the spectral angle from two normalised spectra, torch's RMSprop, and
nothing else. A test holds the hash of this file: the yardstick does not change unnoticed.
"""

import torch
from torch import nn
from torch.nn import functional as F


class PlainCNNAEU(nn.Module):
    """Encoder to abundances on the simplex, linear decoder; batch normalisation with Keras' constants."""

    def __init__(self, bands, endmembers):
        """Build the layers with torch's own initial weights."""
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(bands, 48, 3, padding=1, bias=False),
            nn.LeakyReLU(0.02),
            nn.BatchNorm2d(48, eps=1e-3, momentum=0.01),
            nn.Dropout2d(0.2),
            nn.Conv2d(48, endmembers, 1, bias=False),
            nn.LeakyReLU(0.02),
            nn.BatchNorm2d(endmembers, eps=1e-3, momentum=0.01),
            nn.Dropout2d(0.2),
        )
        self.decoder = nn.Conv2d(endmembers, bands, 13, padding=6, bias=False)

    def forward(self, patches):
        """Return reconstruction (N, bands, rows, columns) and abundances (N, K, rows, columns)."""
        abundances = torch.softmax(3 * self.encoder(patches), dim=1)
        return self.decoder(abundances), abundances


def angle(x, y):
    """Return the mean spectral angle in radians of spectra along the second axis (equation 18)."""
    cosine = (F.normalize(x, dim=1) * F.normalize(y, dim=1)).sum(dim=1)
    return torch.acos(cosine.clamp(-1 + 1e-6, 1 - 1e-6)).mean()


def cosine_angle(x, y):
    """Return the same with ``F.cosine_similarity``: an equally plain way to write it."""
    return torch.acos(F.cosine_similarity(x, y, dim=1).clamp(-1 + 1e-6, 1 - 1e-6)).mean()


def rmsprop(model):
    """Return the optimiser."""
    return torch.optim.RMSprop(model.parameters(), lr=0.003, alpha=0.9, eps=1e-7)


def cut(image, corners, size):
    """Return patches (N, bands, size, size) of an image (bands, rows, columns)."""
    return torch.stack([image[:, row : row + size, column : column + size] for row, column in corners])


def step(model, optimiser, patches, loss_function):
    """Do one update and return the loss before it."""
    optimiser.zero_grad()
    reconstruction, _ = model(patches)
    loss = loss_function(reconstruction, patches)
    loss.backward()
    optimiser.step()
    with torch.no_grad():
        model.decoder.weight.clamp_(min=0)
    return loss.item()
