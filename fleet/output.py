"""How `fleet` speaks: to people by tables, to programs by JSON, to both by its exit code."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console, RenderableType

from components.faults import InvalidOffices
from fleet.access import Unreachable
from fleet.find import NotFound
from fleet.text import plain
from handlers.ledger import Contended
from handlers.notify import NotSent
from handlers.rate import Full
from handlers.submit import Waiting

# A pipe has no width of its own: no table is folded there that a person would see unfolded.
PIPE_WIDTH = 200


class Exit(IntEnum):
    """The exit codes, the same for every command (2 is typer's own, for wrong usage)."""

    TROUBLE = 1  # the answer is: something is wrong (`check`, `doctor`)
    USAGE = 2
    NOT_FOUND = 3
    UNREACHABLE = 4  # an account, or AWS, did not answer as it should
    REFUSED = 5  # not done: it would be wrong, or the person said no


class Refused(Exception):
    """What was asked for is not done; the words say why, and what to do instead."""


def console(*, stderr: bool = False) -> Console:
    # Nothing is ever parsed as markup, whatever a name holds.
    made = Console(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not made.is_terminal:
        made.width = PIPE_WIDTH
    return made


def show(what: RenderableType) -> None:
    console().print(what)


def say(words: object) -> None:
    """A line to people that is no part of the answer."""
    console(stderr=True).print(plain(words), soft_wrap=True)


def show_line(text: str) -> None:
    """One line of the answer, however long, at once. The caller has made it plain."""
    sys.stdout.write(text.encode(sys.stdout.encoding or "utf-8", "replace").decode() + "\n")
    sys.stdout.flush()


def agree(what: str) -> None:
    """Say what will be done, and ask; raises Refused on no, and where nobody can be asked."""
    say(what)
    if not sys.stdin.isatty():
        raise Refused("nobody is there to say yes: add --yes")
    if not typer.confirm("Go on?", err=True):
        raise Refused("nothing was done")


def iso(epoch_ms: float) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds")


def tell(value: Any) -> None:
    """JSON for programs: ASCII alone, so that no name can steer a terminal."""
    sys.stdout.write(json.dumps(value, indent=1, default=str) + "\n")


def tell_line(value: Any) -> None:
    """One line of JSON, at once."""
    sys.stdout.write(json.dumps(value, default=str) + "\n")
    sys.stdout.flush()


@contextmanager
def in_words() -> Iterator[None]:
    """Turns what went wrong into words and an exit code, without a trace."""
    try:
        yield
    except NotFound as error:
        code, words = Exit.NOT_FOUND, str(error)
    except Refused as error:
        code, words = Exit.REFUSED, str(error)
    except InvalidOffices as error:
        code, words = Exit.USAGE, "; ".join(error.faults)
    except (Waiting, Full, Contended, NotSent) as error:
        code = Exit.UNREACHABLE
        words = f"begun, but not done: {error}. The office's reconcile function does the rest within minutes."
    except (Unreachable, BotoCoreError, ClientError) as error:
        code, words = Exit.UNREACHABLE, str(error)
    else:
        return
    say(f"fleet: {words}")
    raise typer.Exit(code)
