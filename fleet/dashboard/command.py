"""`fleet dashboard`: serve the page on loopback until Ctrl-C."""

from types import FrameType
from typing import Annotated

import typer
import uvicorn

from fleet.access import Access
from fleet.dashboard.app import application
from fleet.dashboard.guard import ENTRANCE, Secret
from fleet.dashboard.picture import Picture
from fleet.options import now
from fleet.output import in_words, say

HOST = "127.0.0.1"  # no option: the page speaks with headquarters' credentials


def dashboard(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of 127.0.0.1.")] = 8765,
    days: Annotated[int, typer.Option(min=1, max=31, help="How far back the charts go.")] = 7,
) -> None:
    """All offices as a local page. It is for this machine alone, by the address that is printed."""
    access: Access = context.obj
    secret = Secret()
    with in_words():
        picture = Picture(access=access, clock=now, days=days)
    picture.start()
    say(f"http://{HOST}:{port}{ENTRANCE}?token={secret.token}")
    say("The address is the key: whoever has it acts as you. Ctrl-C ends it.")
    server(picture, secret, port).run()


def server(picture: Picture, secret: Secret, port: int) -> uvicorn.Server:
    return _Server(
        picture,
        uvicorn.Config(
            application(picture, secret, port),
            host=HOST,
            port=port,
            access_log=False,  # its lines would hold the token
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=5,
        ),
    )


class _Server(uvicorn.Server):
    """Ends the streams when it ends: each of them would else be waited for."""

    def __init__(self, picture: Picture, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._picture = picture

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._picture.stop()
        super().handle_exit(sig, frame)
