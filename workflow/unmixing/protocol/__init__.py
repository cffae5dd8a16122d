"""The two protocols of each phase: as the paper describes the study, and as its code was released."""
