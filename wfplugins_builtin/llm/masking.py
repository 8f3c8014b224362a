"""Keeping credentials out of everything that is said, stored or shown."""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

__all__ = ["MASK", "Mask", "credentials_of"]

MASK = "***"
_ATTRIBUTES = ("api_key", "_api_key", "auth_token", "_auth_token", "token", "_token")
_SHORTEST = 6
# Vendors quote the key that they refuse, often with its middle left out.
_LOOKS_LIKE_KEY = re.compile(r"\b(?:sk|pk|gsk|xai)[-_][\w*.-]{6,}|\bAIza[\w*-]{10,}|\bBearer \S+")


class Mask:
    """Replaces credentials in texts."""

    def __init__(self, credentials: Iterable[str]) -> None:
        self._credentials = sorted(set(credentials), key=len, reverse=True)

    def answer(self, text: str) -> str:
        """Return what a model said, without the credentials that were sent to it."""
        for credential in self._credentials:
            text = text.replace(credential, MASK)
        return text

    def error(self, text: str) -> str:
        """Return what went wrong, also without what only looks like a credential."""
        return _LOOKS_LIKE_KEY.sub(MASK, self.answer(text))

    def streamed(self, hand_on: Callable[[str], None]) -> "MaskedStream":
        """Return what masks a text that comes in pieces."""
        return MaskedStream(self, hand_on)

    def held_back(self, text: str) -> int:
        """Return the length of the end of a text that may be the beginning of a credential."""
        return max(
            (
                length
                for credential in self._credentials
                for length in range(1, min(len(credential), len(text) + 1))
                if text.endswith(credential[:length])
            ),
            default=0,
        )


class MaskedStream:
    """Hands on pieces of text; a credential is masked even where it is cut in two."""

    def __init__(self, mask: Mask, hand_on: Callable[[str], None]) -> None:
        self._mask = mask
        self._hand_on = hand_on
        self._pending = ""

    def feed(self, piece: str) -> None:
        """Take the next piece."""
        text = self._mask.answer(self._pending + piece)
        sure = len(text) - self._mask.held_back(text)
        self._pending = text[sure:]
        if sure:
            self._hand_on(text[:sure])

    def finish(self) -> None:
        """Hand on what was held back."""
        if self._pending:
            self._hand_on(self._pending)
        self._pending = ""


def credentials_of(provider: Any) -> set[str]:
    """Return what a provider of pydantic-ai authenticates with, wherever its client keeps it."""
    client = getattr(provider, "client", None)
    holders = (provider, client, getattr(client, "_api_client", None))
    found = {getattr(holder, name, None) for holder in holders for name in _ATTRIBUTES}
    found.add(urlsplit(str(getattr(provider, "base_url", ""))).password)
    return {each for each in found if isinstance(each, str) and len(each) >= _SHORTEST}
