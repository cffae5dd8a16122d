"""Where the text and the released code part ways: what each field of the audit rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unmixing.protocol.audit import MATCHING


@dataclass(frozen=True)
class Source:
    """What the paper says of a field, and what its code did.

    Attributes:
        item: Number in the list of differences between paper and code; empty for what has none.
        paper: Section, equation, table or figure, and what stands there.
        code: File and function of the public code, and what it does.
    """

    item: str
    paper: str
    code: str


CODE_NOTE = (
    "MAIN/ and OA/ stand for Code/MAIN CODE/ and Code/Original Autoencoder/ of the public snapshot a73d886 "
    "(lmcastanedame/Contrastive-Learning-Driven-Hyperspectral-Unmixing-with-Convolutional-Autoencoders). CNNAEU "
    "notebook: Method_CNNAEU of its authors (burknipalsson/hu_autoencoders); the snapshot holds no script of the "
    "baseline, and that it was this notebook is inferred from the stored results."
)

_MATCHING = Source(
    "1.1",
    "Silent on how estimated endmembers find their references",
    "Function order_endmembers: greedy, the smallest angle first",
)
_AUGMENT = "OA/, 90-image scripts, function augment_and_extract"
_PATCHES = "OA/, function training_input_fn_tf"

SOURCES: Mapping[tuple[str, str], Source] = {
    ("baseline", "loss"): Source(
        "C1",
        "Section 2.3.1, equation 18: arccosine of the inner product of the two unit spectra",
        "CNNAEU notebook, function SAD: arccosine of each band's product, never summed over the bands",
    ),
    ("baseline", "batch_norm"): Source(
        "C2",
        "Silent; section 2.3 follows CNNAEU, which has batch normalisation",
        "CNNAEU notebook, Encoder.call: layers built anew in each call, so scale 1 and shift 0 are never trained and "
        "prediction uses mean 0 and variance 1",
    ),
    ("baseline", "initial_weights"): Source(
        "C3",
        "Section 3.1.1: 25 independent runs",
        "CNNAEU notebook: one RandomNormal object for all layers and runs, which repeats its values in Keras 2.13 to "
        "2.15; the 25 stored runs share their channels",
    ),
    ("baseline", "activation"): Source("A21", "Figure 1: ReLU", "Encoder: LeakyReLU with slope .02"),
    ("baseline", "input"): Source(
        "",
        "Section 2.4: each image was used as a single input; section 2.2: patches",
        "CNNAEU notebook, extract_patches_2d: 250 random patches of 40 x 40 pixels",
    ),
    ("baseline", MATCHING): _MATCHING,
    ("augmentation", "recipe"): Source(
        "B4",
        "Section 3.1.2: each set was used to train the autoencoder again",
        "OA/, sweep scripts: Adam at .001 in place of RMSprop at .003, softmax without scale, the true angle, and a "
        "stop after 10 epochs without progress",
    ),
    ("augmentation", "patches"): Source(
        "B2",
        "Section 2.2: patch-based sampling",
        f"{_PATCHES}: a fixed grid from the upper left corner, no overlap; the rest of the image is never seen",
    ),
    ("augmentation", "parameters"): Source(
        "B1",
        "Table 2: crops of 50, 75 and 95 %, three flips, blurs up to 1.0 and 2.0",
        f"{_AUGMENT}: crop, flip and sigma are never handed on, so every crop is 95 %, every flip turns by 180 "
        "degrees, every blur goes up to 2.0",
    ),
    ("augmentation", "flip_names"): Source(
        "B3",
        "Table 2: vertical, horizontal",
        "OA/, function apply_augmentation: 'vertical' turns left to right and 'horizontal' upside down, of arrays that "
        "lie transposed to the scene, so that the names are right for the scene",
    ),
    ("augmentation", "jitter"): Source(
        "B5",
        "Table 2: noise-based perturbation",
        "OA/, function apply_augmentation: one factor in .8 to 1.2 for the whole image",
    ),
    ("augmentation", "undo_jitter"): Source(
        "B5",
        "Silent",
        "OA/, sweep scripts: abundances are multiplied by the same factor, which the angle does not see",
    ),
    ("augmentation", "blur_padding"): Source(
        "4.2",
        "Table 2: blur, its border not told",
        "OA/, function apply_augmentation: zeros beyond the border, kernel of 3, 5 or 7 pixels whatever sigma is",
    ),
    ("augmentation", "initial_weights"): Source(
        "B6",
        "Table 4: no seed in two of three regimes",
        "OA/, sweep scripts: one initializer object for a scene's 18 treatments and 25 runs, in every regime",
    ),
    ("augmentation", "accumulation"): Source(
        "B4",
        "Silent",
        "OA/, 90-image scripts, training step: gradients of two batches are summed into one update",
    ),
    ("augmentation", "shuffle"): Source(
        "B4", "Silent", f"{_PATCHES}, 10-image scripts: patches keep their order, image after image"
    ),
    ("augmentation", MATCHING): _MATCHING,
    ("contrastive", "view_axes"): Source(
        "A1",
        "Section 2.4: crop and blur of a patch",
        "MAIN/training_dataset_functions.py, HSI_Dataset.__getitem__: bands come first when MAIN/augmentations.py "
        "expects rows, so crop and blur act on bands and rows; jitter is a gain, the border of the blur zero",
    ),
    ("contrastive", "labels"): Source(
        "A2",
        "Section 3.1.3, equation 20: weights from the samples' own abundances",
        "MAIN/, train_epoch: labels[:inputs.size(0)] while the loader shuffles, so that every batch has the labels of "
        "the first patches",
    ),
    ("contrastive", "label_orientation"): Source(
        "A3",
        "Section 3.1.3: abundances of the sample",
        "MAIN/, load_HSI: transposes the cube and leaves the abundances, which are cut at mirrored places",
    ),
    ("contrastive", "label_source"): Source(
        "A5",
        "Abstract: self-supervised, and a supervised NT-Xent; equation 20: abundance values",
        "MAIN/, training: labels are means of the scene's reference abundances",
    ),
    ("contrastive", "abundance_gain"): Source(
        "A4",
        "Silent; section 2.1.1 lets abundances sum to one",
        "MAIN/autoencoder.py, AlphaScalingLayer: is handed the batch size in place of the jitter's factor",
    ),
    ("contrastive", "scaling"): Source(
        "A6",
        "Section 3.1.3: weights normalised to a distribution, as in NT-Xent's mean",
        "MAIN/losses.py, generalized loss: sum over 2N views divided by N, twice the scale of its NT-Xent",
    ),
    ("contrastive", "normalisation"): Source(
        "eq. 20",
        "Section 3.1.3: normalised across all pairs",
        "MAIN/losses.py, generalized loss: each row is normalised on its own",
    ),
    ("contrastive", "view_choice"): Source(
        "A12",
        "Section 3.1.3: the selected augmentations",
        "MAIN/augmentations.py, apply_augmentation: coins in turn, .5 blur, .25 crop and blur, .125 crop, jitter and "
        "blur, .125 nothing",
    ),
    ("contrastive", "crop"): Source(
        "A12",
        "Section 3.1.3: the best of the sweep, which crops to 95 % inside combinations",
        "MAIN/augmentations.py, apply_augmentation: default .75",
    ),
    ("contrastive", "sigma"): Source(
        "A12",
        "Section 3.1.3: the best of the sweep, with sigma up to 2.0",
        "MAIN/augmentations.py, apply_augmentation: default 1.0",
    ),
    ("contrastive", "decoder"): Source(
        "A13",
        "Equation 4: abundances times endmembers; section 2.3: non-negative",
        "MAIN/autoencoder.py, NonNegativeConv2d: rectified raw weights, a bias, and a ReLU on the output",
    ),
    ("contrastive", "initialisation"): Source(
        "A13",
        "Silent",
        "MAIN/autoencoder.py, _initialize_weights: Kaiming uniform in the encoder, with biases; N(0, .03) in the "
        "decoder",
    ),
    ("contrastive", "activation"): Source("A21", "Figure 1: ReLU", "MAIN/autoencoder.py: LeakyReLU with slope .02"),
    ("contrastive", "latent"): Source(
        "A16",
        "Section 2.3: the head takes the abundance map",
        "MAIN/autoencoder.py, forward: mean of the abundances after dropout, K numbers that sum to one",
    ),
    ("contrastive", "clip_angle"): Source(
        "A17", "Equation 18", "MAIN/losses.py, SAD: the cosine goes into arccos without bounds"
    ),
    ("contrastive", "head"): Source(
        "A20",
        "Section 2.3, equations 9 to 17: ReLU after every layer",
        "MAIN/autoencoder.py, Autoencoder.__init__: none after the last layer; skip and bottleneck are built otherwise",
    ),
    ("contrastive", MATCHING): _MATCHING,
}
"""By phase and field of its protocol."""
