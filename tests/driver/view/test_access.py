"""Who may use the page: the token is good once, then a cookie; foreign names and pages are refused."""

from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from odyssey.view.access import Access

pytestmark = pytest.mark.anyio

HERE = "http://127.0.0.1:8000"


@pytest.fixture
def access() -> Access:
    return Access(PlainTextResponse("the page"))


def browser(access: Access) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(access), base_url=HERE)


async def test_the_token_is_exchanged_once_for_a_cookie_that_no_program_reads(access: Access) -> None:
    query = access.query
    async with browser(access) as first, browser(access) as second:
        assert (await first.get("/")).status_code == 403
        assert (await first.get("/?token=wrong")).status_code == 403
        assert (await first.get(f"/view.js{query}")).status_code == 403, "only the page itself takes it"
        welcome = await first.get(f"/{query}")
        assert (welcome.status_code, welcome.headers["location"]) == (303, "/")
        cookie = welcome.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        page = await first.get("/")
        assert (page.status_code, page.text) == (200, "the page")
        used = await second.get(f"/{query}")
        assert used.status_code == 403
        assert "start odyssey view again" in used.text
        assert access.query == ""
        assert query.partition("=")[2] not in repr(access) + page.text + used.text


async def test_nothing_of_elsewhere_is_loaded(access: Access) -> None:
    async with browser(access) as visitor:
        for answer in (
            await visitor.get(f"/{access.query}"),
            await visitor.get("/"),
            await visitor.post("/"),
        ):
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; ")
            assert "http:" not in policy
            assert "unsafe" not in policy
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200),
        ("GET", {"host": "localhost:1234"}, 200),
        ("GET", {"host": "[::1]:8000"}, 200),
        ("GET", {"host": "evil.example:8000"}, 421),
        ("GET", {"host": "127.0.0.1.evil.example"}, 421),
        ("GET", {"host": ""}, 421),
        ("GET", {"origin": "http://evil.example"}, 403),
        ("POST", {"origin": HERE}, 200),
        ("POST", {}, 403),
        ("POST", {"origin": "null"}, 403),
        ("POST", {"origin": "http://127.0.0.1:9000"}, 403),
        ("POST", {"origin": "http://evil.example", "host": "evil.example"}, 421),
        ("GET", {"cookie": "odyssey_view=0; broken cookie\x7f"}, 403),
    ],
)
async def test_whose_request_it_is(access: Access, method: str, headers: dict[str, str], status: int) -> None:
    async with browser(access) as visitor:
        await visitor.get(f"/{access.query}")
        assert (await visitor.request(method, "/", headers=headers)).status_code == status


@pytest.mark.parametrize("origin", [None, "http://evil.example", HERE])
async def test_a_socket_needs_the_cookie_and_the_origin(origin: str | None) -> None:
    reached: list[str] = []
    sent: list[Any] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            reached.append(scope["path"])
        else:
            await PlainTextResponse("the page")(scope, receive, send)

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        pytest.fail("nothing is read")

    access = Access(page)
    async with browser(access) as visitor:
        welcome = await visitor.get(f"/{access.query}")
    cookie = welcome.headers["set-cookie"].partition(";")[0]
    for shown in (None, cookie):
        named = {"host": "127.0.0.1:8000", "origin": origin, "cookie": shown}
        headers = [(name.encode(), value.encode()) for name, value in named.items() if value is not None]
        scope = {"type": "websocket", "path": "/live", "query_string": b"", "headers": headers}
        await access(scope, receive, send)
    refused = {"type": "websocket.close", "code": 1008}
    if origin == HERE:
        assert (reached, sent) == (["/live"], [refused]), "only the one with the cookie came through"
    else:
        assert (reached, sent) == ([], [refused, refused])
