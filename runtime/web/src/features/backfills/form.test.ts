import { describe, expect, it } from "vitest";
import { draftOf, previewOf, requestOf, variablesOf } from "./form";

const NOW = new Date("2026-03-04T22:30:00Z");

describe("the form of a new backfill", () => {
  it("begins with the last seven days, in the zone", () => {
    expect(draftOf("p", NOW)).toMatchObject({ from: "2026-02-26T00:00", to: "2026-03-04T00:00", often: "@daily", zone: "UTC" });
    expect(draftOf("p", NOW, "Asia/Tokyo").to).toBe("2026-03-05T00:00");
  });

  it("asks a preview of instants, read in the zone", () => {
    expect(previewOf({ ...draftOf("p", NOW), zone: "Europe/Berlin" })).toEqual({
      pipeline: "p", schedule: { schedule_interval: "@daily", timezone: "Europe/Berlin" }, order: "oldest_first",
      start_at: "2026-02-25T23:00:00.000Z", end_at: "2026-03-03T23:00:00.000Z",
    });
    expect(previewOf({ ...draftOf("p", NOW), often: "interval", minutes: "90" })?.schedule).toEqual({ interval_seconds: 5400, timezone: "UTC" });
    expect(previewOf({ ...draftOf("p", NOW), often: "cron", cron: " 0 6 * * 1 " })?.schedule).toEqual({ schedule_interval: "0 6 * * 1", timezone: "UTC" });
  });

  it.each([
    { pipeline: "" }, { from: "" }, { to: "x" }, { zone: "Mars/Base" }, { often: "cron", cron: " " }, { often: "interval", minutes: "0" }, { often: "interval", minutes: "many" },
  ])("asks nothing while it is not complete: %o", (change) => {
    expect(previewOf({ ...draftOf("p", NOW), ...change })).toBeNull();
  });

  it("makes a request of what is complete only", () => {
    const draft = { ...draftOf("p", NOW), concurrency: "3", name: "  winter ", variables: "{\"year\": 2026}" };
    expect(requestOf(draft, "k")).toMatchObject({ concurrency: 3, name: "winter", variables: { year: 2026 }, idempotency_key: "k" });
    expect(requestOf({ ...draft, name: " " }, "k")?.name).toBeNull();
    for (const wrong of [{ concurrency: "0" }, { concurrency: "1.5" }, { concurrency: "x" }, { variables: "[1]" }, { variables: "{" }]) {
      expect(requestOf({ ...draft, ...wrong }, "k")).toBeNull();
    }
    expect(variablesOf("null")).toHaveProperty("problem");
    expect(variablesOf(" ")).toEqual({ variables: {} });
  });
});
