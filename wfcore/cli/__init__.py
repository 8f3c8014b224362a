"""The `wf` command. Each command is imported when it is called, so that `wf --help` is instant."""

__all__ = ["main"]


def main() -> None:
    """Run the command line in `sys.argv` and exit with one of `wfcore.cli.exits.Exit`."""
    from wfcore.cli.app import call  # noqa: PLC0415 - only the command needs its library

    call()
