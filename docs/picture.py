"""Draws docs/demo.svg from what the demo really prints: `make picture`."""

import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

ROOT: Final = Path(__file__).parents[1]
_SHOWN_CALLS: Final = 3
_STYLES: Final = (
    (r"^\$ .*", "bold cyan"),
    (r"\bCOMPLETED\b", "green"),
    (r"^✓", "bold green"),
    (r"^ \d  .*", "bold"),
    (r"^\[echo provider.*", "yellow"),
    (r"^  /dag.*|did you mean.*", "yellow"),
)


def main() -> None:
    """Play the demo and draw its first three acts."""
    played = subprocess.run(
        [sys.executable, "examples/demo.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "128", "PATH": "/usr/bin:/bin", "NO_COLOR": "1"},
    )
    lines = _shortened(played.stdout.split("\n 4  ")[0].splitlines())
    console = Console(record=True, width=128, file=StringIO())
    for line in lines:
        text = Text(line)
        for pattern, style in _STYLES:
            text.highlight_regex(pattern, style)
        console.print(text, soft_wrap=True)
    # Without the fonts that the picture would fetch from elsewhere.
    svg = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="make demo"), flags=re.DOTALL)
    (ROOT / "docs" / "demo.svg").write_text(svg)


def _shortened(lines: list[str]) -> list[str]:
    """Leave out most of the forty calls."""
    kept: list[str] = []
    calls = 0
    for line in lines:
        calls = calls + 1 if line.startswith("    call_") else 0
        if calls == _SHOWN_CALLS + 1:
            kept.append("    …")
        if calls <= _SHOWN_CALLS:
            kept.append(line)
    return kept


if __name__ == "__main__":
    main()
