import { describe, expect, it } from "vitest";
import { eventName } from "./notices";

describe("eventName", () => {
  it("says what happened in words", () => {
    expect(["failure", "success", "sla_missed"].map(eventName)).toEqual(["Failed", "Succeeded", "Service level missed"]);
  });
  it("shows an event it does not know as it is", () => {
    expect(eventName("later_event")).toBe("later_event");
  });
});
