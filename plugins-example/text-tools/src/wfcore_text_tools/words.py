"""The `count_words` handler."""

import re
from collections import Counter

from pydantic import BaseModel, Field

from wfcore import Handler, NodeContext

__all__ = ["CountWords"]


class CountWords(Handler):
    """Count the words of a text, and tell which occur most."""

    name = "count_words"
    example = {"text": "to be or not to be", "most": 2}

    class Config(BaseModel):
        """The text."""

        text: str = Field(description="Its words are runs of letters and digits.")
        most: int = Field(default=10, ge=0, le=1000, description="How many of the words to list.")

    class Output(BaseModel):
        """The counts."""

        words: int = Field(description="How many words the text has.")
        most: dict[str, int] = Field(description="The words that occur most, in small letters.")

    def run(self, config: Config, context: NodeContext) -> Output:
        """Count; a long text takes a while, so it runs in a thread and can be stopped."""
        counts: Counter[str] = Counter()
        for number, found in enumerate(re.finditer(r"\w+", config.text)):
            counts[found[0].lower()] += 1
            if number % 100_000 == 0:
                context.heartbeat()
        return self.Output(words=counts.total(), most=dict(counts.most_common(config.most)))
