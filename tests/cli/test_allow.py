"""`--allow`: what HTTP requests may reach beside the internet."""

import re

from tests.builtin.service import POSTS, Service
from tests.cli.command import WAITING, Folder, node, until, workflow

ONCE = {"max_attempts": 1}


def test_the_line_of_a_refusal_can_be_pasted(folder: Folder) -> None:
    with Service() as service:
        fetch = node("fetch", "call_external_service", url=service.url("/posts"))
        flow = folder.write(workflow(fetch))
        refused = folder.wf("run", flow)
        assert refused.code == 1
        assert "OutboundRefused" in refused.err
        assert service.log == []

        said = re.sub(r"\s+", " ", refused.err)
        option = re.search(r"(--allow) (\S+) on the command line", said)
        setting = re.search(r"(APP_OUTBOUND_ALLOW)=(\S+) in the environment", said)
        assert option is not None
        assert setting is not None
        by_option = folder.wf("run", flow, option[1], option[2])
        by_setting = folder.wf("run", flow, **{setting[1]: setting[2]})

    for done in (by_option, by_setting):
        assert (done.code, done.json()["fetch"]["data"]) == (0, POSTS)


def test_options_stand_beside_the_setting(folder: Folder) -> None:
    with Service() as one, Service() as other:
        nodes = [
            node(f"n{at}", "call_external_service", url=service.url("/posts"), retry=ONCE)
            for at, service in enumerate((one, other))
        ]
        flow = folder.write(workflow(*nodes))
        allow = f"127.0.0.1:{one.port}"
        done = folder.wf(
            "run", flow, "--allow", allow, APP_OUTBOUND_ALLOW=f"127.0.0.1:{other.port}"
        )
        alone = folder.wf("run", flow, "--allow", allow)

    assert (done.code, alone.code) == (0, 1)


def test_resuming_allows_what_was_allowed(folder: Folder) -> None:
    with Service() as service:
        first = node("first", "wait_for", file="go")
        fetch = node("fetch", "call_external_service", ("first",), url=service.url("/posts"))
        flow = folder.write(workflow(first, fetch))
        with folder.started(
            "run", flow, "--plugin", WAITING, "--allow", f"127.0.0.1:{service.port}"
        ) as process:
            until(lambda: folder.ledger() == ["first"])
            process.kill()
            process.communicate()
        (folder.path / "go").touch()
        done = folder.wf("run", "--resume")

    assert (done.code, done.json()["fetch"]["data"]) == (0, POSTS)
