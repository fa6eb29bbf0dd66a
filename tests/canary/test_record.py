"""A kept record: what was measured, or nothing."""

import pytest

from canary.record import Broken, opened
from tests.canary.example import record


def test_what_was_kept_comes_back() -> None:
    """Else no release could ever be promoted."""
    made = record()
    assert opened(made.text(), made.seal) == made


def test_a_changed_measurement_is_noticed() -> None:
    """Else a failed canary is a matter of one edit in a table."""
    made = record(shares={562: 1.0})
    better = made.text().replace('"562": 1.0', '"562": 0.6')
    assert better != made.text()
    with pytest.raises(Broken, match="seal"):
        opened(better, made.seal)


def test_what_is_no_record_is_said_so() -> None:
    """A later version's record must not be half understood."""
    made = record()
    text = made.text().replace('"schema": 1', '"schema": 2')
    later = made.model_construct(**{**dict(made), "schema_": 2})
    assert later.text() == text
    with pytest.raises(Broken, match="cannot be read"):
        opened(text, later.seal)
