"""Setup: the first owner, by a one-time code, while there is no user."""

from __future__ import annotations

from fastapi import Response

from penstock_runtime.server.json_response import answer
from penstock_runtime.server.routing import Answer, Call, Routes, public
from penstock_runtime.server.session.cookies import signed_in_answer
from penstock_runtime.server.session.schemas import Session
from penstock_runtime.server.setup.schemas import Setup, SetupState

routes = Routes("setup")


@routes.get("/setup", Answer(SetupState), access=public("the first page must know whether to ask for a setup code"))
def get_setup(call: Call) -> Response:
    """Return whether the first owner is still to be made."""
    return answer({"needed": call.services.authentication.setup_needed()})


@routes.post(
    "/setup", Answer(Session, 201, (401, 403, 409, 429)), access=public("there is no user yet; the code is the key")
)
def set_up(call: Call, body: Setup) -> Response:
    """Make the first owner and sign them in."""
    signed_in = call.services.authentication.set_up(body.code, body.name, body.password, call.address)
    return signed_in_answer(call, signed_in)
