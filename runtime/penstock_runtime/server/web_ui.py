"""The built web UI: files as they are, and its first page for every other address."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from penstock_runtime.server.pages import message_page

_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


class WebUi(StaticFiles):
    """Serves the folder that `make web` fills.

    Files under `assets/` carry their content's hash in the name and are kept for good; the first page is asked for
    again each time. An address without a file is the page's own business (its router's), but for the API's.
    """

    def __init__(self, directory: Path) -> None:
        """Serve the folder, which may not be there yet."""
        super().__init__(directory=directory, check_dir=False)
        self.folder = directory

    async def check_config(self) -> None:
        """Check nothing: a folder that is not there yet is answered by a page that says so."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, the first page, or what to do when neither is there."""
        if scope["method"] not in {"GET", "HEAD"} or path.split("/", 1)[0] == "api":
            raise HTTPException(404, f"there is nothing at {scope['path']}")
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404:  # noqa: PLR2004 - the status is its own name
                raise
            response = self._first_page(path)
        else:
            if isinstance(response, FileResponse):
                kept = path.startswith("assets/")
                response.headers["Cache-Control"] = _FOREVER if kept else _ASK_AGAIN
        return response

    def _first_page(self, path: str) -> Response:
        index = self.folder / "index.html"
        if "." in path.rsplit("/", 1)[-1].strip("."):
            raise HTTPException(404, f"there is no file {path}")
        if not index.is_file():
            text = "The web UI has not been built. Run `make web` in the repository, then reload this page."
            return HTMLResponse(message_page("Penstock", text, "The API is at /api/v1."), 503)
        return FileResponse(index, headers={"Cache-Control": _ASK_AGAIN})
