"""Wake-ups by Redis' publish and subscribe. Nothing is kept there: a flush, a restart or its loss costs no truth."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import redis
from redis.backoff import EqualJitterBackoff, NoBackoff
from redis.retry import Retry

ANSWER_SECONDS = 2.0
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.1, 5.0
KEEPALIVE = {
    socket.TCP_KEEPIDLE: 5,
    socket.TCP_KEEPINTVL: 2,
    socket.TCP_KEEPCNT: 3,
    socket.TCP_USER_TIMEOUT: 10_000,
}
"""A machine that vanished without a word is noticed in about ten seconds."""


class RedisCarrier:
    """A `Carrier`. `namespace` names the installation, and is asked for when it is first needed."""

    name = "Redis"

    def __init__(self, url: str, namespace: Callable[[], str], ca_file: str | None = None) -> None:
        """Connect to nothing yet. `ca_file` is trusted besides the machine's own authorities, for rediss://."""
        self._url = url
        self._namespace = namespace
        self._options: Mapping[str, Any] = {
            "socket_timeout": ANSWER_SECONDS,
            "socket_connect_timeout": ANSWER_SECONDS,
            "decode_responses": True,
            "client_name": "penstock",
            # The link repeats, and knows what is worth it.
            "retry": Retry(NoBackoff(), 0),
        }
        if not url.startswith("unix:"):
            # A peer that is gone without a word is found out; on one machine there is none such.
            self._options = {**self._options, "socket_keepalive": True, "socket_keepalive_options": KEEPALIVE}
        if ca_file and url.startswith("rediss:"):
            self._options = {**self._options, "ssl_ca_certs": ca_file}
        self._backoff = EqualJitterBackoff(cap=LAST_PAUSE_SECONDS, base=FIRST_PAUSE_SECONDS)
        self._out: redis.Redis | None = None
        self._in: redis.Redis | None = None
        self._subscription: Any = None

    def send(self, channel: str, message: str) -> None:
        """See the port."""
        if self._out is None:
            self._out = self._client()
        self._out.publish(self._channel(channel), message)

    def stop_sending(self) -> None:
        """See the port."""
        client, self._out = self._out, None
        if client is not None:
            client.close()

    def listen(self, channels: Sequence[str]) -> None:
        """See the port."""
        self.stop_listening()
        self._in = self._client()
        self._subscription = self._in.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._subscription.subscribe(*map(self._channel, channels))
        # Its answer, so that a server that is not there is known before the first wait.
        self._subscription.get_message(timeout=ANSWER_SECONDS)

    def receive(self, seconds: float) -> Sequence[str]:
        """See the port."""
        found: list[str] = []
        message = self._subscription.get_message(timeout=seconds)
        while message is not None:
            if message["type"] == "message":
                found.append(message["data"])
            message = self._subscription.get_message(timeout=0)
        return found

    def stop_listening(self) -> None:
        """See the port."""
        subscription, self._subscription = self._subscription, None
        client, self._in = self._in, None
        if subscription is not None:
            subscription.close()
        if client is not None:
            client.close()

    def pause(self, failures: int) -> float:
        """See the port: the library's own backoff."""
        return float(self._backoff.compute(failures))

    def _client(self) -> redis.Redis:
        client: redis.Redis = redis.Redis.from_url(self._url, **self._options)
        return client

    def _channel(self, name: str) -> str:
        return f"penstock:{self._namespace()}:{name}"
