import { describe, expect, it } from "vitest";
import { changedVariables, entriesOf, parseEntry } from "./variables";

const DEFAULTS = { name: "x", count: 2, dry: false, list: [1, 2], nothing: null };

describe("variables of the run form", () => {
  it("send nothing when nothing was changed", () => {
    expect(changedVariables(entriesOf(DEFAULTS), DEFAULTS)).toEqual({});
  });

  it("keep their kinds", () => {
    const edited: Record<string, string> = { name: "7", count: "7", dry: "true", list: "[3]", nothing: '{"a": 1}' };
    const entries = entriesOf(DEFAULTS).map((entry) => ({ ...entry, text: edited[entry.name] ?? "" }));
    expect(changedVariables(entries, DEFAULTS)).toEqual({ name: "7", count: 7, dry: true, list: [3], nothing: { a: 1 } });
  });

  it("send a variable that the pipeline does not declare", () => {
    expect(changedVariables([{ name: "day", text: "", kind: "text" }], {})).toEqual({ day: "" });
  });

  it.each([["number", ""], ["number", "many"], ["number", "Infinity"], ["json", "{oops"]] as const)("refuse %s %j", (kind, text) => {
    expect(parseEntry({ name: "v", kind, text })).toHaveProperty("problem");
  });
});
