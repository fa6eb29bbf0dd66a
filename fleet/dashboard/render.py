"""Render: templates in which every value is made plain and escaped, without being asked to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from fleet import text
from fleet.dashboard.guard import Secret
from fleet.overview import began


def safe(value: Any) -> Any:
    """Of every expression of a template: marks that turn the direction of a line are shown by their code;
    autoescape does the rest.
    """
    return value if isinstance(value, Markup) else "" if value is None else text.plain(value)


@dataclass(frozen=True, kw_only=True)
class Renderer:
    secret: Secret
    clock: Callable[[], datetime]
    _environment: Environment = field(init=False)

    def __post_init__(self) -> None:
        made = Environment(
            loader=PackageLoader("fleet.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=safe,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters: dict[str, Callable[..., Any]] = {
            "ago": lambda value: text.ago(_iso(value), self.clock()),
            "local": text.local,
            "taken": text.taken,
            "query": urlencode,
            "where": text.where,
            "began": began,
            "share": lambda value: "not known" if value is None else f"{value:.0%}",
            "number": lambda value: f"{value:,.0f}",
        }
        made.filters |= filters
        made.globals |= {"between": text.between}
        object.__setattr__(self, "_environment", made)

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        found = self._environment.get_template(template)
        return HTMLResponse(found.render(token=self.secret.of_forms, **values), status)


def _iso(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else value
