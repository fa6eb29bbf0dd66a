"""A guard of the production code, and what it is replaced by to see that its absence is noticed."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Something that keeps a promise: `old` in `module` is replaced by `new` to remove it.

    `pairs` are further replacements, for a guard that another one stands behind. `check` is the one that
    is expected to notice; when it does not, all are asked.
    """

    name: str
    module: str
    old: str
    new: str
    check: str
    pairs: tuple[tuple[str, str, str], ...] = ()

    @property
    def changes(self) -> tuple[tuple[str, str, str], ...]:
        return ((self.module, self.old, self.new), *self.pairs)


def guard(name: str, check: str, module: str, old: str, new: str, *pairs: tuple[str, str, str]) -> Guard:
    return Guard(name=name, check=check, module=module, old=old, new=new, pairs=pairs)
