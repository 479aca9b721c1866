"""
Odyssey in the browser, one session for each of them: `python examples/web_app/app.py [--port 8000]`.

A page has a WebSocket, which says where its viewer stands and lasts as long as the page is open; an `img`
with the video; and a form whose prompts are posted.
"""

import argparse
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import anyio
import uvicorn
from fastapi import Cookie, FastAPI, HTTPException, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.types import Receive, Scope, Send
from viewers import Viewer, Viewers

from odyssey import OdysseyError

PAGE = Path(__file__).with_name("page.html").read_text()
PLACES = int(os.environ.get("PLACES", "3"))
"""How many sessions the account has at once: whoever comes later waits for one of them."""
STATUS_SECONDS = 0.2
COOKIE = "browser"

type Browser = Annotated[str | None, Cookie(alias=COOKIE)]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        app.state.viewers = Viewers(PLACES, tasks)
        yield
        tasks.cancel_scope.cancel()  # whoever is still here: each session is given back


app = FastAPI(lifespan=lifespan)


class Wish(BaseModel):
    prompt: str = Field(min_length=1, max_length=500)


def viewer_of(browser: str | None) -> Viewer:
    viewer: Viewer | None = app.state.viewers.get(browser)
    if viewer is None:
        raise HTTPException(404, "open the page first")
    return viewer


@app.get("/")
async def page(browser: Browser = None) -> HTMLResponse:
    response = HTMLResponse(PAGE)
    if browser is None:
        response.set_cookie(COOKIE, secrets.token_urlsafe(), httponly=True, samesite="strict")
    return response


@app.websocket("/session")
async def session(socket: WebSocket, browser: Browser = None) -> None:
    if browser is None:
        raise HTTPException(403)
    await socket.accept()
    async with app.state.viewers.page(browser) as viewer, anyio.create_task_group() as tasks:
        tasks.start_soon(show_status, socket, viewer)
        try:
            await socket.receive_text()  # a page sends nothing: this ends when it is closed
        except WebSocketDisconnect as gone:
            if gone.code == 1012:  # the server ends
                viewer.scope.cancel()
        tasks.cancel_scope.cancel()


async def show_status(socket: WebSocket, viewer: Viewer) -> None:
    shown = None
    while True:
        status = app.state.viewers.status(viewer)
        if status != shown:
            await socket.send_json(status)
            shown = status
        await anyio.sleep(STATUS_SECONDS)


@app.post("/prompt")
async def prompt(wish: Wish, browser: Browser = None) -> dict[str, str]:
    return {"applied": await viewer_of(browser).client.interact(wish.prompt)}


@app.exception_handler(OdysseyError)
async def refused(request: Request, error: OdysseyError) -> JSONResponse:
    return JSONResponse({"detail": str(error), "code": error.code}, 503 if error.retryable else 409)


async def video(scope: Scope, receive: Receive, send: Send) -> None:
    viewer = app.state.viewers.get(Request(scope).cookies.get(COOKIE))
    await (viewer.video if viewer else Response(status_code=404))(scope, receive, send)


app.mount("/video", video)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    arguments.add_argument("--port", type=int, default=8000)
    uvicorn.run(app, port=arguments.parse_args().port)
