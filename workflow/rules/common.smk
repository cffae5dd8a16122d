# What a job needs, for the resources of its rule.
from unmixing.needs import evaluation_needs, training_needs


def training(wildcards):
    return training_needs(
        study, wildcards.phase, wildcards.protocol, wildcards.scene, wildcards.job
    )


def scoring(wildcards):
    return evaluation_needs(study, wildcards.phase, wildcards.protocol, wildcards.scene)
