"""The session's cookie."""

from __future__ import annotations

from starlette.responses import Response

from penstock_runtime.ports.authentication import Identity, SignedIn
from penstock_runtime.server.json_response import answer
from penstock_runtime.server.routing import SESSION_COOKIE, Calling


def set_session(response: Response, call: Calling, signed_in: SignedIn) -> None:
    """Hand the session to the browser: not readable by scripts, not sent by other sites' forms."""
    response.set_cookie(
        SESSION_COOKIE,
        signed_in.token,
        max_age=signed_in.seconds,
        path="/",
        httponly=True,
        samesite="lax",
        secure=call.services.settings.https,
    )


def clear_session(response: Response, call: Calling) -> None:
    """Take the cookie back."""
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax", secure=call.services.settings.https)


def session_answer(call: Calling, identity: Identity, status: int = 200) -> Response:
    """Return who is asking."""
    body = {
        "name": identity.name,
        "role": identity.role.value,
        "user_id": identity.user_id,
        "csrf_token": identity.csrf_token,
        "auth_mode": "none" if call.services.authentication.open_to_all else "password",
        "version": call.services.settings.version,
    }
    return answer(body, status, {"Cache-Control": "no-store"})


def signed_in_answer(call: Calling, signed_in: SignedIn) -> Response:
    """Return a fresh session with its cookie."""
    response = session_answer(call, signed_in.identity, 201)
    set_session(response, call, signed_in)
    return response
