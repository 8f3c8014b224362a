"""The example that the API's description shows, body by body."""

from typing import Any, Final

__all__ = [
    "EXECUTION",
    "OVERRIDES",
    "REFUSAL",
    "RESULTS",
    "STARTED",
    "SUBMITTED",
    "WORKFLOW",
]

_ID: Final = "a1b2c3d4-e5f6-7890-1234-567890abcdef"
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

SUBMITTED: Final = {"execution_id": _ID, "status": "PENDING"}

OVERRIDES: Final = {
    "summarize_posts": {
        "prompt": ("Recent Posts: {{ get_posts.output.data }}. Task: Summarize this user activity")
    }
}

STARTED: Final = {"execution_id": _ID, "status": "RUNNING"}

EXECUTION: Final = {
    "execution_id": _ID,
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
    "execution_id": _ID,
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
