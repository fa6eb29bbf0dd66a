"""Keys: samples, mistakes with an answer, and what is none of our business."""

import pytest

from handlers.keys import Mistake, Sample, Unrelated, parse

PIPELINES = ["metagenome", "amplicon", "assembly"]


@pytest.mark.parametrize(
    "name", ["S1", "a b", "a+b", "100%", "Süd", "Su\u0308d", "a%2Fb", "...", "土", "x" * 200]
)
def test_any_readable_name_is_a_sample(name: str) -> None:
    """Names belong to the branch."""
    key = f"metagenome/{name}/{name}/input.tar"
    place = parse(key, PIPELINES)
    assert place == Sample(pipeline="metagenome", project=name, sample=name)
    assert place.key == key


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("metagenome/p/s/Input.tar", "metagenome/p/s/input.tar"),
        ("metagenome/p/s/INPUT.TAR", "metagenome/p/s/input.tar"),
        ("metagenome/p/s/input .tar", "metagenome/p/s/input.tar"),
        ("metagenome/p/s/input(1).tar", "metagenome/p/s/input.tar"),
        ("metagenome/p/s/input", "metagenome/p/s/input.tar"),
        ("metagenome/p/s/S1.tar", "metagenome/p/s/input.tar"),
        ("metagenome/p/s/input.tar.gz", "tar -cf input.tar"),
        ("metagenome/p/s/input.tgz", "tar -cf input.tar"),
        ("metagenome/p/s/input.zip", "tar -cf input.tar"),
        ("metagenome/p/s/S1.tar.gz", "tar -cf input.tar"),
        ("metagenom/p/s/input.tar", "metagenome/p/s/input.tar"),
        ("Metagenome/p/s/input.tar", "metagenome/p/s/input.tar"),
        ("rnaseq/p/s/input.tar", "one of these pipelines"),
        ("metagenome/s/input.tar", "<pipeline>/<project>/<sample>/input.tar"),
        ("input.tar", "<pipeline>/<project>/<sample>/input.tar"),
        ("metagenome/a/b/c/input.tar", "<pipeline>/<project>/<sample>/input.tar"),
        ("metagenome//s/input.tar", "<pipeline>/<project>/<sample>/input.tar"),
        ("/metagenome/p/s/input.tar", "<pipeline>/<project>/<sample>/input.tar"),
        ("metagenome/../s/input.tar", "<pipeline>/<project>/<sample>/input.tar"),
        ("metagenome/p/a\nb/input.tar", "<pipeline>/<project>/<sample>/input.tar"),
        ("metagenome/p/a\x1b[31m/input.tar", "<pipeline>/<project>/<sample>/input.tar"),
        (f"metagenome/{'p' * 400}/{'s' * 400}/input.tar", "shorter name"),
    ],
)
def test_a_mistake_is_answered_with_what_to_do(key: str, advice: str) -> None:
    """A branch has only S3: the answer must say how to do it right."""
    place = parse(key, PIPELINES)
    assert isinstance(place, Mistake)
    assert advice in place.what_to_do
    assert place.status_key == "/".join([*key.split("/")[:-1], "status.json"])


@pytest.mark.parametrize(
    "key",
    [
        "metagenome/p/s/",
        "notes.txt",
        "metagenome/p/s/S1_R1.fastq.gz",
        ".DS_Store",
        "metagenome/p/s/status.json",
    ],
)
def test_other_files_are_left_alone(key: str) -> None:
    """Whatever else a branch keeps there is not answered with a refusal."""
    assert isinstance(parse(key, PIPELINES), Unrelated)


def test_a_key_whose_answer_s3_could_not_hold_has_none() -> None:
    """An answer that cannot be written must not circle for ever."""
    place = parse("x" * 1014 + "/input.tar", PIPELINES)
    assert isinstance(place, Mistake)
    assert place.status_key is None
