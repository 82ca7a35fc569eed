"""The one kind of error that a user can cause: bad input."""


class BadInput(ValueError):
    """Something given from outside is wrong.

    The message is one line: what was wrong, the value, and what is allowed. Command lines print
    it and exit with status 2; libraries may catch it as the ``ValueError`` it is.
    """


def require(condition: bool, name: str, value: object, allowed: str) -> None:
    """Raise :class:`BadInput` naming the parameter, its value and what is allowed."""
    if not condition:
        raise BadInput(f"{name} is {value!r}; allowed: {allowed}")
