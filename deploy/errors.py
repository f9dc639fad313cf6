"""The root of what this package raises for reasons that a person can mend."""


class DeployError(RuntimeError):
    """Says in one line what was expected, what came and what to do; the command line prints it without a traceback."""

    exit_status = 1
