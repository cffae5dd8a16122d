"""All kinds of faults."""

from faults import faults_configuration, faults_data, faults_download, faults_files, faults_machine, faults_study
from faults.ground import FAULTS, NotHere

__all__ = ["FAULTS", "NotHere"]

MODULES = (faults_configuration, faults_data, faults_download, faults_files, faults_machine, faults_study)
