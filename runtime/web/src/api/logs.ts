import { useEffect, useState, useSyncExternalStore } from "react";
import type { LogLine } from "./types";

/** Which log: a run's, one block's, or one instance's. */
export interface LogScope {
  runId: string;
  block: string | null;
  mapIndex: number | null;
}

export interface TailView {
  lines: readonly LogLine[];
  dropped: number;
  state: "connecting" | "open" | "ended" | "failed";
  error: unknown;
}

/** What a page holds at most; the stored log is whole. */
export const KEPT_LINES = 50_000;
/** Lines that come within this time are drawn at once. */
const FLUSH_MS = 80;

/**
 * The lines by time. They come attempt by attempt; blocks that run at once are to be read as they wrote. A line whose
 * time was lost stays behind the one it came after.
 */
export function inOrder(before: readonly LogLine[], more: readonly LogLine[]): LogLine[] {
  const all = before.concat(more.map((line, at) => (line.time ? line : { ...line, time: more[at - 1]?.time ?? before.at(-1)?.time ?? "" })));
  return all.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

/** Follows a log by server-sent events and gathers its lines in batches. */
export class LogTail {
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waiting: LogLine[] = [];
  private view: TailView = { lines: [], dropped: 0, state: "connecting", error: null };
  private after: string | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly scope: LogScope) {}

  open(): void {
    this.close();
    const source = new EventSource(this.address());
    this.source = source;
    source.onopen = () => this.turn({ state: "open", error: null });
    source.addEventListener("lines", (event: MessageEvent<string>) => this.take(event));
    source.addEventListener("problem", (event: MessageEvent<string>) => {
      const { detail } = JSON.parse(event.data) as { detail: string };
      this.turn({ error: new Error(`${detail} The page goes on by itself.`) });
    });
    source.addEventListener("end", () => {
      this.flush();
      this.close();
      this.turn({ state: "ended" });
    });
    source.onerror = () => {
      // The browser connects again by itself unless the answer was a refusal.
      if (source.readyState === EventSource.CLOSED) this.turn({ state: "failed", error: new Error("The log could not be read. It is still being kept by the server.") });
      else this.turn({ state: "connecting" });
    };
  }

  close(): void {
    this.source?.close();
    this.source = null;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): TailView => this.view;

  private address(): string {
    const query = new URLSearchParams({ follow: "true" });
    if (this.scope.block) query.set("block", this.scope.block);
    if (this.scope.mapIndex !== null) query.set("map_index", String(this.scope.mapIndex));
    if (this.after) query.set("after", this.after);
    return `/api/v1/runs/${encodeURIComponent(this.scope.runId)}/logs?${query.toString()}`;
  }

  private take(event: MessageEvent<string>): void {
    for (const line of JSON.parse(event.data) as LogLine[]) this.waiting.push(line);
    if (event.lastEventId) this.after = event.lastEventId;
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.waiting.length) return;
    const all = inOrder(this.view.lines, this.waiting);
    this.waiting = [];
    const over = Math.max(0, all.length - KEPT_LINES);
    this.turn({ lines: over ? all.slice(over) : all, dropped: this.view.dropped + over });
  }

  private turn(change: Partial<TailView>): void {
    this.view = { ...this.view, ...change };
    this.listeners.forEach((listener) => listener());
  }
}

/** Follows while shown. The component is to be keyed by scope: a tail is of one log for its life. */
export function useLogTail(scope: LogScope): TailView & { retry: () => void } {
  const [tail] = useState(() => new LogTail(scope));
  useEffect(() => {
    tail.open();
    return () => tail.close();
  }, [tail]);
  const view = useSyncExternalStore(tail.subscribe, tail.snapshot);
  return { ...view, retry: () => tail.open() };
}
