"""Named random streams.

Every random choice of a run comes from one of five named streams: initialisation, augmentation, patches,
shuffling, dropout. All but augmentation derive from the study's entropy, the scene and the run's index, not
from treatment, setting or protocol: run r of every arm then starts from the same weights and sees the same
patches (common random numbers), so that arms are compared in pairs.
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

STREAM_NAMES = ("initialisation", "augmentation", "patches", "shuffling", "dropout")


@dataclass(frozen=True)
class Streams:
    """The seed sequences of one run, one for each named stream."""

    initialisation: np.random.SeedSequence
    augmentation: np.random.SeedSequence
    patches: np.random.SeedSequence
    shuffling: np.random.SeedSequence
    dropout: np.random.SeedSequence

    def record(self) -> dict[str, int]:
        """Return the first 64-bit word of each stream: what a run's row keeps of its seeds."""
        return {name: torch_seed(getattr(self, name)) for name in STREAM_NAMES}


def seed_sequence(entropy: int, *names: str | int) -> np.random.SeedSequence:
    """Return the stream that a path of names addresses.

    Args:
        entropy: the study's seed, any non-negative integer; 0 is a seed like any other.
        names: scene, stream, run index and the like. Different paths give independent streams.
    """
    path = "/".join(f"{type(name).__name__}:{name}" for name in names)
    digest = hashlib.sha256(path.encode()).digest()
    words = tuple(int.from_bytes(digest[at : at + 4], "little") for at in range(0, 16, 4))
    return np.random.SeedSequence(entropy, spawn_key=words)


def run_streams(
    entropy: int,
    scene: str,
    run: int,
    initialisation: int | None = None,
    augmentation: tuple[str | int, ...] | None = None,
) -> Streams:
    """Return the streams of one run.

    Args:
        entropy: the study's seed.
        scene: scene id.
        run: index of the run, from 0.
        initialisation: index of the set of initial weights that the run shares with others; its own if None.
        augmentation: what the augmented images depend on (treatment, image set or run); the run alone if None.
    """
    return Streams(
        initialisation=seed_sequence(
            entropy, scene, "initialisation", run if initialisation is None else initialisation
        ),
        augmentation=seed_sequence(entropy, scene, "augmentation", *((run,) if augmentation is None else augmentation)),
        patches=seed_sequence(entropy, scene, "patches", run),
        shuffling=seed_sequence(entropy, scene, "shuffling", run),
        dropout=seed_sequence(entropy, scene, "dropout", run),
    )


def torch_seed(sequence: np.random.SeedSequence) -> int:
    """Return a seed below 2**63, the range that every torch generator takes."""
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def torch_generator(sequence: np.random.SeedSequence, device: "str | torch.device" = "cpu") -> "torch.Generator":
    """Return a torch generator on ``device`` that starts at ``sequence``."""
    import torch

    generator = torch.Generator(device=device)
    generator.manual_seed(torch_seed(sequence))
    return generator
