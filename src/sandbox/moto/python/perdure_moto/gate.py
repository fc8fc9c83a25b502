"""The WSGI door in front of moto: admin requests, scripted faults, one call at a time, and the journal."""

import contextlib
import io
import re
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from .admin.routes import AdminApp
from .answers import StartResponse, send_error
from .call import Call, read_call
from .emulator import Emulator

_ERROR_CODE = re.compile(rb"<Code>([^<]*)</Code>|\"__type\"\s*:\s*\"([^\"]*)\"")
_REQUEST_ID = re.compile(rb"<[Rr]equestI[dD]>([^<]*)</[Rr]equestI[dD]>")


class Gate:
    """WSGI application: `/_perdure/…` is ours, everything else is an AWS call for `inner`."""

    def __init__(self, emulator: Emulator, inner: Callable[..., Iterable[bytes]]) -> None:
        self._emulator = emulator
        self._inner = inner
        self._admin = AdminApp(emulator)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request."""
        if environ.get("PATH_INFO", "").startswith("/_perdure"):
            return self._admin(environ, start_response)
        if environ.get("PATH_INFO", "").startswith("/moto-api"):
            with self._emulator.lock:
                return self._inner(environ, start_response)
        return self._aws_call(environ, start_response)

    def _aws_call(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        emulator, started, clock = self._emulator, time.time(), time.perf_counter()
        body = _read_body(environ)
        with emulator.lock:
            call = read_call(environ, body)
            outcome = emulator.faults.outcome(call)
        if outcome.delay_ms:
            time.sleep(outcome.delay_ms / 1000)
        answer = Answer()
        if outcome.error:
            code, message, status = outcome.error
            answer.body, _ = send_error(answer.start, call.protocol, status, code, message)
        elif outcome.drop != "dropBefore":
            self._run(environ, body, call, answer)
        if outcome.drop:
            answer.status = 0
        with emulator.lock:
            emulator.journal.record(
                call,
                started=started,
                duration=time.perf_counter() - clock,
                status=answer.status,
                error=answer.error_code(),
                request_id=answer.request_id(),
                fault=",".join(outcome.rules),
            )
        if outcome.drop:
            _break_connection(environ)
            return []
        return answer.send(start_response)

    def _run(self, environ: dict[str, Any], body: bytes, call: Call, answer: "Answer") -> None:
        with self._emulator.lock:
            self._emulator.settle()
            try:
                answer.body = [b"".join(self._inner(environ, answer.start))]
            except NotImplementedError as error:
                message = f"the emulator does not implement {call.service}:{call.action}: {error}"
                answer.body, _ = send_error(answer.start, call.protocol, 400, "NotImplemented", message)
            except Exception as error:
                traceback.print_exc(file=sys.stderr)
                code = "InternalError" if call.protocol == "ec2" else "InternalFailure"
                message = f"the emulator failed on {call.service}:{call.action}: {type(error).__name__}: {error}"
                answer.body, _ = send_error(answer.start, call.protocol, 500, code, message)
            if call.mutating:
                self._emulator.touch()


class Answer:
    """A response held back until the gate has decided whether to send it."""

    def __init__(self) -> None:
        self.status = 0
        self.body: Iterable[bytes] = []
        self._line = ""
        self._headers: list[tuple[str, str]] = []

    def start(self, line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """The `start_response` given to the inner application."""
        self._line, self._headers, self.status = line, list(headers), int(line.split(" ", 1)[0])
        return lambda data: None

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Passes the held response on."""
        start_response(self._line, self._headers)
        return self.body

    def error_code(self) -> str:
        """The AWS error code in the body of a failed call."""
        if self.status < 400:
            return ""
        found = _ERROR_CODE.search(b"".join(self.body))
        return (found.group(1) or found.group(2)).decode().split("#")[-1] if found else str(self.status)

    def request_id(self) -> str:
        """The request id the caller sees."""
        for name, value in self._headers:
            if name.lower() in ("x-amzn-requestid", "x-amz-request-id"):
                return value
        found = _REQUEST_ID.search(b"".join(self.body))
        return found.group(1).decode() if found else ""


def _read_body(environ: dict[str, Any]) -> bytes:
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH")
    # Without a length only a body that ends by itself (chunked) may be read.
    chunked = bool(environ.get("wsgi.input_terminated"))
    body = stream.read(int(length)) if length else (stream.read() if chunked else b"")
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    return bytes(body)


def _break_connection(environ: dict[str, Any]) -> None:
    connection = environ.get("werkzeug.socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("scripted: the connection breaks here")
