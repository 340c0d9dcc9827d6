"""The session: sign in, sign out, who am I, and the one-time link."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response
from starlette.responses import HTMLResponse, RedirectResponse

from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.ports.authentication import NotSignedIn, TooManyFailures
from penstock_runtime.server.json_response import no_content
from penstock_runtime.server.pages import message_page
from penstock_runtime.server.routing import VIEWER, Answer, Call, Routes, public
from penstock_runtime.server.session.cookies import clear_session, session_answer, set_session, signed_in_answer
from penstock_runtime.server.session.schemas import PasswordChange, Session, SignIn

routes = Routes("session")
link_routes = Routes("session", prefix="")

Code = Annotated[str, Path(max_length=200)]
_UNSEEN = {"Cache-Control": "no-store"}


@routes.post("/session", Answer(Session, 201, (401, 403, 429)), access=public("this is where one signs in"))
def sign_in(call: Call, body: SignIn) -> Response:
    """Sign in with a name and password; the answer sets the session's cookie."""
    return signed_in_answer(call, call.services.authentication.sign_in(body.name, body.password, call.address))


@routes.get("/session", Answer(Session), access=VIEWER)
def get_session(call: Call) -> Response:
    """Return who is asking, and the token that unsafe requests repeat."""
    return session_answer(call, call.who)


@routes.delete("/session", Answer(status=204), access=VIEWER)
def sign_out(call: Call) -> Response:
    """End the session of this browser."""
    if call.session_token is not None:
        call.services.authentication.sign_out(call.session_token)
    response = no_content()
    clear_session(response, call)
    return response


@routes.post("/session/password", Answer(status=204, errors=(429,)), access=VIEWER)
def change_password(call: Call, body: PasswordChange) -> Response:
    """Change one's own password; every session of the user ends, and one signs in again."""
    call.services.authentication.change_own_password(call.who, body.current, body.new)
    response = no_content()
    clear_session(response, call)
    return response


@link_routes.get("/sign-in/{code}", Answer(), access=public("the page is the same for every code, and uses none up"))
def show_sign_in_link(call: Call, code: Code) -> Response:
    """Ask before a one-time link is used: previews of links, and pages that send one here, must not use it."""
    del code
    if call.services.authentication.open_to_all:
        return RedirectResponse("/", 303)
    page = message_page("Sign in", "This link signs you in to Penstock, once.", button="Sign in")
    return HTMLResponse(page, headers=_UNSEEN)


@link_routes.post("/sign-in/{code}", Answer(status=303), access=public("the code in the address is the credential"))
def use_sign_in_link(call: Call, code: Code) -> Response:
    """Use a one-time link: set the cookie and go to the first page."""
    if call.services.authentication.open_to_all:
        return RedirectResponse("/", 303)
    try:
        signed_in = call.services.authentication.sign_in_with_code(code, call.address)
    except NotSignedIn:
        text = (
            "This link has been used or has expired. Ask for a new one, or run `penstock user link NAME` on the server."
        )
        return _refused("Sign-in link", text, 401)
    except TooManyFailures as error:
        return _refused("Sign-in link", str(error), 429)
    except PenstockError:
        return _refused("Sign-in link", "The database did not answer. Try again in a moment.", 503)
    response = RedirectResponse("/", 303, _UNSEEN)
    set_session(response, call, signed_in)
    return response


def _refused(title: str, text: str, status: int) -> Response:
    return HTMLResponse(message_page(title, text, link=("/sign-in", "Sign in another way")), status, _UNSEEN)
