"""The `wf` command. Each command is imported when it is called, so that `wf --help` is instant."""

__all__ = ["main"]


def main() -> None:
    """Run the command line in `sys.argv` and exit with one of `wfcore.cli.exits.Exit`."""
    # Imported here: whoever imports a module of this package needs no command-line library.
    from wfcore.cli.app import call

    call()
