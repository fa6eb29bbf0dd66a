"""Two functions at the same delivery, or at two of the same sample: the second to write gives way."""

from collections.abc import Callable

import pytest

from handlers import delivery
from tests.handlers.aws_fakes import Call, World
from tests.handlers.lab import succeeded
from tests.handlers.test_delivery import PARTNER, hand, held, item, receive


def meanwhile(world: World, operation: str, number: int, other: Callable[[], None]) -> list[bool]:
    """Before the `number`th call of `operation`, let `other` happen; the list then holds True."""
    happened: list[bool] = []
    seen = 0

    def faults(call: Call) -> str | None:
        nonlocal seen
        seen += call.operation == operation
        if call.operation == operation and seen == number and not happened:
            happened.append(True)
            world.faults = lambda call: None
            other()
        return None

    world.faults = faults
    return happened


@pytest.mark.parametrize(("operation", "number"), [("PutItem", 1), ("PutItem", 2), ("CopyObject", 1)])
def test_a_slow_function_does_not_reopen_what_another_has_closed(
    world: World, operation: str, number: int
) -> None:
    """An acknowledged delivery would be watched, and alarmed about, again."""
    run_id = succeeded(world)

    def other() -> None:
        assert hand(world, run_id) == []
        receive(world, run_id)
        delivery.sweep(world.context(), [PARTNER])

    happened = meanwhile(world, operation, number, other)
    hand(world, run_id)
    assert happened
    assert item(world, run_id)["state"] == "acknowledged"
    assert held(world, run_id)["delivery.json"] == 1


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("late", [False, True])
def test_the_later_run_wins_whoever_writes_last(world: World, *, earlier: bool, late: bool) -> None:
    """The partner would be told to use older results, or have two deliveries that count."""
    if earlier:
        hand(world, succeeded(world, body=b"first reads"))
    world.sleep(60)
    old = succeeded(world, body=b"second reads")
    world.sleep(60)
    new = succeeded(world, body=b"third reads")

    def other() -> None:
        assert hand(world, new) == []

    # The pointer to the sample's delivery is the old one's third or, with one to supersede, fourth write.
    operation, number = ("PutItem", 4 if earlier else 3) if late else ("CopyObject", 1)
    happened = meanwhile(world, operation, number, other)
    assert hand(world, old) == ["m0"]
    assert happened
    assert hand(world, old) == []
    assert item(world, new)["state"] == "delivered"
    assert "superseded.json" not in held(world, new)
    assert item(world, old)["state"] == "superseded"
    assert held(world, old)["superseded.json"] == 1
