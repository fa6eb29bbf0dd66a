"""Values as people read them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.text import cell, plain, since, span, taken

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@given(st.text(alphabet=st.characters()))
def test_no_text_whatever_steers_a_terminal(text: str) -> None:
    """Whatever a branch names its sample."""
    made = plain(text)
    assert all(c.isprintable() or c.isspace() for c in made)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in made)
    assert cell(text).plain == made
    made.encode()  # surrogates would end the command


@pytest.mark.parametrize("name", ["S1", "Grüße 100%", "試料 [1]", "a+b (c)"])
def test_an_ordinary_name_stays_as_it_is(name: str) -> None:
    """People must be able to copy it."""
    assert plain(name) == name


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("7d", "2026-11-18T12:00:00.000Z"),
        ("90m", "2026-11-25T10:30:00.000Z"),
        ("2026-11-01", "2026-11-01T00:00:00.000Z"),
        ("2026-11-01T10:00:00+09:00", "2026-11-01T01:00:00.000Z"),
        ("2026-11-25T03:19:57.147Z", "2026-11-25T03:19:57.147Z"),
    ],
)
def test_times_mean_what_people_expect(text: str, means: str) -> None:
    """`--before` takes what the page before has printed, to the millisecond."""
    assert since(text, NOW) == means


@pytest.mark.parametrize("text", ["", "yesterday", "7", "-3d", "2026-13-01"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    """Else a typing error would show everything, or nothing."""
    with pytest.raises(ValueError, match="a time must be a span"):
        since(text, NOW)


@pytest.mark.parametrize(
    ("seconds", "words"), [(3, "3 s"), (600, "10 min"), (18_600, "5 h 10 min"), (300_000, "3 d")]
)
def test_spans_are_short(seconds: float, words: str) -> None:
    """A column is narrow."""
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"size": 3 * 2**30}, "3.0 GiB"),
        (
            {"size": 2**20, "members": {"pipeline": "metagenome", "count": 12}},
            "the newest results of 12 samples of the project by metagenome, 1.0 MiB",
        ),
        (
            {"size": 2**20, "members": {"pipeline": "amplicon", "count": 1}},
            "the newest results of 1 sample of",
        ),
    ],
)
def test_what_a_run_is_made_of_is_said_in_words(row: dict[str, object], words: str) -> None:
    """A comparison has no upload: its size alone would be taken for a very small sample."""
    assert taken(row).startswith(words)
