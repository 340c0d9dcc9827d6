import { describe, expect, it } from "vitest";
import { asTable, cellText, isNumeric } from "./table";

const COLUMNS = [{ name: "day", type: "string" }, { name: "count", type: "int64" }];

describe("asTable", () => {
  it("reads a table's sample, with the types of the descriptor", () => {
    expect(asTable({ sample: { columns: ["day", "count"], rows: [["mon", 1]] }, columns: COLUMNS })).toEqual({ columns: COLUMNS, rows: [["mon", 1]] });
  });
  it("reads a list of objects, with every key that occurs", () => {
    expect(asTable({ sample: [{ a: 1 }, { b: 2 }], columns: null })?.rows).toEqual([[1, undefined], [undefined, 2]]);
  });
  it("shows the columns of an empty table, and leaves other values alone", () => {
    expect(asTable({ sample: { columns: ["day", "count"], rows: [] }, columns: COLUMNS })).toEqual({ columns: COLUMNS, rows: [] });
    for (const sample of [null, 3, "text", { a: 1 }, [1, 2], []]) expect(asTable({ sample, columns: null })).toBeNull();
  });
});

describe("cells", () => {
  it("keep whole numbers whole and round the others", () => {
    expect([20130101, 227.123456789, 0.1 + 0.2, true, { a: 1 }].map(cellText)).toEqual(["20130101", "227.123", "0.3", "true", '{"a":1}']);
    expect(cellText("x".repeat(500))).toHaveLength(161);
  });
  it("are right-aligned only in columns of numbers", () => {
    const table = { columns: COLUMNS, rows: [["mon", null], ["tue", 4]] };
    expect([isNumeric(table, 0), isNumeric(table, 1)]).toEqual([false, true]);
  });
});
