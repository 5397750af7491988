"""The three addresses of the server, as an ASGI application."""

import asyncio
import logging
import time
import traceback

from engine.api.answers import Answer, Answers
from engine.api.chat_request import ChatRequest, parse_chat_request, quoted
from engine.api.completion import Completion, model_list, model_object
from engine.api.errors import ApiError
from engine.api.guard import check_host, check_key
from engine.api.http import Receive, Reply, Scope, Send, read_body, until_gone
from engine.events import Token

_logger = logging.getLogger(__name__)
_MODELS = "/v1/models"
_CHAT = "/v1/chat/completions"


class Api:
    """Answers every request, if only with an error."""

    def __init__(self, answers: Answers, key: str) -> None:
        self._answers = answers
        self._key = key
        self._created = int(time.time())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        reply = Reply(send)
        try:
            check_host(scope)
            check_key(scope, self._key)
            await self._route(scope, receive, reply)
        except ApiError as error:
            await reply.error(error)
        except Exception as error:  # noqa: BLE001
            # Where, but not what: the words of an exception may quote the conversation.
            place = "".join(traceback.format_tb(error.__traceback__))
            _logger.error("a request failed with %s at\n%s", type(error).__name__, place)
            await reply.error(
                ApiError(
                    "Something unexpected went wrong; the log has the details.",
                    status=500,
                    code="internal_error",
                )
            )

    async def _route(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        method, path = scope["method"], scope["path"]
        if (method, path) == ("POST", _CHAT):
            request = parse_chat_request(await read_body(scope, receive))
            await self._chat(request, receive, reply)
        elif (method, path) == ("GET", _MODELS):
            await reply.object(model_list([model_object(self._answers.model(), self._created)]))
        elif method == "GET" and path.startswith(_MODELS + "/"):
            name = path.removeprefix(_MODELS + "/")
            await reply.object(model_object(self._answers.known_model(name), self._created))
        else:
            raise ApiError(
                "There is no {method} {path} here; there are GET {models} and POST {chat}.",
                method=quoted(method),
                path=quoted(path),
                models=_MODELS,
                chat=_CHAT,
                status=405 if path in (_MODELS, _CHAT) else 404,
                code="unknown_url",
            )

    async def _chat(self, request: ChatRequest, receive: Receive, reply: Reply) -> None:
        answer = self._answers.ask(request)
        gone = asyncio.create_task(until_gone(receive))
        # Who hangs up needs no answer, whether it has begun or not.
        gone.add_done_callback(lambda _task: self._answers.cancel(answer))
        try:
            await answer.begin()
            if request.stream:
                await _stream(answer, reply, include_usage=request.include_usage)
            else:
                await _whole(answer, reply)
        finally:
            gone.cancel()
            self._answers.cancel(answer)


async def _whole(answer: Answer, reply: Reply) -> None:
    text: list[str] = []
    async for part in answer.parts():
        if isinstance(part, Token):
            text.append(part.text)
        else:
            await reply.object(Completion(answer.model.name).whole("".join(text), part))


async def _stream(answer: Answer, reply: Reply, *, include_usage: bool) -> None:
    completion = Completion(answer.model.name)
    await reply.event(completion.chunk({"role": "assistant", "content": ""}))
    async for part in answer.parts():
        if isinstance(part, Token):
            await reply.event(completion.chunk({"content": part.text}))
            continue
        await reply.event(completion.chunk({}, part))
        if include_usage:
            await reply.event(completion.usage(part))
        await reply.end()
