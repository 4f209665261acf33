"""The one exception whose text is meant for the person at the keyboard."""


class BadInput(ValueError):
    """One line: what is wrong, where, and what to do. The command line turns it into exit code 2."""
