"""A resolver of our own: names that exist only in a test."""

from collections.abc import Mapping, Sequence


class Names:
    """Resolves by a table; a name with several answers gives the next one each time it is asked.

    The last answer stays. `asked` lists the names in the order in which they were asked for.
    """

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self.asked: list[str] = []
        self._answers = {name: list(each) for name, each in answers.items()}

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self._answers.get(host.removesuffix(".").lower())
        if answers is None:
            raise OSError(f"no such name: {host}")
        return answers.pop(0) if len(answers) > 1 else answers[0]
