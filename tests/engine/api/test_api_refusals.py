"""What is refused, each with one clear sentence in OpenAI's form."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterable
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api import chat_request
from engine.api.chat_request import parse_chat_request
from engine.api.errors import ApiError
from engine.api.http import MAX_BODY_BYTES
from engine.sampling import SamplingParams

HELLO = [{"role": "user", "content": "你好"}]
CHAT = "/v1/chat/completions"
GOOD = {"model": "tiny", "messages": HELLO, "max_tokens": 2}


def send(
    serving: Any,
    method: str,
    path: str,
    body: bytes | Iterable[bytes] | None = None,
    **headers: str | None,
) -> tuple[int, dict[str, str], Any]:
    """Send one request as it stands; return status, headers and the reply's JSON."""
    named = {"Host": "localhost", "Authorization": f"Bearer {serving.key}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", serving.port, timeout=20)
    ) as connection:
        connection.putrequest(method, path, skip_host=True)
        for name, value in named.items():
            if value is not None:
                connection.putheader(name, value)
        chunked = body is not None and not isinstance(body, bytes)
        if isinstance(body, bytes) and "Content-Length" not in named:
            connection.putheader("Content-Length", str(len(body)))
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders(body, encode_chunked=chunked)
        reply = connection.getresponse()
        received = {name.lower(): value for name, value in reply.getheaders()}
        return reply.status, received, json.loads(reply.read())


def refused(reply: tuple[int, dict[str, str], Any]) -> tuple[int, str, str]:
    """Return status, code and sentence of a reply that must be an error in OpenAI's form."""
    status, headers, values = reply
    assert not [name for name in headers if name.startswith("access-control")]
    assert list(values) == ["error"]
    error = values["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert error["message"].endswith(".")
    assert len(error["message"]) < 250
    return status, error["code"], error["message"]


@pytest.mark.parametrize(
    "key", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic {key}", "{key}"]
)
@pytest.mark.parametrize("path", ["/v1/models", CHAT, "/", "/v1/nothing"])
def test_without_the_key_nothing_is_told(serving: Any, key: str | None, path: str) -> None:
    shown = key and key.format(key=serving.key)
    method = "POST" if path == CHAT else "GET"
    status, code, message = refused(send(serving, method, path, Authorization=shown))
    assert (status, code) == (401, "invalid_api_key")
    assert message == "The key is wrong or missing. `geb serve --print-key` prints the right one."


def test_the_client_knows_a_wrong_key(serving: Any) -> None:
    for key in ("wrong", serving.key[:-1], serving.key + "x", serving.key.upper()):
        with serving.client(api_key=key) as client, pytest.raises(openai.AuthenticationError):
            client.models.list()


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost.",
     "192.168.1.5", "10.0.0.1:{port}", "127.0.0.1:80:80", "user@localhost", "localhost/"],
)  # fmt: skip
def test_a_name_made_to_point_here_is_refused(serving: Any, host: str) -> None:
    reply = send(serving, "GET", "/v1/models", Host=host.format(port=serving.port))
    assert refused(reply)[:2] == (403, "host_not_allowed")


@pytest.mark.parametrize(("version", "status"), [("1.0", b"403"), ("1.1", b"400")])
def test_without_a_name_it_is_refused(serving: Any, version: str, status: bytes) -> None:
    request = f"GET /v1/models HTTP/{version}\r\nAuthorization: Bearer {serving.key}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", serving.port), timeout=20) as connection:
        connection.sendall(request.encode())
        assert connection.recv(1000).split()[1] == status


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]", "[::1]:14320"])
def test_this_computers_own_names_are_taken(serving: Any, host: str) -> None:
    assert send(serving, "GET", "/v1/models", Host=host)[0] == 200


def test_pages_of_a_browser_may_not_read_along(serving: Any) -> None:
    page = {"Origin": "https://evil.example", "Access_Control_Request_Method": "POST"}
    assert refused(send(serving, "OPTIONS", CHAT, Authorization=None, **page))[0] == 401
    assert refused(send(serving, "OPTIONS", CHAT, **page))[0] == 405
    status, headers, _ = send(serving, "GET", "/v1/models", **page)
    assert status == 200
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1", 404),
        ("POST", "/chat/completions", 404),
        ("GET", "/v1/models/other", 404),
        ("GET", "/v1/" + "x" * 5000, 404),
        ("GET", CHAT, 405),
        ("DELETE", "/v1/models", 405),
    ],
)
def test_unknown_addresses(serving: Any, method: str, path: str, status: int) -> None:
    assert refused(send(serving, method, path))[0] == status


def test_an_unknown_model(serving: Any) -> None:
    with serving.client() as client, pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "Hi"}])
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    assert unknown.value.body["message"] == (  # type: ignore[index]
        "There is no model gpt-5 here; the one in use is tiny."
    )


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 20 * MAX_BODY_BYTES])
def test_an_oversized_request(serving: Any, size: int) -> None:
    body = json.dumps(GOOD | {"user": "x" * size}).encode()
    parts = (body[at : at + 65536] for at in range(0, len(body), 65536))
    for reply in (send(serving, "POST", CHAT, body), send(serving, "POST", CHAT, parts)):
        assert refused(reply) == (
            413,
            "request_too_large",
            f"The request is too large: at most {MAX_BODY_BYTES} bytes are read.",
        )


def test_a_conversation_too_long_for_the_context(serving: Any) -> None:
    long, turn = "很长的话" * 400, "some words to fill the context with " * 8
    turns = [{"role": role, "content": turn} for role in ("user", "assistant") * 8]
    for messages, sentence in (
        ([{"role": "user", "content": long}], "The message is too long"),
        ([*turns, *HELLO], "The conversation is too long for the model"),
    ):
        for stream in (False, True):
            body = json.dumps({"model": "tiny", "messages": messages, "stream": stream}).encode()
            status, code, message = refused(send(serving, "POST", CHAT, body))
            assert (status, code) == (400, "context_length_exceeded")
            assert message.startswith(sentence)


_MALFORMED = [
    b"", b"{", b"\xff\xfe", b"null", b"[]", b'"text"', b"[" * 100_000, b'{"model": NaN}',
    b'{"seed": 1' + b"0" * 5000 + b"}", b'{"a": 1} {"b": 2}',
]  # fmt: skip


@pytest.mark.parametrize("body", _MALFORMED, ids=range(len(_MALFORMED)))
def test_a_malformed_request(serving: Any, body: bytes) -> None:
    assert refused(send(serving, "POST", CHAT, body))[:2] == (400, "invalid_json")


@pytest.mark.parametrize(
    ("changes", "param", "sentence"),
    [
        ({"model": None}, "model", "The request lacks model."),
        ({"model": 5}, "model", "model is of the wrong type."),
        ({"messages": None}, "messages", "The request lacks messages."),
        ({"messages": "Hi"}, "messages", "messages is of the wrong type."),
        ({"messages": []}, "messages", "There is no message to answer."),
        ({"messages": ["Hi"]}, "messages[0]", "messages[0] is of the wrong type."),
        (
            {"messages": [*HELLO, {"role": "tool", "content": ""}]},
            "messages[1].role",
            "messages[1] must have one of these roles: system, developer, user, assistant.",
        ),
        (
            {"messages": [{"role": ["user"], "content": ""}]},
            "messages[0].role",
            "messages[0] must have one of these roles: system, developer, user, assistant.",
        ),
        (
            {"messages": [{"role": "user"}]},
            "messages[0].content",
            "messages[0].content is of the wrong type.",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]},
            "messages[0].content",
            "messages[0].content may hold text only.",
        ),
        (
            {"messages": [{"role": "assistant", "content": "", "tool_calls": [{}]}]},
            "messages[0]",
            "This server cannot do what messages[0].tool_calls asks for; leave it out.",
        ),
        ({"stream": 1}, "stream", "stream is of the wrong type."),
        ({"stream_options": []}, "stream_options", "stream_options is of the wrong type."),
        ({"n": 2}, "n", "This server cannot do what n asks for; leave it out."),
        ({"stop": ["."]}, "stop", "This server cannot do what stop asks for; leave it out."),
        ({"tools": [{}]}, "tools", "This server cannot do what tools asks for; leave it out."),
        (
            {"x" * 999: 1},
            "x" * 60,
            f"This server cannot do what {'x' * 60}… asks for; leave it out.",
        ),
        ({"temperature": -1}, "temperature", "temperature must be between 0 and 10, not -1."),
        ({"temperature": "hot"}, "temperature", "temperature must be a number, not hot."),
        ({"temperature": True}, "temperature", "temperature must be a number, not true."),
        ({"top_p": 1.5}, "top_p", "top_p must be between 0 and 1, not 1.5."),
        ({"seed": -1}, "seed", f"seed must be between 0 and {2**64 - 1}, not -1."),
        ({"max_tokens": 0}, "max_tokens", "max_tokens must be between 1 and 1000000, not 0."),
        ({"max_tokens": 1.5}, "max_tokens", "max_tokens must be a number, not 1.5."),
        ({"min_p": "y" * 999}, "min_p", f"min_p must be a number, not {'y' * 60}…."),
        ({"top_k": [[{}]]}, "top_k", "top_k must be a number, not […]."),
        (
            {"max_completion_tokens": 3},
            "max_completion_tokens",
            "Give max_tokens or max_completion_tokens, not both.",
        ),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(
    serving: Any, changes: dict[str, Any], param: str, sentence: str
) -> None:
    reply = send(serving, "POST", CHAT, json.dumps(GOOD | changes).encode())
    assert refused(reply)[0] == 400
    assert (reply[2]["error"]["param"], reply[2]["error"]["message"]) == (param, sentence)


def test_half_a_character_is_no_failure(serving: Any) -> None:
    half = GOOD | {"messages": [{"role": "user", "content": "\ud83d"}]}
    assert send(serving, "POST", CHAT, json.dumps(half).encode())[0] == 200
    reply = send(serving, "POST", CHAT, json.dumps(GOOD | {"model": "\ud83d"}).encode())
    assert refused(reply)[2] == "There is no model ? here; the one in use is tiny."


def test_what_is_no_http_or_breaks_off_harms_nobody(serving: Any) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {serving.key}\r\n"
    for sent in (
        b"\x16\x03\x01 hello\r\n\r\n",
        b"",
        head.encode() + b"Content-Length: 99\r\n\r\n{",
    ):
        with socket.create_connection(("127.0.0.1", serving.port)) as connection:
            connection.sendall(sent)
    assert send(serving, "POST", CHAT, json.dumps(GOOD).encode())[0] == 200


_FIELDS = sorted(
    chat_request._READ | set(chat_request._UNWANTED) | {"role", "content", "type", "text", "name"}
)
_LEAVES = st.none() | st.booleans() | st.integers(-2, 3) | st.floats() | st.sampled_from(["user"])
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_FIELDS) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(st.binary(max_size=50) | _VALUES.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_is_understood_or_refused(body: bytes) -> None:
    with pytest.raises(ApiError) as error:
        parse_chat_request(body)
    assert error.value.status == 400
    assert len(str(error.value)) < 250


@given(_VALUES, _VALUES)
def test_whatever_is_in_a_request_is_understood_or_refused(one: object, other: object) -> None:
    values: dict[str, object] = {"model": "tiny", "messages": [one]}
    values |= other if isinstance(other, dict) else {}
    with contextlib.suppress(ApiError):
        request = parse_chat_request(json.dumps(values).encode())
        assert all(isinstance(message["content"], str) for message in request.messages)
        SamplingParams(**request.sampling)
