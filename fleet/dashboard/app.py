"""The application: routes, and what is said when something cannot be answered."""

from collections.abc import Callable
from importlib.resources import files

from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from components.faults import InvalidOffices
from fleet.access import Unreachable
from fleet.dashboard import changes, live, pages
from fleet.dashboard.guard import Guard, Secret
from fleet.dashboard.picture import Picture
from fleet.dashboard.render import Renderer
from fleet.find import NotFound
from fleet.output import Refused
from handlers.ledger import Contended
from handlers.notify import NotSent
from handlers.rate import Full
from handlers.submit import Waiting

Page = Callable[[Picture, Renderer, Request], Response]
STATUS: dict[type[Exception], int] = {
    NotFound: 404,
    Refused: 409,
    InvalidOffices: 400,
    Unreachable: 502,
    BotoCoreError: 502,
    ClientError: 502,
    Waiting: 503,
    Full: 503,
    Contended: 503,
    NotSent: 503,
}


def application(picture: Picture, secret: Secret, port: int) -> Guard:
    renderer = Renderer(secret=secret, clock=picture.clock)

    def reading(page: Page) -> Callable[[Request], Response]:
        return lambda request: page(picture, renderer, request)

    async def change(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in changes.NAMES:
            raise NotFound(f"there is no {name}")
        form = {key: str(value) for key, value in (await request.form()).items()}
        return await run_in_threadpool(changes.change, picture, renderer, secret, name, form)

    async def events(request: Request) -> Response:
        return await live.stream(picture, request)

    def trouble(_: Request, error: Exception) -> Response:
        status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
        return renderer.page("said.html", status, title="Not so", words=str(error))

    app = Starlette(
        routes=[
            Route("/", reading(pages.home)),
            Route("/runs", reading(pages.runs)),
            Route("/sample", reading(pages.sample)),
            Route("/resources", reading(pages.resources)),
            Route("/events", events),
            Route("/change/{name}", change, methods=["POST"]),
            Mount("/static", StaticFiles(directory=str(files("fleet.dashboard") / "static"))),
        ],
        exception_handlers=dict.fromkeys(STATUS, trouble),
    )
    return Guard(app=app, secret=secret, port=port)
