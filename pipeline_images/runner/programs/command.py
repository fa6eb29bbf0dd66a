"""A pipeline's command, `run INPUT OUTPUT`, from its steps.

Exit code 65 and a last line on standard error that names the fault: the upload is at fault. Any other code
but 0: the pipeline is.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from programs.outcome import BAD_INPUT, BAD_USAGE, TERMINATED, BadInput, Failed
from programs.use import leave


def command(
    steps: Callable[[Path, Path], None], arguments: Sequence[str], environ: Mapping[str, str] = os.environ
) -> int:
    """Run the steps on two folders; their end as an exit code."""
    if len(arguments) != 2:
        print("usage: run INPUT OUTPUT (two folders)", file=sys.stderr)
        return BAD_USAGE
    signal.signal(signal.SIGTERM, _stop)
    try:
        steps(Path(arguments[0]), Path(arguments[1]))
    except BadInput as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except Failed as error:
        print(error, file=sys.stderr)
        return error.code
    if environ.get("PIPELINE_META"):
        leave(Path(environ["PIPELINE_META"]))
    return 0


def say(words: str) -> None:
    """One line for the log."""
    print(words, flush=True)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)  # the chain's children are ended on the way out
