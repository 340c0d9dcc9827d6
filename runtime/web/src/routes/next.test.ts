import { expect, it } from "vitest";
import { safeNext } from "./next";

it("never leaves this site after signing in", () => {
  expect(safeNext("/runs?status=failed")).toBe("/runs?status=failed");
  for (const bad of ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", undefined, 4]) expect(safeNext(bad)).toBe("/");
});
