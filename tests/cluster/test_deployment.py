"""What cannot be built here: Docker's files are read, and the commands in them are run."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.cli.command import Folder
from tests.project.tree import ROOT, clean_environment
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer
from wfcore.settings import Settings

COMPOSE: Any = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SEED = {
    "APP_REDIS_HOST": "redis",
    "APP_REDIS_PORT": "6379",
    "APP_REDIS_DB": "0",
    "APP_REDIS_PASSWORD": "",
    "APP_KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "APP_LOG_LEVEL": "INFO",
    "APP_MAX_RETRIES": "3",
    "APP_BASE_BACKOFF": "1",
    "APP_RETRY_DELAY": "1",
}


def variables(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return {pair[0]: pair[1] for pair in pairs}


def test_the_environment_of_docker_is_the_seeds() -> None:
    assert variables(".env.docker") == SEED


@pytest.mark.parametrize("name", [".env.docker", ".env.example"])
def test_every_variable_is_a_setting(name: str) -> None:
    known = {f"APP_{field.upper()}" for field in Settings.model_fields}
    ours = {each for each in variables(name) if each.startswith("APP_")}
    assert ours <= known


def test_compose_publishes_the_api_on_loopback_only_and_nothing_else() -> None:
    ports = {name: service.get("ports") for name, service in COMPOSE["services"].items()}
    assert {name: each for name, each in ports.items() if each} == {
        "server": ["127.0.0.1:8000:8000"]
    }


def test_compose_keeps_state_and_gives_workers_time_to_drain() -> None:
    services = COMPOSE["services"]
    assert "--appendonly" in services["redis"]["command"]
    assert services["redis"]["volumes"]
    assert services["kafka"]["volumes"]
    grace = int(services["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace > Settings.model_fields["drain_seconds"].default
    for name in ("server", "worker", "redis"):
        assert services[name]["healthcheck"]["test"]


def test_the_demo_is_started_by_its_profile_alone() -> None:
    profiles = {name: each.get("profiles") for name, each in COMPOSE["services"].items()}
    assert {name for name, each in profiles.items() if each} == {"posts", "demo"}


def test_the_image_runs_as_a_user_and_copies_what_there_is() -> None:
    assert re.search(r"^USER (?!root)\w+$", DOCKERFILE, re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in re.findall(r"^COPY (?!--)(.+)$", DOCKERFILE, re.MULTILINE):
        for path in line.split()[:-1]:
            assert (ROOT / path).exists()
            assert f"!{path}" in ignored


def test_the_commands_of_compose_play_the_example_to_its_end(
    tmp_path: Path, redis_server: RedisServer, redis_url: str, kafka_server: KafkaServer
) -> None:
    """The same commands, on this machine's Redis and Kafka and on free ports."""
    services = COMPOSE["services"]
    folder = Folder(tmp_path)
    environment = SEED | {
        "APP_REDIS_HOST": "127.0.0.1",
        "APP_REDIS_PORT": str(redis_server.port),
        "APP_KAFKA_BOOTSTRAP_SERVERS": kafka_server.bootstrap,
        "APP_KAFKA_PREFIX": "compose",
        "APP_OUTBOUND_ALLOW": "127.0.0.1",
        "APP_PROBE_PORT": "0",
    }
    server = [*services["server"]["command"][1:-3], "127.0.0.1", "--port", "0"]
    worker = services["worker"]["command"][1:]
    with folder.started(*server, **environment) as api, folder.started(*worker, **environment):
        assert api.stderr is not None
        url = next(line for line in api.stderr if line.startswith("API ")).split()[1]
        posts = [sys.executable, str(ROOT / "examples" / "service.py"), "0"]
        with subprocess.Popen(posts, stdout=subprocess.PIPE, text=True) as standing_in:
            assert standing_in.stdout is not None
            service = standing_in.stdout.readline().split()[2].rstrip(";")
            play = [sys.executable, *services["demo"]["command"][1:2], url, service]
            play[1] = str(ROOT / play[1].lstrip("/"))
            done = subprocess.run(
                play,
                env=clean_environment(),
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
            )
            standing_in.kill()
    assert done.returncode == 0, done.stderr
    assert '"status": "COMPLETED"' in done.stdout
    assert "Response from https://api.example.com/posts" in done.stdout


@pytest.mark.timeout(240)
def test_the_demo_of_the_cluster_holds_what_it_claims(
    kafka_server: KafkaServer, redis_server: RedisServer
) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "cluster_demo.py")],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("✓") == 3
