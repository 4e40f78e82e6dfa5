"""What can go wrong, each with its exit code. `cli.main` is the one place that prints them."""

from typing import ClassVar


class ScaffoldError(Exception):
    """The project has a problem.

    Args:
        message: What happened and where, in one line.
        hint: What to do next, in one line.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ScaffoldError):
    """The command line or an answer is wrong."""

    exit_code = 2


class TemplateError(ScaffoldError):
    """The template cannot be read or rendered."""

    exit_code = 2


class EnvironmentLackError(ScaffoldError):
    """This machine lacks something: a tool, space, a permission."""

    exit_code = 3


class LeftError(ScaffoldError):
    """Somebody left while something was halfway, and can be finished or taken back."""

    exit_code = 130
