"""The one family of errors that a user of the study can meet."""


class UnmixingError(Exception):
    """A fault that the user can mend.

    Its message is one line that says what is wrong, where, and what to do. Programs print that line
    and exit with a non-zero status; anything else that is raised is a defect of the software.
    """
