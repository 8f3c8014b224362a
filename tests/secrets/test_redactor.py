"""Masking of values in text and JSON, in every form that services and libraries give them."""

import base64
import html
import json
import string
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfcore.secrets.redactor import MASK, Redactor

SECRET = "tOp-5ecret/with+more"
REDACTOR = Redactor([SECRET])

# Everything that has two spellings somewhere, and letters.
NASTY = st.text(st.sampled_from(string.ascii_letters + "019 \"'\\/+%&<>\n\té😀;#="), min_size=4)


def basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def escaped(secret: str) -> dict[str, str]:
    return {
        "raw": secret,
        "json": json.dumps(secret)[1:-1],
        "json, non-ASCII": json.dumps(secret, ensure_ascii=False)[1:-1],
        "json in json": json.dumps(json.dumps(secret)),
        "percent": quote(secret, safe=""),
        "percent but for /": quote(secret),
        "percent, lower": "".join(f"%{byte:02x}" for byte in secret.encode()),
        "form": quote_plus(secret),
        "percent twice": quote(quote(secret, safe=""), safe=""),
        "percent in json": json.dumps(quote_plus(secret)),
        "html": html.escape(secret),
        "html twice": html.escape(html.escape(secret)),
        "repr": repr(secret),
        "repr of bytes": repr(secret.encode()),
        "windows lines": secret.replace("\n", "\r\n"),
        "as Latin-1": secret.encode().decode("latin-1"),
    }


def encoded(secret: str) -> list[str]:
    texts = []
    for before in ("", "u:", "us:", "use:"):
        for after in ("", ";", ";;"):
            data = f"{before}{secret}{after}".encode()
            texts.append(base64.b64encode(data).decode())
            texts.append(base64.urlsafe_b64encode(data).decode())
            texts.append(quote(base64.b64encode(data).decode(), safe=""))
            texts.append(base64.b64encode(json.dumps(data.decode()).encode()).decode())
            texts.append(base64.b64encode(quote(data.decode(), safe="").encode()).decode())
    return texts


@given(NASTY)
def test_every_escaped_form_is_masked_and_nothing_around_it(secret: str) -> None:
    redactor = Redactor([secret])
    for name, form in escaped(secret).items():
        masked = redactor.output(f"[ {form} ]")
        assert masked.startswith("[ "), name
        assert masked.endswith(" ]"), name
        assert MASK in masked, name
        assert secret not in masked, name


@given(NASTY)
def test_base64_is_masked_whatever_stands_around_the_secret(secret: str) -> None:
    redactor = Redactor([secret])
    for text in encoded(secret):
        masked = redactor.output(f"[ {text} ]")
        assert MASK in masked, text
        assert text not in masked


@pytest.mark.parametrize("user", ["", "u", "us", "use", "user@example.com"])
def test_a_basic_pair_is_masked(user: str) -> None:
    masked = REDACTOR.output(f"Basic {basic(user, SECRET)}")
    assert masked.startswith("Basic ")
    assert masked.endswith(MASK)
    # Not a character of the password can be had from what is left.
    left = masked.removeprefix("Basic ").removesuffix(MASK)
    known = base64.b64decode(left + "A" * (-len(left) % 4))[: len(left) * 3 // 4]
    assert f"{user}:".encode().startswith(known)


def test_a_pair_of_two_secrets_shows_neither() -> None:
    masked = Redactor(["user-0815", SECRET]).output(basic("user-0815", SECRET))
    assert len(masked.replace(MASK, "")) <= 2


def test_text_without_secrets_is_the_same_object() -> None:
    text = "nothing to see, 100% & \\o/ {{ secrets.X }}"
    assert REDACTOR.output(text) is text
    assert REDACTOR.text(text) is text


def test_json_is_masked_in_depth_in_keys_too() -> None:
    value = {"a": [{SECRET: {"b": f"<{SECRET}>"}}], "n": 1, "t": True, "f": 0.5, "z": None}
    masked = REDACTOR.output(value)
    assert masked == {"a": [{MASK: {"b": f"<{MASK}>"}}], "n": 1, "t": True, "f": 0.5, "z": None}
    assert SECRET in value["a"][0]  # type: ignore[index]


def test_keys_that_are_masked_alike_stay_apart() -> None:
    masked = REDACTOR.output({SECRET: 1, SECRET.upper(): 2, MASK: 3})
    assert sorted(masked.values()) == [1, 2, 3]
    assert all(set(key) == {"*"} for key in masked)


@pytest.mark.parametrize(
    ("secret", "number"), [("12345", 12345), ("00815", 815), ("-17.25", -17.25)]
)
def test_a_secret_that_is_a_number_is_masked_as_one(secret: str, number: float) -> None:
    masked = Redactor([secret]).output({"pin": number, "other": number + 1, "flag": True})
    assert masked == {"pin": MASK, "other": number + 1, "flag": True}


def test_what_was_cut_in_the_middle_of_a_secret_is_masked() -> None:
    for cut in range(1, len(SECRET) - 8):
        assert REDACTOR.output(f"... {SECRET[:-cut]}") == f"... {MASK}"
        assert REDACTOR.output(f"{SECRET[cut:]} ...") == f"{MASK} ..."
        assert REDACTOR.output(f"...{basic('u', SECRET)}"[:-4]).endswith(MASK)


def test_messages_lose_pieces_of_secrets_and_data_does_not() -> None:
    shortened = f"input_value='{SECRET[:10]}...{SECRET[-10:]}'"
    assert REDACTOR.text(shortened) == f"input_value='{MASK}...{MASK}'"
    assert REDACTOR.details({"at": [shortened]}) == {"at": [f"input_value='{MASK}...{MASK}'"]}
    assert REDACTOR.output(shortened) == shortened


def test_letters_are_compared_without_their_case() -> None:
    assert REDACTOR.output(f"http://{SECRET.lower()}.example") == f"http://{MASK}.example"


def test_a_text_before_the_secret_cannot_swallow_its_beginning() -> None:
    redactor = Redactor(["ab12cdef/x"])
    for before in ("%", "%25", "\\x", "\\u00", "&#", "\\"):
        for text in (f"{before}ab12cdef/x", quote(f"{before}ab12cdef/x", safe="")):
            assert "cdef" not in redactor.output(text), text


def test_neighbours_become_one_mask() -> None:
    assert Redactor(["abcd", "cdef"]).output("<abcdef>") == f"<{MASK}>"


def test_half_characters_do_not_break_the_text() -> None:
    lone = "\ud800"
    assert Redactor(["sécret-é"]).text(f"{lone} x") == f"{lone} x"
    assert MASK in Redactor(["sécret-é"]).text(f"{lone} sécret-é")


@pytest.mark.parametrize("value", ["aaaa" * 4000, "ab" * 8000])
def test_a_secret_that_repeats_itself_is_masked_whole(value: str) -> None:
    redactor = Redactor([value])
    masked: Any = redactor.output([value * 20, value[:99] * 20])
    assert masked[0] == MASK
    assert len(redactor.text(value[:9000])) < 9000
