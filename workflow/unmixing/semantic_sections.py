"""The configuration of the second study, unmixing by named materials: a section for each experiment."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from unmixing.sections import Positive, SceneList, Section, each_once

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Mode = Literal["prototype", "adapter", "fine_tune"]
Modes = Annotated[list[Mode], AfterValidator(each_once)]
Shots = Annotated[list[Positive], AfterValidator(each_once)]
Baseline = Literal[
    "class_mean_scls",
    "class_mean_fcls",
    "class_mean_bilinear",
    "sunsal_library",
    "best_of_library",
    "nearest_mean",
    "constant",
]
Baselines = Annotated[list[Baseline], AfterValidator(each_once)]
Decibels = Annotated[list[Annotated[float, Field(ge=-20, le=100)]], Field(min_length=1)]


class Scenes(Section):
    """Scenes that no training of the model saw: with names alone, with a few pixels, beside a supervised network."""

    stride: Positive = Field(description="every so many rows and columns are unmixed without shots")
    baselines: Baselines = Field(description="methods with the same information as the model")
    ablations: bool = Field(description="whether the model is run without its parts, one at a time")
    vca_draws: Count = Field(description="draws of VCA + FCLS, matched by the references (an oracle); 0: none")
    shots: Shots = Field(description="pixels k of each material that few-shot methods are given; none: no such methods")
    draws: Positive = Field(description="draws of shots")
    modes: Modes = Field(description="of few-shot learning: prototype, adapter, fine_tune")
    trained_draws: Positive = Field(description="draws on which the modes that train something are run")
    steps: Positive = Field(description="updates of these modes")
    shot_stride: Positive = Field(description="every so many rows and columns are tested with shots")
    supervised_epochs: Count = Field(description="of an autoencoder that learns half a scene's references; 0: none")
    bilinear: list[Annotated[float, Field(ge=0, le=2)]] = Field(
        description="strengths of simulated bilinear mixing; none: no such test"
    )
    bilinear_stride: Positive = Field(description="every so many rows and columns are mixed again")


class Maps(Section):
    """Maps of named materials, for figures."""

    stride: Positive = Field(description="every so many rows and columns are kept")


class Areas(Section):
    """Targets of known area (DLR HySU)."""

    baselines: Baselines = Field(description="methods with the same information as the model")
    ablations: bool = Field(description="whether the model is run without its parts, one at a time")
    shots: Annotated[list[Annotated[int, Field(ge=1, le=5)]], AfterValidator(each_once)] = Field(
        description="pixels k of the largest targets, at most 5"
    )
    draws: Positive = Field(description="draws of shots")
    modes: Modes = Field(description="of few-shot learning: prototype, adapter, fine_tune")
    trained_draws: Positive = Field(description="draws on which the modes that train something are run")
    steps: Positive = Field(description="updates of these modes")


class Names(Section):
    """Does language know spectra? Spectra predicted from names that no training saw."""

    encoders: Annotated[list[str], AfterValidator(each_once)] = Field(
        description="beside the controls: minilm, hash, a store of `unmixing anchors`, openclip:MODEL:FILE"
    )
    draws: Annotated[int, Field(ge=5)] = Field(description="draws of permuted and random anchors")


class Envelope(Section):
    """What the operating envelope is measured over."""

    snr_db: Decibels = Field(description="signal to noise ratios, decibels")
    atmosphere: Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=1)] = Field(
        description="strengths of atmospheric residuals"
    )
    distractors: Annotated[list[Count], Field(min_length=1)] = Field(
        description="numbers of named materials that are absent"
    )


class Robustness(Section):
    """What disturbs the model: spectra, words, attacks."""

    draws: Positive = Field(description="sets of pixels")
    pixels: Positive = Field(description="of each set")
    levels: Literal["few", "all"] = Field(description="of the battery of disturbances")
    reliance_snr_db: Decibels = Field(description="where reliance on language is measured, decibels")
    envelope: Envelope = Field(description="the operating envelope")
    text_encoder: str = Field(description="for words that no list holds: minilm, or empty for none")
    attack_pixels: Positive = Field(description="pixels that are attacked")
    attack_steps: Positive = Field(description="of projected gradient descent")
    attack_sizes: Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(min_length=1)] = Field(
        description="largest change of reflectance in a band"
    )
    adversarial_updates: Count = Field(description="of training with attacked pixels; 0: not run")
    scene_stride: Positive = Field(description="every so many rows and columns of the easy scene")


class Cost(Section):
    """Parameters, operations, time, energy and bytes, and smaller forms of the model."""

    pixels: Positive = Field(description="that are timed at once")
    large_pixels: Positive = Field(description="of size L, which is some hundred times slower")
    repeats: Positive = Field(description="of each timing")
    threads: Annotated[list[Positive], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="numbers of threads to time with"
    )
    pruned: list[Share] = Field(description="shares of the weights that are set to zero")
    mixtures: Count = Field(description="generated pixels that smaller forms are scored on, beside the scenes")
    text_encoders: list[str] = Field(description="that are loaded and timed: minilm")
    watts_per_core: Annotated[float, Field(gt=0)] = Field(description="of estimated energies")


class Coverage(Section):
    """Which concepts have spectra, and what lists of materials look like that nobody named."""

    counts: Annotated[list[Positive], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="lengths at most of the lists that `prompts: auto` draws up"
    )
    draws: Positive = Field(description="lists by lot, to compare with")
    pixels: Positive = Field(description="of a scene at most, from which presence is read")
    splits: bool = Field(description="whether to split the library by site and specimen")


class Seeds(Section):
    """The small model trained again with other seeds."""

    seeds: Annotated[list[Count], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="of the trainings; that of the shipped model is 0"
    )
    steps: Count = Field(description="updates of each; 0: those of the shipped model, two minutes of one core")
    stride: Positive = Field(description="every so many rows and columns are unmixed")


class Mixtures(Section):
    """Generated mixtures of held-out spectra, whose truth is exact."""

    draws: Positive = Field(description="sets of pixels")
    pixels: Positive = Field(description="of each set")
    sensors: Annotated[list[str], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="of the unseen spectra: aviris, vnir, sentinel2"
    )
    bilinear: list[Annotated[float, Field(ge=0, le=2)]] = Field(description="strengths of bilinear mixing")
    sensor_updates: Count = Field(description="further training of the shipped model on one sensor; 0: not run")
    transfer_updates: Count = Field(description="short training on one library, tested on the other; 0: not run")
    anchor_updates: Count = Field(description="short trainings with text and with random anchors; 0: not run")
    anchor_trainings: Positive = Field(description="pairs of these")


class Fairness(Section):
    """Gaps between classes, regions of soils, and languages."""

    draws: Positive = Field(description="sets of mixtures")
    pixels: Positive = Field(description="of each set")
    region_updates: Count = Field(description="of short trainings that leave a region's soils out; 0: not run")


class Semantic(Section):
    """Unmixing by named materials: experiments of the second study, each a mapping, or null to leave it out."""

    scenes: SceneList = Field(
        description="scenes that are unmixed by name, trained on by other phases or not; none: no experiment"
    )
    on_scenes: Scenes | None = Field(description="scenes that no training saw")
    maps: Maps | None = Field(description="maps of named materials")
    areas: Areas | None = Field(description="targets of known area")
    names: Names | None = Field(description="does language know spectra?")
    mixtures: Mixtures | None = Field(description="generated mixtures")
    robustness: Robustness | None = Field(description="disturbances, attacks, operating envelope")
    fairness: Fairness | None = Field(description="gaps between classes, regions, languages")
    cost: Cost | None = Field(description="parameters, time, energy, bytes")
    coverage: Coverage | None = Field(description="concepts with spectra, and prompts drawn up automatically")
    seeds: Seeds | None = Field(description="the small model trained again with other seeds")
