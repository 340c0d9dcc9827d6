import { describe, expect, it } from "vitest";
import { formOf, problemsOf, secondsOf, settingsOf, spanOf, timezones, valuesOf } from "./form";

const FULL = {
  kind: "schedule", name: "nightly", active: false, variables: { day: "x" },
  settings: {
    schedule_interval: "30 2 * * *", timezone: "Europe/Berlin", start_time: "2026-01-01T00:00:00", end_time: "2027-01-01", jitter_seconds: 90, catch_up: "all", catch_up_per_minute: 12,
    skip_if_previous_running: true, pipeline_run_limit: 2, timeout: 7200, timeout_status: "cancelled", sla: 5400, description: "Each night", create_initial_pipeline_run: true,
  },
};
const withoutNulls = (settings: object) => Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null));

describe("spans", () => {
  it("take the largest unit that fits", () => {
    expect(spanOf(7200)).toEqual({ amount: "2", unit: "hours" });
    expect(spanOf(5400)).toEqual({ amount: "90", unit: "minutes" });
    expect(spanOf(0.5)).toEqual({ amount: "0.5", unit: "seconds" });
    expect(spanOf(undefined)).toEqual({ amount: "", unit: "minutes" });
  });
  it("come back as seconds", () => {
    expect(secondsOf({ amount: "1,5", unit: "minutes" })).toBe(90);
    expect(secondsOf({ amount: " ", unit: "days" })).toBeNull();
    expect(secondsOf({ amount: "x", unit: "days" })).toBeNaN();
  });
});

describe("the form", () => {
  it("gives back the settings that it was made of", () => {
    const form = formOf(FULL, "schedule", "UTC");
    expect(withoutNulls(settingsOf(form))).toEqual(FULL.settings);
    expect(valuesOf(form)).toMatchObject({ name: "nightly", active: false, variables: { day: "x" } });
    expect(problemsOf(form)).toEqual({});
  });
  it("gives back events", () => {
    const event = { name: "order.paid", match: { "$.country": ["DE"] } };
    const form = formOf({ ...FULL, kind: "event", settings: { event } }, "schedule", "UTC");
    expect(withoutNulls(settingsOf(form))).toEqual({ event });
  });
  it("takes away the cron expression when an interval takes its place", () => {
    const settings = settingsOf({ ...formOf(FULL, "schedule", "UTC"), rhythm: "interval", interval: { amount: "5", unit: "minutes" } });
    expect([settings.schedule_interval, settings.interval_seconds]).toEqual([null, 300]);
  });
  it("sends an API trigger nothing of a schedule", () => {
    const settings = settingsOf(formOf(null, "api", "Europe/Berlin"));
    expect(Object.keys(settings)).not.toContain("schedule_interval");
    expect(withoutNulls(settings)).toEqual({});
  });
  it("begins a new schedule in the reader's zone, one run at a time", () => {
    const settings = settingsOf({ ...formOf(null, "schedule", "Asia/Tokyo"), name: "x" });
    expect(withoutNulls(settings)).toEqual({ schedule_interval: "@daily", timezone: "Asia/Tokyo", skip_if_previous_running: true });
  });
});

describe("problems", () => {
  const good = { ...formOf(null, "schedule", "UTC"), name: "x" };
  it.each([
    [{ name: " " }, "name"],
    [{ rhythm: "cron", cron: "" }, "cron"],
    [{ rhythm: "interval", interval: { amount: "", unit: "days" } }, "interval"],
    [{ jitter: { amount: "-1", unit: "seconds" } }, "jitter"],
    [{ catchUp: "all", perMinute: "0" }, "perMinute"],
    [{ kind: "event" }, "eventName"],
    [{ kind: "event", eventName: "x", eventMatch: "[" }, "eventMatch"],
    [{ runLimit: "1.5" }, "runLimit"],
    [{ timeout: { amount: "soon", unit: "hours" } }, "timeout"],
    [{ sla: { amount: "0", unit: "hours" } }, "sla"],
    [{ variables: "[1]" }, "variables"],
  ] as const)("%j is a problem of %s", (change, field) => {
    expect(problemsOf(good)).toEqual({});
    expect(Object.keys(problemsOf({ ...good, ...change }))).toEqual([field]);
  });
});

it("offers UTC first", () => expect(timezones()[0]).toBe("UTC"));
