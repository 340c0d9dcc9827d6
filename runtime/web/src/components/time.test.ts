import { describe, expect, it } from "vitest";
import { elapsed, formatBytes, formatDuration, formatRelative } from "./time";

describe("times", () => {
  it.each([[0, "0 ms"], [840, "840 ms"], [12_440, "12.4 s"], [59_960, "1 min 00 s"], [185_000, "3 min 05 s"], [7_620_000, "2 h 07 min"], [266_400_000, "3 d 2 h"], [-5, "0 ms"]])(
    "write %d ms as %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

  it("write the past and the future", () => {
    const now = Date.parse("2026-01-01T12:00:00Z");
    expect(formatRelative(new Date(now - 2000), now)).toBe("just now");
    expect(formatRelative(new Date(now - 7_200_000), now)).toBe("2 h ago");
    expect(formatRelative(new Date(now + 600_000), now)).toBe("in 10 min");
  });

  it("count on until the end, never below nothing", () => {
    const now = Date.parse("2026-01-01T00:00:10Z");
    expect(elapsed("2026-01-01T00:00:04Z", null, now)).toBe(6000);
    expect(elapsed("2026-01-01T00:00:04Z", "2026-01-01T00:00:05Z", now)).toBe(1000);
    expect(elapsed("2026-01-01T00:00:40Z", null, now)).toBe(0);
    expect(elapsed(null, null, now)).toBeNull();
  });

  it("write bytes", () => expect([0, 1023, 1536, 83_000_000].map(formatBytes)).toEqual(["0 B", "1023 B", "1.5 KiB", "79.2 MiB"]));
});
