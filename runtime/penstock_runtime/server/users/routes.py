"""Users: list, make, change, remove, and one-time links for them."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from penstock_runtime.ports.account_store import User as UserRecord
from penstock_runtime.ports.authentication import UserChange
from penstock_runtime.server.json_response import answer, no_content, page, rfc3339
from penstock_runtime.server.parameters import ItemId
from penstock_runtime.server.routing import ADMIN, Answer, Call, Routes
from penstock_runtime.server.users.schemas import SignInLink, User, UserList, UserPatch, UserRequest

routes = Routes("users")


@routes.get("/users", Answer(UserList), access=ADMIN)
def list_users(call: Call) -> Response:
    """Return every user."""
    return page([user_view(user) for user in call.services.accounts.users()], None)


@routes.post("/users", Answer(User, 201, (409,)), access=ADMIN)
def create_user(call: Call, body: UserRequest) -> Response:
    """Make a user, of one's own role at most."""
    user = call.services.accounts.create_user(call.who, body.name, body.role, body.password)
    return answer(user_view(user), 201, {"Location": f"/api/v1/users/{user.id}"})


@routes.get("/users/{user_id}", Answer(User, errors=(404,)), access=ADMIN)
def get_user(call: Call, user_id: ItemId) -> Response:
    """Return one user."""
    return answer(user_view(call.services.accounts.user(user_id)))


@routes.patch("/users/{user_id}", Answer(User, errors=(404, 409)), access=ADMIN)
def update_user(call: Call, user_id: ItemId, body: UserPatch) -> Response:
    """Change a user's role or password, or shut them and the API keys they made out; the last owner stays one."""
    change = UserChange(body.role, body.password, body.disabled)
    return answer(user_view(call.services.accounts.change_user(call.who, user_id, change)))


@routes.delete("/users/{user_id}", Answer(status=204, errors=(404, 409)), access=ADMIN)
def delete_user(call: Call, user_id: ItemId) -> Response:
    """Remove a user with their sessions, links and API keys; the last owner stays."""
    call.services.accounts.delete_user(call.who, user_id)
    return no_content()


@routes.post("/users/{user_id}/sign-in-link", Answer(SignInLink, 201, (404,)), access=ADMIN)
def create_sign_in_link(call: Call, user_id: ItemId) -> Response:
    """Make a link that signs this user in once."""
    code = call.services.accounts.sign_in_code(call.who, user_id)
    url = f"{call.services.settings.public_url.rstrip('/')}/sign-in/{code}"
    return answer({"url": url}, 201, {"Cache-Control": "no-store"})


def user_view(user: UserRecord) -> dict[str, Any]:
    """Return a user without anything of the password."""
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role.value,
        "has_password": user.password_hash is not None,
        "created_at": rfc3339(user.created_at),
        "disabled_at": rfc3339(user.disabled_at),
    }
