"""What goes wrong with a request, in OpenAI's form."""

from typing import Any

from engine.errors import GebError

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}


class ApiError(GebError):
    """A request that gets no answer, or a server that cannot start."""

    def __init__(
        self,
        message: str,
        /,
        *,
        status: int = 400,
        code: str = "invalid_value",
        param: str | None = None,
        **values: object,
    ) -> None:
        super().__init__(message, **values)
        self.status = status
        """HTTP's number."""
        self.code = code
        """What a program tells errors apart by."""
        self.param = param
        """The field of the request that is wrong, if it is one."""

    def as_json(self) -> dict[str, Any]:
        """Return the object that OpenAI's clients read."""
        kind = _TYPES.get(self.status)
        if kind is None:
            kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {
            "error": {
                "message": str(self),
                "type": kind,
                "param": self.param,
                "code": self.code,
            }
        }
