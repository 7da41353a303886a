"""Entry of the program: `--version` is answered before anything else is imported."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    arguments = sys.argv[1:]
    if arguments in (["--version"], ["-V"]):
        from aiplan import __version__

        try:
            print(f"aiplan {__version__}", flush=True)
        except BrokenPipeError:  # nobody reads any more
            sys.stderr.close()
        return
    import gc

    if arguments[:1] == ["tokens"]:
        from aiplan.tokens.ahead import begin

        begin(arguments)
    gc.disable()  # a short run is over before collecting pays: saves about 10 ms
    from aiplan.cli.app import run

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
