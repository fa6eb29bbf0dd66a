"""`fleet erase`, killed after each of its writes in turn and given again."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from fleet.erase import Eraser
from fleet.traces import Named
from handlers.context import Context
from handlers.erasure import DONE
from tests.erasure.conftest import PROJECT
from tests.erasure.lab import Lab, neighbours, with_traces

pytestmark = pytest.mark.xdist_group("erasure")

WRITES = ("Put", "Delete", "Update", "Transact", "Abort", "Terminate", "Cancel", "Sign")


class Killed(BaseException):
    """As a process is: nothing in the program catches it."""


def until_killed(eraser: Eraser, after: int) -> Eraser:
    """An eraser that is killed when so many of its writes are done, whoever's rights they are made with."""
    writes = count(1)

    def done(model: Any, **_: Any) -> None:
        if model.name.startswith(WRITES) and next(writes) == after:
            raise Killed

    def watched(context: Context) -> Context:
        for name in context.clients.__dataclass_fields__:
            getattr(context.clients, name).meta.events.register("after-call", done)
        return context

    inner: Callable[[str], Context] = eraser.as_role
    return replace(
        eraser,
        context=watched(eraser.access.context(eraser.home)),
        as_role=lambda why: watched(inner(why)),
        queues=(),  # dead letters are the other tests': a second is waited for at each queue
    )


def erase(eraser: Eraser, named: Named) -> Any:
    traces, begun = eraser.look(named)
    return eraser.erase(named, "Consent was withdrawn.", traces, begun, cancel_runs=True)


def test_killed_after_any_write_the_same_command_does_the_rest(lab: Lab) -> None:
    """Half an erasure that believes itself whole is what an auditor finds."""
    kept = neighbours(lab, PROJECT)
    killed = 0
    for after in count(1):
        sample = f"Kq{after}y"
        named = Named(project=PROJECT, sample=sample)
        run = with_traces(lab, PROJECT, sample, 100 + after, letters=False)
        lab.delivered(run)
        lab.invoke("desk")
        try:
            erase(until_killed(lab.eraser, after), named)
        except Killed:
            killed += 1
        else:
            break
        whole = replace(lab.eraser, queues=())
        done = erase(whole, named)
        assert done.state == DONE
        assert [each.state for each in whole.known(named)] == [DONE]
        lab.invoke("reconcile")
        lab.invoke("desk")
        lab.invoke("delivery")
        assert lab.where_is(sample) == [], f"killed after write {after}"
    assert killed > 20
    assert neighbours(lab, PROJECT) == kept
