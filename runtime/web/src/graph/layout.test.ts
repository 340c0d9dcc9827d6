import { describe, expect, it } from "vitest";
import { bestLayout, fitScale, layOut, layouts, neighbour, NODE, SMALLEST_FIT } from "./layout";

const DIAMOND = [
  { slug: "a", upstream: [] },
  { slug: "b", upstream: ["a"] },
  { slug: "c", upstream: ["a", "gone"] },
  { slug: "d", upstream: ["b", "c"] },
];

describe("layOut", () => {
  it("places upstream above downstream, apart from each other, and leaves out edges to unknown blocks", () => {
    const { nodes, edges, width, height } = layOut(DIAMOND, "TB");
    const at = Object.fromEntries(nodes.map((node) => [node.slug, node]));
    expect(at.a?.y).toBeLessThan(at.b?.y ?? 0);
    expect(at.b?.y).toBeLessThan(at.d?.y ?? 0);
    expect(Math.abs((at.b?.x ?? 0) - (at.c?.x ?? 0))).toBeGreaterThanOrEqual(NODE.width);
    expect(edges.map((edge) => `${edge.from}>${edge.to}`).sort()).toEqual(["a>b", "a>c", "b>d", "c>d"]);
    expect(nodes.every((node) => node.x >= 0 && node.y >= 0 && node.x + NODE.width <= width && node.y + NODE.height <= height)).toBe(true);
  });

  it("lays out 300 blocks", () => {
    const many = Array.from({ length: 300 }, (_, i) => ({ slug: `b${i}`, upstream: i ? [`b${i - 1 - (i % 3 ? 0 : Math.min(6, i - 1))}`] : [] }));
    expect(bestLayout(layouts(many), { width: 900, height: 600 }).nodes).toHaveLength(300);
  });
});

describe("bestLayout", () => {
  const chain = Array.from({ length: 6 }, (_, i) => ({ slug: `s${i}`, upstream: i ? [`s${i - 1}`] : [] }));
  it("has nothing to show of no blocks", () => expect(bestLayout([], { width: 9, height: 9 }).nodes).toEqual([]));

  it("runs a chain across a wide room and down a tall one", () => {
    const wide = bestLayout(layouts(chain), { width: 1600, height: 200 });
    const tall = bestLayout(layouts(chain), { width: 300, height: 900 });
    expect(wide.width).toBeGreaterThan(wide.height);
    expect(tall.height).toBeGreaterThan(tall.width);
  });
});

describe("fitScale", () => {
  const layout = { width: 1000, height: 500, nodes: [], edges: [] };
  it("never enlarges, and stops shrinking where names could not be read", () => {
    expect(fitScale(layout, { width: 4000, height: 4000 })).toBe(1);
    expect(fitScale(layout, { width: 800, height: 800 })).toBe(0.8);
    expect(fitScale(layout, { width: 100, height: 100 })).toBe(SMALLEST_FIT);
  });
});

describe("neighbour", () => {
  const nodes = [{ slug: "a", x: 100, y: 0 }, { slug: "b", x: 0, y: 100 }, { slug: "c", x: 200, y: 100 }, { slug: "d", x: 110, y: 200 }];
  it("goes straight ahead first, and nowhere past the edge", () => {
    expect(neighbour(nodes, "b", "ArrowRight")).toBe("c");
    expect(neighbour(nodes, "d", "ArrowUp")).toBe("a");
    expect(neighbour(nodes, "d", "ArrowLeft")).toBe("b");
    expect(neighbour(nodes, "a", "ArrowUp")).toBeNull();
    expect(neighbour(nodes, "a", "Enter")).toBeNull();
  });
});
