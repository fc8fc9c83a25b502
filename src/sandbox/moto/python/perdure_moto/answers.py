"""Error answers in the wire format of each AWS protocol, so that SDKs raise exactly what they would for AWS."""

import json
import uuid
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

StartResponse = Callable[..., Any]


def request_id() -> str:
    """A request id of AWS's shape."""
    return str(uuid.uuid4())


def error_answer(protocol: str, code: str, message: str) -> tuple[str, bytes, str]:
    """Content type, body and request id of an error in `protocol` (ec2, query, json, rest-json, rest-xml)."""
    rid, code_x, message_x = request_id(), escape(code), escape(message)
    if protocol == "ec2":
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>{code_x}</Code>'
            f"<Message>{message_x}</Message></Error></Errors><RequestID>{rid}</RequestID></Response>"
        )
        return "text/xml", body.encode(), rid
    if protocol == "query":
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?><ErrorResponse><Error><Type>Sender</Type><Code>{code_x}</Code>'
            f"<Message>{message_x}</Message></Error><RequestId>{rid}</RequestId></ErrorResponse>"
        )
        return "text/xml", body.encode(), rid
    if protocol == "rest-xml":
        body = f"<Error><Code>{code_x}</Code><Message>{message_x}</Message><RequestId>{rid}</RequestId></Error>"
        return "application/xml", body.encode(), rid
    return "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message}).encode(), rid


def send_error(
    start: StartResponse, protocol: str, status: int, code: str, message: str
) -> tuple[Iterable[bytes], str]:
    """Starts an error response and returns its body and request id."""
    content_type, body, rid = error_answer(protocol, code, message)
    headers = [("Content-Type", content_type), ("Content-Length", str(len(body))), ("x-amzn-RequestId", rid)]
    if protocol in ("json", "rest-json"):
        headers.append(("x-amzn-ErrorType", code))
    start(status_line(status), headers)
    return [body], rid


def send_json(start: StartResponse, status: int, value: Any) -> Iterable[bytes]:
    """Starts a JSON response of the admin side."""
    body = json.dumps(value).encode()
    start(status_line(status), [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def status_line(status: int) -> str:
    """`404 NOT FOUND` and the like."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"
