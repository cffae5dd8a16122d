"""The sections of a study's configuration, one for each phase: types, ranges, documentation."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from unmixing.augmentation.treatments import TREATMENTS
from unmixing.protocol.audit import AugmentationField, BaselineField, ContrastiveField
from unmixing.protocol.points import Configuration as NamedConfiguration
from unmixing.protocol.points import Head, Variant
from unmixing.scenes.availability import SEMI_REAL_SCENES
from unmixing.scenes.registry import load_registry

Positive = Annotated[int, Field(ge=1)]
Protocol = Literal["described", "released"]


def each_once(names: list[Any]) -> list[Any]:
    """Refuse a list that names something twice."""
    if len(set(names)) < len(names):
        raise ValueError("something is named twice; allowed: each once")
    return names


class Section(BaseModel):
    """A mapping of the configuration: no unknown keys, no conversion of types, no change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Scale(Section):
    """Length and sampling of a phase's trainings."""

    runs: Positive = Field(description="trainings per cell; 25 in the paper")
    epochs: Positive = Field(description="passes over the patches; 320 in the paper's baseline")
    patches: Positive = Field(description="random patches per run; 250 in the paper's baseline")
    patch_size: Positive = Field(description="side of a patch in pixels; 40 in the paper's baseline")
    batch_size: Positive = Field(description="patches per update; 15 in the paper's baseline")
    learning_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        description="of the optimiser; .003 in the paper's baseline"
    )


Protocols = Annotated[list[Protocol], Field(min_length=1), AfterValidator(each_once)]


class ScaleOverride(Section):
    """Any of a phase's lengths and sizes."""

    runs: Positive | None = Field(None, description="trainings per cell")
    epochs: Positive | None = Field(None, description="passes over the patches")
    patches: Positive | None = Field(None, description="random patches per run")
    patch_size: Positive | None = Field(None, description="side of a patch in pixels")
    batch_size: Positive | None = Field(None, description="patches per update")
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = Field(None, description="of the optimiser")


class Override(ScaleOverride):
    """Any of a phase's keys, for one scene."""

    protocols: Protocols | None = Field(None, description="described, released, or both")
    released: ScaleOverride | None = Field(
        None, description="keys that differ once more under released, whose epochs may hold fewer updates"
    )


def known_scenes(names: list[str], info: ValidationInfo) -> list[str]:
    """Refuse a list that names a scene which is neither known nor the user's own."""
    known = [*load_registry(), *SEMI_REAL_SCENES, *(info.context or {}).get("own_scenes", [])]
    for name in names:
        if name not in known:
            raise ValueError(f"scene {name!r} is unknown; allowed: {', '.join(known)}")
    return each_once(names)


SceneList = Annotated[list[str], AfterValidator(known_scenes)]


class ByScene(Section):
    """A phase whose scale and protocols may differ from scene to scene."""

    protocols: Protocols = Field(description="as the paper describes it, as its code was released, or both")
    overrides: dict[str, Override] = Field(description="scene: keys of this section that differ for it")

    @field_validator("overrides")
    @classmethod
    def _scenes_exist(cls, value: dict[str, Override], info: ValidationInfo) -> dict[str, Override]:
        known_scenes(list(value), info)
        return value

    def scale(self, scene: str, protocol: str = "described") -> dict[str, int | float]:
        """Return the scale that holds for a scene under a protocol."""
        scale = {key: getattr(self, key) for key in Scale.model_fields if hasattr(self, key)}
        special = self.overrides.get(scene)
        further = [special, special.released if special and protocol == "released" else None]
        for override in filter(None, further):
            given = override.model_dump(exclude_none=True)
            scale |= {key: value for key, value in given.items() if key in scale}
        return scale

    def protocols_of(self, scene: str) -> list[Protocol]:
        """Return the protocols that a scene is trained under."""
        special = self.overrides[scene].protocols if scene in self.overrides else None
        return special or self.protocols


class Baseline(ByScene, Scale):
    """The baseline phase (paper section 3.1.1)."""


def _known_treatments(names: list[str]) -> list[str]:
    for name in names:
        if name not in TREATMENTS:
            raise ValueError(f"treatment {name!r} is unknown; allowed: {', '.join(TREATMENTS)}")
    return each_once(names)


Treatments = Annotated[list[str], AfterValidator(_known_treatments)]
Regime = Literal["dynamic_unseeded", "fixed_unseeded", "fixed_seeded"]


class Augmentation(ByScene, Scale):
    """The sweep of augmentations (paper sections 2.4 and 3.1.2)."""

    scenes: SceneList = Field(description="scenes of the study that are augmented; none: no sweep")
    treatments: dict[Protocol, Treatments] = Field(
        description="protocol: treatments and controls, by id; a protocol that is not named has all of them"
    )
    regimes: Annotated[list[Regime], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="dynamic_unseeded, fixed_unseeded, fixed_seeded (Table 4)"
    )
    images: Annotated[list[Positive], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="augmented images per run, one arm for each number; 90 and 10 in the paper"
    )
    image_sets: Positive = Field(description="sets of images that the runs of a fixed regime are nested in")
    initialisations: Positive = Field(description="sets of initial weights that the runs of fixed_seeded are nested in")
    jobs: Annotated[int, Field(ge=0)] = Field(
        description="jobs that the cells of a scene and protocol are spread over; 0: one for each cell"
    )

    def treatments_of(self, protocol: str) -> list[str]:
        """Return the treatments of a protocol."""
        chosen: list[str] = {str(key): value for key, value in self.treatments.items()}.get(protocol) or []
        return chosen or list(TREATMENTS)


Grid = Literal["generalized", "nt_xent"]
Factor = Literal["temperature", "lambda", "patch_size", "batch_size", "sigma"]
Levels = Annotated[list[Annotated[int | float, Field(gt=0)]], Field(min_length=1), AfterValidator(each_once)]


class Search(Section):
    """The search over the hyper-parameters of the contrastive phase (sections 3.1.3 and 4.3)."""

    scenes: SceneList = Field(description="scenes of `contrastive` that are searched; none: no search")
    grids: Annotated[list[Grid], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="generalized (1,280 configurations) and nt_xent (320)"
    )
    strategy: Literal["full", "random", "tpe", "tpe_categorical", "gp"] = Field(
        description="full: the whole grid, in jobs of 16 configurations; the others try `evaluations` of them"
    )
    evaluations: Positive = Field(description="configurations that a search other than full trains on each grid")
    levels: dict[Factor, Levels] = Field(description="factor: levels in place of the paper's; others keep theirs")
    objective: Literal["sad", "reconstruction"] = Field(
        description="what is minimised: the angle to the references (an oracle), or that of the reconstruction"
    )
    candidates: Annotated[int, Field(ge=0)] = Field(description="lowest trials of a grid that are trained again")
    candidate_runs: Positive = Field(description="trainings of a candidate with fresh seeds")


class Heads(Section):
    """The projection heads (sections 2.3 and 5.4)."""

    scenes: SceneList = Field(description="scenes of `contrastive` that heads are compared on; none: no heads")
    heads: Annotated[list[Head], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="baseline, low_dimensional, skip, bottleneck, deeper; identity: no head"
    )
    runs: Positive = Field(description="trainings per head")
    jobs: Annotated[int, Field(ge=0)] = Field(description="jobs that the heads are spread over; 0: one for each")


class Agreement(Section):
    """Sixteen configurations of the released sheet, trained again as released but with seeds of their own."""

    scenes: SceneList = Field(description="samson, or none: no comparison of ranks")
    runs: Positive = Field(description="trainings per configuration")
    jobs: Annotated[int, Field(ge=0)] = Field(description="jobs that they are spread over; 0: one for each")

    @field_validator("scenes")
    @classmethod
    def _only_samson(cls, value: list[str]) -> list[str]:
        if value not in ([], ["samson"]):
            raise ValueError("the released sheet has ranks of single scenes for samson; allowed: [samson] or []")
        return value


class Contrastive(ByScene):
    """Contrastive training (paper sections 2.3, 3.1.3 and 4.3)."""

    scenes: SceneList = Field(description="scenes of the study that are trained so; none: no contrastive phase")
    configurations: Annotated[list[NamedConfiguration], AfterValidator(each_once)] = Field(
        description="table7_average, table7_samson, table7_urban4, sheet_best, nt_xent_best, heads_point"
    )
    variants: Annotated[list[Variant], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="generalized, and what it is compared with: lambda_1, permuted, stage1, online, nt_xent, "
        "identity, equal_updates, dot"
    )
    jobs: Annotated[int, Field(ge=0)] = Field(
        description="jobs that the cells of a scene and protocol are spread over; 0: one for each cell"
    )
    runs: Positive = Field(description="trainings per configuration and variant")
    epochs: Positive = Field(description="passes over the patches; 100 in the paper")
    patches: Positive = Field(description="random patches per run; 250 in the paper's code")
    patch_size: Positive | None = Field(description="side of a patch in pixels; null: that of each configuration")
    batch_size: Positive | None = Field(description="patches per update; null: that of each configuration")
    learning_rate: Annotated[float, Field(gt=0, le=1)] = Field(description="of Adam; .003 in the paper's code")
    search: Search = Field(description="over the grids")
    heads: Heads = Field(description="projection heads, a phase of their own")
    agreement: Agreement = Field(description="with the released sheet")


ClassicalMethod = Literal[
    "vca_fcls",
    "vca_scls",
    "sivm_scls",
    "nmf",
    "sunsal_references",
    "fcls_references",
    "nnls_references",
    "scls_references",
]


class Classical(Section):
    """The classical phase: methods without training, oracles, reference rows."""

    methods: Annotated[list[ClassicalMethod], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="classical methods, those ending in _references are oracles"
    )
    runs: Positive = Field(description="draws of the methods that are random, and of chance")


class Audit(Section):
    """The audit: one difference between paper and code at a time."""

    scenes: SceneList = Field(description="scenes of the study whose protocols are taken apart; none: no audit")
    protocols: Protocols = Field(
        description="where the changes start: described, released, or both, as far as the phase is trained so"
    )
    baseline: Annotated[list[BaselineField], AfterValidator(each_once)] = Field(
        description="fields of the baseline's protocol that are changed one at a time"
    )
    augmentation: Annotated[list[AugmentationField], AfterValidator(each_once)] = Field(
        description="fields of the sweep's protocol that are changed one at a time"
    )
    treatments: Annotated[Treatments, Field(min_length=1)] = Field(
        description="treatments at which the sweep's fields are changed, at each of the sweep's numbers of images"
    )
    regime: Regime = Field(description="regime at which they are changed")
    contrastive: Annotated[list[ContrastiveField], AfterValidator(each_once)] = Field(
        description="fields of the contrastive protocol that are changed one at a time"
    )
    configuration: NamedConfiguration = Field(description="named configuration at which they are changed")
    runs: Positive | None = Field(
        description="trainings per cell; null: as many as the phase has on the scene. What the phase lacks of the "
        "unchanged ones is trained too"
    )
    jobs: Annotated[int, Field(ge=0)] = Field(
        description="jobs that the cells of a scene and protocol are spread over; 0: one for each cell"
    )
