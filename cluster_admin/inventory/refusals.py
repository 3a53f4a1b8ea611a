"""Why a change of the inventory is not made."""


class Refused(Exception):
    """A change that cannot be made; the message is the sentence, `path` says where."""

    def __init__(self, sentence: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.path = path


class Overridable(Refused):
    """A change that is made all the same when it is forced."""
