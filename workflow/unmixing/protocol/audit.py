"""One difference at a time: the protocols of three phases with a single field changed.

From ``described`` a field takes its released value, from ``released`` its described one, and fields in which the
protocols agree take a value that the text or the code also names. Trainings that differ in one field share their
schedule and their streams with the phase's own, so that run r is compared with run r.
"""

from dataclasses import replace
from typing import Any, Literal, get_args

from unmixing.augmentation.treatments import arm_of, operations
from unmixing.protocol.augmentation import PROTOCOLS as SWEEP
from unmixing.protocol.augmentation import AugmentationProtocol
from unmixing.protocol.baseline import PROTOCOLS as BASELINE
from unmixing.protocol.baseline import BaselineProtocol
from unmixing.protocol.contrastive import PROTOCOLS as CONTRASTIVE
from unmixing.protocol.contrastive import ContrastiveProtocol
from unmixing.protocol.points import POINTS

AuditedPhase = Literal["baseline", "augmentation", "contrastive"]
BaselineField = Literal["loss", "batch_norm", "initial_weights", "activation", "input", "matching"]
AugmentationField = Literal[
    "recipe",
    "patches",
    "parameters",
    "flip_names",
    "jitter",
    "undo_jitter",
    "blur_padding",
    "initial_weights",
    "accumulation",
    "shuffle",
    "matching",
]
ContrastiveField = Literal[
    "view_axes",
    "labels",
    "label_orientation",
    "label_source",
    "abundance_gain",
    "scaling",
    "normalisation",
    "view_choice",
    "crop",
    "sigma",
    "decoder",
    "initialisation",
    "activation",
    "latent",
    "clip_angle",
    "head",
    "matching",
]
Protocol = BaselineProtocol | AugmentationProtocol | ContrastiveProtocol

PHASES: tuple[AuditedPhase, ...] = get_args(AuditedPhase)
FIELDS: dict[str, tuple[str, ...]] = {
    "baseline": get_args(BaselineField),
    "augmentation": get_args(AugmentationField),
    "contrastive": get_args(ContrastiveField),
}
"""By phase the fields that can be changed, in the order of its protocol.

``seeds`` of the contrastive phase is none of them: one seed for all runs leaves a single run, which has no effect that
could be told from chance.
"""

AUDIT_ONLY: dict[tuple[str, str], Any] = {
    ("baseline", "activation"): "relu",
    ("baseline", "input"): "whole_image",
    ("augmentation", "flip_names"): "swapped",
    ("contrastive", "label_source"): "stage1",
    ("contrastive", "normalisation"): "joint",
    ("contrastive", "activation"): "relu",
}
"""Values of fields in which the protocols agree: of a figure, an equation, the abstract, or a name in the code."""

MATCHING = "matching"
"""The one field that changes no training: the same runs are scored again."""
UNCHANGED = "unchanged"
"""In place of a field: the cell that changed ones are compared with, where the phase itself lacks runs of it."""
STANDARD = "standard"
"""The setting of a cell with nothing to set."""

_PROTOCOLS: dict[str, dict[str, Any]] = {"baseline": BASELINE, "augmentation": SWEEP, "contrastive": CONTRASTIVE}
_OF_LABELS = ("labels", "label_orientation", "label_source", "scaling", "normalisation")
_OF_IMAGES = ("parameters", "flip_names", "jitter", "blur_padding")


def starting_point(phase: str, protocol: str) -> Protocol:
    """Return the protocol that changes start from.

    That of the contrastive phase has a seed for each run: under the one seed of ``released`` there is a single run, and
    nothing could be said of a difference.
    """
    known: Protocol = _PROTOCOLS[phase][protocol]
    return replace(known, seeds="per_run") if isinstance(known, ContrastiveProtocol) else known


def flipped_value(phase: str, protocol: str, field: str) -> Any:  # noqa: ANN401 -- word, number or truth value
    """Return the value that a field takes when it alone is changed.

    Args:
        phase: one of ``PHASES``.
        protocol: ``described`` or ``released``, from which the change starts.
        field: one of ``FIELDS`` of the phase.
    """
    if (phase, field) in AUDIT_ONLY:
        return AUDIT_ONLY[phase, field]
    return getattr(_PROTOCOLS[phase]["released" if protocol == "described" else "described"], field)


def flip(phase: str, protocol: str, field: str) -> Protocol:
    """Return a protocol of a phase with one field changed.

    Raises:
        ValueError: the field is not one that the audit changes.
    """
    if field not in FIELDS[phase]:
        raise ValueError(f"the audit of {phase} changes {', '.join(FIELDS[phase])}, not {field!r}")
    return replace(starting_point(phase, protocol), **{field: flipped_value(phase, protocol, field)})


def idle(phase: str, protocol: str, field: str, place: str) -> str:
    """Return why a change cannot move anything, by construction; empty where it can.

    Args:
        phase: one of ``PHASES``.
        protocol: from which the change starts.
        field: one of ``FIELDS`` of the phase.
        place: in the sweep an arm (``crop_blur-dynamic_unseeded-90``), in the contrastive phase a named configuration.
    """
    if phase == "contrastive" and field in _OF_LABELS and POINTS[place]["loss"] == "nt_xent":
        return "NT-Xent has no labels"
    return _idle_in_sweep(protocol, field, place) if phase == "augmentation" else ""


def _idle_in_sweep(protocol: str, field: str, arm: str) -> str:
    treatment, _, images = arm.split("-")
    start, sweep = SWEEP[protocol], arm_of(int(images))
    if treatment == "control_baseline" and field not in ("recipe", "initial_weights", MATCHING):
        return "this control is the baseline, which takes no images"
    todo = operations(treatment, start.images(), sweep)
    if field in _OF_IMAGES:
        changed = operations(treatment, flip("augmentation", protocol, field).images(), sweep)  # type: ignore[union-attr]
        return "" if changed != todo else "the images of this treatment stay as they are"
    if field == "undo_jitter" and todo.jitter != "gain":
        return "no gain is drawn that could be undone"
    if field == "accumulation" and (start.recipe != "sweep" or sweep != 90):
        return "two batches are added up in the released recipe of 90 images alone"
    if field == "shuffle" and (start.patches != "corner_grid" or sweep == 90):
        return "the order is fixed on the grid of 10 images alone"
    return ""


def setting_of(phase: str, field: str, place: str = "") -> str:
    """Return the setting of a cell of the audit.

    Args:
        phase: one of ``PHASES``.
        field: one of ``FIELDS`` of the phase, or ``UNCHANGED``.
        place: in the sweep the arm; a study has one named configuration, which its settings do not repeat.
    """
    return f"{phase}_{field}-{place}" if phase == "augmentation" else f"{phase}_{field}"


def parts_of(setting: str) -> tuple[str, str, str]:
    """Return phase, field and place of a setting that ``setting_of`` made; the place is empty but in the sweep."""
    phase, _, rest = setting.partition("_")
    field, _, place = rest.partition("-")
    return phase, field, place


def own_setting(phase: str, place: str) -> str:
    """Return how the phase itself calls the setting that is changed.

    Args:
        phase: one of ``PHASES``.
        place: as in ``idle``.
    """
    return {"baseline": STANDARD, "augmentation": place, "contrastive": f"{place}-generalized"}[phase]


def unchanged(phase: str, protocol: str, place: str) -> tuple[str, str]:
    """Return under which phase and setting the runs are stored that changed ones are compared with.

    These are the phase's own wherever its protocol is the starting point; else the audit has them.

    Args:
        phase: one of ``PHASES``.
        protocol: from which the changes start.
        place: as in ``idle``.
    """
    if starting_point(phase, protocol) == _PROTOCOLS[phase][protocol]:
        return phase, own_setting(phase, place)
    return "audit", setting_of(phase, UNCHANGED, place)
