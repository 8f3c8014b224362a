"""The example that the API's description shows, body by body."""

from typing import Any, Final

__all__ = [
    "ALIVE",
    "CANCELLED",
    "EVENTS",
    "EXECUTION",
    "HANDLER",
    "HANDLERS",
    "ID",
    "LIST",
    "NODE",
    "NOT_READY",
    "OVERRIDES",
    "PLUGINS",
    "READY",
    "REFUSAL",
    "RESULTS",
    "RETRIED_MANY",
    "RETRY_MANY",
    "RETRY_STARTED",
    "SCHEMA",
    "STARTED",
    "SUBMITTED",
    "VALIDATION",
    "WORKFLOW",
    "WORKFLOW_YAML",
]

ID: Final = "a1b2c3d4-e5f6-7890-1234-567890abcdef"
_POSTS: Final = "Response from https://api.example.com/posts"

WORKFLOW: Final[dict[str, Any]] = {
    "name": "Simple LLM Workflow",
    "dag": {
        "nodes": [
            {
                "id": "get_posts",
                "handler": "call_external_service",
                "config": {"url": "https://api.example.com/posts"},
            },
            {
                "id": "summarize_posts",
                "handler": "call_llm_service",
                "dependencies": ["get_posts"],
                "config": {"prompt": "Summarize the following posts: {{ get_posts.output.data }}"},
            },
            {"id": "output", "handler": "output", "dependencies": ["summarize_posts"]},
        ]
    },
}

SUBMITTED: Final = {"execution_id": ID, "status": "PENDING"}

OVERRIDES: Final = {
    "summarize_posts": {
        "prompt": ("Recent Posts: {{ get_posts.output.data }}. Task: Summarize this user activity")
    }
}

STARTED: Final = {"execution_id": ID, "status": "RUNNING"}

EXECUTION: Final = {
    "execution_id": ID,
    "status": "RUNNING",
    "nodes": {
        "get_posts": {
            "state": "COMPLETED",
            "output": {
                "data": _POSTS,
                "status": 200,
                "headers": {"content-type": "text/plain"},
                "elapsed": 0.042,
            },
        },
        "summarize_posts": {"state": "RUNNING", "output": {}},
        "output": {"state": "PENDING", "output": {}},
    },
}

RESULTS: Final = {
    "execution_id": ID,
    "status": "COMPLETED",
    "completed": True,
    "results": {
        "final_status": "workflow_completed",
        "aggregated_results": {
            "summarize_posts": {
                "result": (
                    "LLM generated a summary for the prompt"
                    f" 'Summarize the following posts: {_POSTS}'"
                )
            }
        },
    },
    "message": "Results retrieved successfully.",
}

REFUSAL: Final = {
    "type": "about:blank",
    "title": "Unprocessable Entity",
    "status": 422,
    "detail": (
        '/dag/nodes/1/dependencies/0: there is no node "get_post" (did you mean "get_posts"?)'
    ),
    "problems": [
        {
            "code": "graph.unknown_dependency",
            "pointer": "/dag/nodes/1/dependencies/0",
            "message": 'there is no node "get_post"',
            "hint": 'did you mean "get_posts"?',
        }
    ],
}

WORKFLOW_YAML: Final = """\
name: Simple LLM Workflow
dag:
  nodes:
    - id: get_posts
      handler: call_external_service
      config: {url: https://api.example.com/posts}
    - id: output
      handler: output
      dependencies: [get_posts]
"""

VALIDATION: Final = {"valid": False, "problems": REFUSAL["problems"]}

_OLD: Final = "0f8fad5b-d9cb-469f-a165-70867728950e"

LIST: Final = {
    "executions": [
        {
            "execution_id": ID,
            "name": "Simple LLM Workflow",
            "status": "COMPLETED",
            "labels": {"team": "support"},
            "created": "2026-11-27T10:00:00.000Z",
            "started": "2026-11-27T10:00:00.004Z",
            "ended": "2026-11-27T10:00:01.250Z",
            "retry_of": _OLD,
            "usage": {"input_tokens": 120, "output_tokens": 48},
        }
    ],
    "next": "17",
}

CANCELLED: Final = {"execution_id": ID, "status": "CANCELLED"}

RETRY_STARTED: Final = {"execution_id": ID, "status": "RUNNING", "retry_of": _OLD}

RETRY_MANY: Final = {
    "status": ["FAILED", "CANCELLED"],
    "labels": {"team": "support"},
    "created_after": "2026-11-27T09:00:00Z",
}

RETRIED_MANY: Final = {"retried": [RETRY_STARTED], "refused": [], "next": "17"}

NODE: Final = {
    "execution_id": ID,
    "key": "get_posts",
    "handler": "call_external_service",
    "dependencies": [],
    "state": "FAILED",
    "output": {},
    "error": {"type": "HTTPStatusError", "message": "503 Service Unavailable", "retryable": True},
    "started": "2026-11-27T10:00:00.004Z",
    "ended": "2026-11-27T10:00:01.020Z",
    "config": {"url": "https://api.example.com/posts", "headers": {"Authorization": "***"}},
    "attempts": [
        {
            "attempt": 1,
            "started": "2026-11-27T10:00:00.004Z",
            "ended": "2026-11-27T10:00:01.020Z",
            "outcome": "FAILED",
            "log": ["asking https://api.example.com/posts"],
            "error": {
                "type": "HTTPStatusError",
                "message": "503 Service Unavailable",
                "retryable": True,
            },
        }
    ],
    "log": ["asking https://api.example.com/posts"],
}

_TRANSITION: Final = (
    '{"seq":3,"at":"2026-11-27T10:00:01.250Z","key":"output","from":"RUNNING","to":"COMPLETED",'
    '"attempt":1,"fired":[],"kept":[],"status":"COMPLETED","detail":null}'
)

_SNAPSHOT: Final = (
    f'{{"execution_id":"{ID}","status":"RUNNING",'
    '"nodes":{"output":{"state":"RUNNING","output":{}}}}'
)

EVENTS: Final = f"""\
id: 2
event: snapshot
data: {_SNAPSHOT}

id: 3
event: transition
data: {_TRANSITION}

event: end
data: {{"execution_id":"{ID}","status":"COMPLETED"}}

"""

HANDLER: Final = {
    "name": "output",
    "summary": "Collects what its dependencies gave.",
    "description": "Collects what its dependencies gave.",
    "queue": "default",
    "cpu_bound": False,
    "gives_result": True,
    "config": {"type": "object", "properties": {}, "additionalProperties": False},
    "raw": [],
    "secret": [],
    "output": {"type": "object"},
    "example": {},
    "errors": {},
    "plugin": {"name": "builtin", "distribution": "wfcore", "version": "0.1.0"},
    "settings": [],
}

HANDLERS: Final = {"handlers": [HANDLER]}

PLUGINS: Final = {
    "plugins": [
        {
            "name": "builtin",
            "module": "wfplugins_builtin",
            "status": "loaded",
            "seconds": 0.021,
            "slow": False,
            "distribution": "wfcore",
            "version": "0.1.0",
            "api": "1.0",
            "hooks": ["wfcore_register_handlers"],
            "handlers": ["call_external_service", "call_llm_service", "output"],
            "settings": [],
        }
    ]
}

SCHEMA: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"name": {"type": "string"}, "dag": {"type": "object"}},
    "required": ["name", "dag"],
}

ALIVE: Final = {"status": "alive"}

READY: Final = {
    "status": "ready",
    "store": {"answers": True, "durability": "durable"},
    "bus": {"healthy": True},
    "plugins": {
        "loaded": [{"name": "builtin", "distribution": "wfcore", "version": "0.1.0"}],
        "broken": [],
    },
}

NOT_READY: Final = {
    **READY,
    "status": "not ready",
    "store": {"answers": False, "durability": "durable"},
}
