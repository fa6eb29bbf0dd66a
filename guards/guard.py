"""A guard: the few words of a module, a workflow or a script that keep something out."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Guard:
    """`old` in `file` is replaced by `new` to take it away; `test` is then to fail."""

    name: str
    test: str  # below tests/
    file: str
    old: str
    new: str

    @property
    def node(self) -> str:
        return f"tests/{self.test}"


def guard(name: str, test: str, file: str, old: str, new: str) -> Guard:
    return Guard(name=name, test=test, file=file, old=old, new=new)
