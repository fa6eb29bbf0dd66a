"""Live: tells browsers, by server-sent events, that there is something new to fetch."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import StreamingResponse

from fleet.dashboard.picture import Picture

LOOK_S = 0.5
# A comment now and then, so that a broken connection is noticed at both ends.
BEAT_S = 15.0


async def stream(picture: Picture, request: Request) -> StreamingResponse:
    return StreamingResponse(_events(picture, request), media_type="text/event-stream")


async def _events(picture: Picture, request: Request) -> AsyncIterator[str]:
    told, silent = -1, 0.0
    while not (picture.stopped or await request.is_disconnected()):
        if picture.version != told:
            told, silent = picture.version, 0.0
            yield f"event: changed\nid: {told}\ndata: {told}\n\n"
        elif silent >= BEAT_S:
            silent = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(LOOK_S)
        silent += LOOK_S
