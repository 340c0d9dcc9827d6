"""The few pages that the server writes itself, when the web UI is not there to."""

from __future__ import annotations

from html import escape

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>:root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:15vh auto;\
padding:0 1rem}}a{{color:inherit}}button{{font:inherit;padding:.5rem 1rem}}</style>{head}</head>
<body><main><h1>{title}</h1>{paragraphs}</main></body>
</html>
"""

# Our policy sends no referrer, and then a browser's form says `Origin: null`, which tells us from no other site. This
# one sends the origin and never the address, which may hold a one-time code.
_NAMED_ORIGIN = '<meta name="referrer" content="strict-origin">'


def message_page(title: str, *paragraphs: str, link: tuple[str, str] | None = None, button: str | None = None) -> str:
    """Return a plain page; the texts are escaped.

    `link` is an address and its words: the way on. `button` posts to the page's own address.
    """
    body = "".join(f"<p>{escape(text)}</p>" for text in paragraphs)
    if button:
        body += f'<form method="post"><button autofocus>{escape(button)}</button></form>'
    if link:
        body += f'<p><a href="{escape(link[0])}">{escape(link[1])}</a></p>'
    return _PAGE.format(title=escape(title), head=_NAMED_ORIGIN if button else "", paragraphs=body)
