"""Where secrets come from: a mapping, files of a folder, the environment of a process."""

import os
from pathlib import Path

import pytest

from wfcore.errors import NodeError
from wfcore.secrets.source import ElsewhereSecrets, NamedSecrets, SecretValue
from wfcore.settings import Settings


def refusal(source: NamedSecrets, name: str) -> NodeError:
    with pytest.raises(NodeError) as refused:
        source.read(name)
    assert refused.value.type == "SecretInvalid"
    assert not refused.value.retryable
    assert f"the secret {name} " in refused.value.message
    return refused.value


def test_a_secret_comes_from_the_mapping_as_it_is_now() -> None:
    values = {"TOKEN": "first"}
    source = NamedSecrets(values)
    assert source.read("TOKEN") == SecretValue("first")
    values["TOKEN"] = "second"
    assert source.read("TOKEN") == SecretValue("second")
    assert source.knows("TOKEN")
    assert source.knows("OTHER") is False
    assert source.read("OTHER") is None


def test_a_file_is_read_at_each_time_without_its_last_newline(tmp_path: Path) -> None:
    source = NamedSecrets({}, tmp_path)
    assert source.knows("TOKEN") is False
    assert source.read("TOKEN") is None
    for written, value in [
        ("value", "value"),
        ("value\n", "value"),
        ("value\r\n", "value"),
        ("line 1\nline 2\n\n", "line 1\nline 2\n"),
        (" value ", " value "),
    ]:
        (tmp_path / "TOKEN").write_bytes(written.encode())
        assert source.read("TOKEN") == SecretValue(value)
    assert source.knows("TOKEN")


def test_the_mapping_goes_before_the_folder_and_an_empty_value_counts_as_none(
    tmp_path: Path,
) -> None:
    (tmp_path / "TOKEN").write_text("from the folder")
    assert NamedSecrets({"TOKEN": "given"}, tmp_path).read("TOKEN") == SecretValue("given")
    assert NamedSecrets({"TOKEN": ""}, tmp_path).read("TOKEN") == SecretValue("from the folder")
    assert NamedSecrets({"TOKEN": ""}).read("TOKEN") is None


@pytest.mark.parametrize(
    "name", ["", "a-b", "../TOKEN", "/etc/passwd", "a.b", "é", "x" * 129, "A\n"]
)
def test_other_names_reach_nothing(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (tmp_path / "TOKEN").write_text("outside")
    (folder / "a-b").write_text("inside")
    source = NamedSecrets({name: "given"}, folder)
    assert source.read(name) is None
    assert source.knows(name) is False


@pytest.mark.parametrize("name", ["TOKEN_HOSTS", "token_hosts", "_HOSTS"])
def test_a_list_of_hosts_is_no_secret(name: str) -> None:
    assert NamedSecrets({name: "api.example.com"}).read(name) is None
    assert NamedSecrets({name: "api.example.com"}).knows(name) is False


def test_hosts_bind_a_secret(tmp_path: Path) -> None:
    values = {"TOKEN": "value", "TOKEN_HOSTS": " API.example.com, b.example:8443 ,"}
    bound = SecretValue("value", frozenset({"api.example.com", "b.example:8443"}))
    assert NamedSecrets(values).read("TOKEN") == bound
    (tmp_path / "OTHER").write_text("value\n")
    (tmp_path / "OTHER_HOSTS").write_text("api.example.com\n")
    assert NamedSecrets({}, tmp_path).read("OTHER") == SecretValue(
        "value", frozenset({"api.example.com"})
    )


@pytest.mark.parametrize("hosts", ["", " ", " , "])
def test_a_list_that_names_no_host_does_not_open_every_one(hosts: str) -> None:
    error = refusal(NamedSecrets({"TOKEN": "value", "TOKEN_HOSTS": hosts}), "TOKEN")
    assert "APP_SECRET_TOKEN_HOSTS names none" in error.message


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("abc", "fewer than 4"),
        ("x" * 16385, "more than 16384"),
        ("ab\0cd", "NUL"),
        ("\ud800abc", "Unicode"),
    ],
)
def test_a_value_that_cannot_be_kept_secret_is_refused(value: str, said: str) -> None:
    error = refusal(NamedSecrets({"TOKEN": value}), "TOKEN")
    assert said in error.message
    assert value not in error.message


def test_a_file_that_cannot_be_used_is_refused_without_its_content(tmp_path: Path) -> None:
    source = NamedSecrets({}, tmp_path)
    (tmp_path / "BYTES").write_bytes(b"hush-hush \xff")
    assert "not UTF-8" in refusal(source, "BYTES").message
    assert "hush" not in str(refusal(source, "BYTES"))
    (tmp_path / "LARGE").write_bytes(b"x" * 100_000)
    assert "more than 16384 bytes" in refusal(source, "LARGE").message
    (tmp_path / "FOLDER").mkdir()
    refusal(source, "FOLDER")
    os.mkfifo(tmp_path / "PIPE")
    assert "no regular file" in refusal(source, "PIPE").message


def test_secrets_do_not_show_themselves() -> None:
    source = NamedSecrets({"TOKEN": "hush-hush"})
    assert "hush" not in f"{source!r} {source.read('TOKEN')!r}"


def test_a_process_that_runs_no_node_cannot_tell() -> None:
    assert ElsewhereSecrets().knows("TOKEN") is None
    assert ElsewhereSecrets().read("TOKEN") is None


def test_the_environment_gives_its_secrets_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "IN_FILE").write_text("from a file\n")
    (tmp_path / ".env").write_text("APP_SECRET_DOTENV=from dotenv\nAPP_SECRET_BOTH=from dotenv\n")
    monkeypatch.setenv("APP_SECRETS_DIR", str(tmp_path / "files"))
    monkeypatch.setenv("APP_SECRET_BOTH", "from outside")
    monkeypatch.setenv("APP_SECRET_lower", "small")
    monkeypatch.setenv("APP_SECRET_BOTH_HOSTS", "")
    monkeypatch.setenv("APP_API_KEYS", "other")
    options = Settings.read().engine_options()
    source = options["secrets"]
    assert source.read("IN_FILE") == SecretValue("from a file")
    assert source.read("DOTENV") == SecretValue("from dotenv")
    assert source.read("lower") == SecretValue("small")
    assert source.read("LOWER") is None
    assert "names none" in refusal(source, "BOTH").message
    for name in ("PATH", "APP_API_KEYS", "API_KEYS", "S_DIR", "DIR", "HOME"):
        assert source.read(name) is None
    assert "from outside" not in repr(Settings.read())
    assert not [name for name in options["settings"] if "secret" in name]
