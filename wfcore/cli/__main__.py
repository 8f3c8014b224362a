"""`python -m wfcore.cli` is `wf`."""

from wfcore.cli import main

main()
