import type { QueryClient, QueryKey } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";

/** One change, as the server announces it: a topic (`runs`, `run:<id>`, `backfills`, `pipelines`, `cluster`) and a key within it. */
export interface Change {
  topic: string;
  key: string;
}

/** Which queries a change makes stale. */
export function staleKeys({ topic, key }: Change): QueryKey[] {
  // An empty key: so much changed that the server says only that something did.
  if (topic === "runs") return [["runs"], key ? ["run", key] : ["run"]];
  if (topic.startsWith("run:")) return [["run", topic.slice("run:".length)]];
  if (topic === "backfills") return [["backfills"], key ? ["backfill", key] : ["backfill"]];
  if (topic === "pipelines") return [["pipelines"], ["triggers"], ["trigger"]];
  return [];
}

export type Liveness = "live" | "polling";

/** The server's close code for a session that is over. */
const SIGNED_OUT = 4401;
const WAITS_MS = [500, 1000, 2000, 5000, 10_000];
/** Changes that come within this time of each other are answered with one reading. */
const GATHER_MS = 150;

/** The one WebSocket of the page. While it is down, queries poll; when it is back, everything is read once. */
export class EventStream {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private gather: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private stopped = true;
  private state: Liveness = "polling";
  private readonly stale = new Map<string, QueryKey>();
  private readonly topics = new Map<string, number>([["runs", 1], ["pipelines", 1]]);
  private readonly listeners = new Set<() => void>();

  constructor(private readonly queries: QueryClient) {}

  start(): void {
    this.stopped = false;
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.gather);
    this.socket?.close();
    this.turn("polling");
  }

  /** Asks for a topic's changes until the returned function is called. */
  follow(topic: string): () => void {
    this.topics.set(topic, (this.topics.get(topic) ?? 0) + 1);
    this.say("subscribe", [topic]);
    return () => {
      const left = (this.topics.get(topic) ?? 1) - 1;
      if (left) this.topics.set(topic, left);
      else if (this.topics.delete(topic)) this.say("unsubscribe", [topic]);
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): Liveness => this.state;

  private connect(): void {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/events`);
    this.socket = socket;
    socket.onopen = () => {
      this.failures = 0;
      this.say("subscribe", [...this.topics.keys()]);
      this.turn("live");
      void this.queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "session" });
    };
    socket.onmessage = (message) => this.hear(message.data);
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      if (event.code === SIGNED_OUT) void this.queries.invalidateQueries({ queryKey: ["session"] });
      this.retry();
    };
  }

  private retry(): void {
    this.turn("polling");
    if (this.stopped) return;
    const wait = WAITS_MS[Math.min(this.failures, WAITS_MS.length - 1)] ?? 0;
    this.failures += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), wait);
  }

  private say(op: "subscribe" | "unsubscribe", topics: readonly string[]): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ [op]: topics }));
  }

  private hear(data: unknown): void {
    for (const change of readChanges(data)) {
      for (const key of staleKeys(change)) this.stale.set(JSON.stringify(key), key);
    }
    if (!this.stale.size || this.gather !== undefined) return;
    this.gather = setTimeout(() => {
      this.gather = undefined;
      const keys = [...this.stale.values()];
      this.stale.clear();
      for (const queryKey of keys) void this.queries.invalidateQueries({ queryKey });
    }, GATHER_MS);
  }

  private turn(state: Liveness): void {
    if (this.state === state) return;
    this.state = state;
    this.listeners.forEach((listener) => listener());
  }
}

/** The changes of a message; nothing for one that this page does not know. */
export function readChanges(data: unknown): Change[] {
  if (typeof data !== "string") return [];
  let message: unknown;
  try {
    message = JSON.parse(data);
  } catch {
    return [];
  }
  if (typeof message !== "object" || message === null) return [];
  const { topic, key } = message as Partial<Record<keyof Change, unknown>>;
  return typeof topic === "string" && typeof key === "string" ? [{ topic, key }] : [];
}

const FAST_MS = 2000;
const SLOW_MS = 30_000;

export function useLiveness(stream: EventStream): Liveness {
  return useSyncExternalStore(stream.subscribe, stream.snapshot);
}

/** How often to look again: seldom behind live events, often without them, and hardly at what has ended. */
export function pollInterval(liveness: Liveness, active: boolean): number {
  return liveness === "polling" && active ? FAST_MS : SLOW_MS;
}

export function useFollow(stream: EventStream, topic: string): void {
  useEffect(() => stream.follow(topic), [stream, topic]);
}
