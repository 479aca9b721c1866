"""
The page's server: an ASGI application over one session.

What a button does is a POST; how the session stands, and the picture, come by one WebSocket.
"""

import mimetypes
from collections.abc import Awaitable, Callable
from functools import partial
from json import JSONDecodeError
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from odyssey import OdysseyError
from odyssey.view.access import Access
from odyssey.view.live_session import LiveSession
from odyssey.view.viewer import Viewer
from odyssey.view.words import problem
from odyssey_anyio.images.errors import MAX_FILE_BYTES
from odyssey_proto.kernel.text import encodable

MAX_BODY_BYTES = MAX_FILE_BYTES * 4 // 3 + 2**20
"""An image stands in a request as base64."""

TRACE_NAME = "odyssey-trace.jsonl"

# What the tables of a machine say does not matter then: a module of another type is not run by browsers.
mimetypes.add_type("text/javascript", ".js")

FILES = StaticFiles(packages=[("odyssey.view", "page")], html=True)
"""The page, and what belongs to it."""

type Given = dict[str, Any]


def application(session: LiveSession) -> Access:
    """Returns the application that shows a session to whoever has its address."""

    async def live(socket: WebSocket) -> None:
        await Viewer(session, socket).run()

    routes = [
        *(Route(path, partial(_press, press), methods=["POST"]) for path, press in _buttons(session).items()),
        Route("/recordings/{name}", partial(_recording, session)),
        Route("/trace", partial(_trace, session)),
        WebSocketRoute("/live", live),
        Mount("/", FILES),
    ]
    handlers: Any = {OdysseyError: _refused, HTTPException: _impossible}
    return Access(Starlette(routes=routes, exception_handlers=handlers, max_body_size=MAX_BODY_BYTES))


def _buttons(session: LiveSession) -> dict[str, Callable[[Given], Awaitable[None]]]:
    """Returns what each POST does with the JSON that it is given."""

    def start(given: Given) -> Awaitable[None]:
        image = given.get("image")
        # A path would be read on this machine.
        if image is not None and not (isinstance(image, str) and image.startswith("data:")):
            raise HTTPException(400, "an image comes as a data URL")
        return session.start(_text(given), given.get("portrait") is not False, image)

    return {
        "/connect": lambda _: session.connect(),
        "/disconnect": lambda _: session.disconnect(),
        "/start": start,
        "/interact": lambda given: session.interact(_text(given)),
        "/end": lambda _: session.end(),
        "/record": lambda _: session.record(),
        "/stop-recording": lambda _: session.stop_recording(),
    }


async def _press(press: Callable[[Given], Awaitable[None]], request: Request) -> Response:
    try:
        given = await request.json()
    except (JSONDecodeError, UnicodeDecodeError):
        given = None
    if not isinstance(given, dict):
        raise HTTPException(400, "the request is no JSON object")
    await press(given)
    return JSONResponse({})


async def _recording(session: LiveSession, request: Request) -> Response:
    path = session.recording(request.path_params["name"])
    if path is None:
        raise HTTPException(404, "there is no recording of this name")
    return FileResponse(path, filename=path.name)


async def _trace(session: LiveSession, _: Request) -> Response:
    trace = await session.trace()
    if trace is None:
        raise HTTPException(404, "there was no session yet, so there is no trace")
    return Response(
        trace,
        media_type="application/jsonl",
        headers={"content-disposition": f'attachment; filename="{TRACE_NAME}"'},
    )


async def _refused(_: Request, error: OdysseyError) -> Response:
    return JSONResponse({"problem": problem(error.failure)}, 409)


async def _impossible(_: Request, error: HTTPException) -> Response:
    said = {"code": "page.request", "message": error.detail, "meaning": "", "advice": ""}
    return JSONResponse({"problem": said}, error.status_code)


def _text(given: Given) -> str:
    prompt = given.get("prompt")
    if not (isinstance(prompt, str) and encodable(prompt)):
        raise HTTPException(400, "a prompt is a text")
    return prompt
