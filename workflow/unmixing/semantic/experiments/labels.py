"""What stands in the rows of the experiments on generated pixels: columns, methods, tests. Nothing heavy is imported.

``draw`` numbers sets of pixels: rows of one setting and draw saw the same pixels and are compared in pairs.
"""

from collections.abc import Mapping

# Methods.
MODEL, NO_PRIOR = "model", "model, no prior"
#: With the decoder's spectrum of each name, or the library's mean, in the place of spectra that pixels choose.
DECODED_PRIOR, DECODED, LIBRARY_PRIOR = "model, decoded spectra", "decoded spectra, no prior", "model, library means"
#: The prior that is not the default of ``unmix``.
OTHER_PRIOR = "model, other prior"
SCLS, FCLS, ENCODER, CONSTANT = "class-mean SCLS", "class-mean FCLS", "encoder alone", "constant"
SUNSAL, ORACLE, BILINEAR_ORACLE = "SUnSAL, library", "oracle: true spectra", "oracle: true spectra and scattering"
RETRAINED = "model, trained further on this sensor"
TEXT_SHORT, RANDOM_SHORT = "short training, text anchors", "short training, random anchors"
KNOWN_SPECTRUM = "model, unseen name, spectrum of the library"
MADE_UP = "model, unseen name, spectrum made up from text"
SEEN_MEAN = "mean of all seen concepts"
OTHER_SCLS, OWN_SCLS = "SCLS, means of the training library", "SCLS, means of the tested library (in-sample)"
TRANSFERRED = "short training on the training library"
SANITISED, HARDENED = "model, input sanitised", "model, adversarially trained"
WITH, WITHOUT = "short training, all regions", "short training, region left out"
PIXELS = "pixels"
TRAINED_WORDINGS, UNSEEN_WORDINGS = "trained wordings", "unseen wordings"

# Tests of robustness.
BASE = "base"
UNDISTURBED, UNATTACKED = "undisturbed", "no attack"
NOISE, ENVELOPE, REQUIREMENT, RELIANCE = "noise", "envelope", "requirement", "reliance on language"
MISSPELLING, DISTRACTED, MISSING, MISLEADING = "misspelling", "distractors", "missing name", "misleading name"
COMPOSED = "composed prompts"
RAW, RESOLVED = "raw", "resolved"
CHANCE = "random signs"
ATTACKS = ("FGSM", "FGSM, smooth", "PGD", "PGD, smooth", "PGD on the encoder")
CORRECT, SHUFFLED, RANDOM, NO_LANGUAGE = "correct anchors", "shuffled anchors", "random anchors", "no prior"
FIXED, OTHER = ", fixed weight", ", other prior"

#: Difference in aRMSE below which two kinds of anchors count as equal.
MARGIN = 0.01

MIXTURE_COLUMNS: Mapping[str, type] = {
    "protocol": str,
    "setting": str,
    "number": float,
    "method": str,
    "draw": int,
    "metric": str,
    "value": float,
    "n": int,
    "reason": str,
    "note": str,
}
ROBUSTNESS_COLUMNS: Mapping[str, type] = {
    "test": str,
    "level": str,
    "number": float,
    "method": str,
    "draw": int,
    "metric": str,
    "value": float,
    "n": int,
    "snr_db": float,
    "atmosphere": float,
    "distractors": int,
    "reason": str,
    "note": str,
}
FAIRNESS_COLUMNS: Mapping[str, type] = {
    "aspect": str,
    "group": str,
    "method": str,
    "draw": int,
    "metric": str,
    "value": float,
    "low": float,
    "high": float,
    "n": int,
    "clusters": int,
    "reason": str,
    "note": str,
}
