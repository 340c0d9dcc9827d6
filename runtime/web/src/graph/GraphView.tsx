import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Button } from "@/components/Button";
import { GraphNode, type NodeFace } from "./GraphNode";
import { bestLayout, fitScale, type GraphBlock, type Layout, layouts, neighbour, type Size } from "./layout";

export interface GraphViewBlock extends GraphBlock, NodeFace {}

interface GraphViewProps {
  label: string;
  blocks: readonly GraphViewBlock[];
  selected: string | null;
  onSelect: (slug: string) => void;
  tools?: ReactNode;
}

/** Blocks and what flows between them. Scrolls like any page; Ctrl and wheel, or the buttons, change the scale. */
export function GraphView({ label, blocks, selected, onSelect, tools }: GraphViewProps) {
  const [room, frame] = useRoom();
  const shape = blocks.map((block) => `${block.slug}<${block.upstream.join(",")}`).join(";");
  // Laid out again only when the graph's shape changes, never because a state did.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const candidates = useMemo(() => layouts(blocks), [shape]);
  const layout = useMemo(() => bestLayout(candidates, room), [candidates, room]);
  const [chosen, setChosen] = useState<number | null>(null);
  const scale = chosen ?? fitScale(layout, room);
  const zoom = useCallback((factor: number) => setChosen(Math.min(1.6, Math.max(0.3, scale * factor))), [scale]);
  useWheelZoom(frame, zoom);
  const places = new Map(layout.nodes.map((node) => [node.slug, node]));
  const stop = selected ?? blocks[0]?.slug ?? null;

  function onKeyDown(event: KeyboardEvent<HTMLDivElement>) {
    const slug = event.target instanceof HTMLElement ? event.target.dataset.slug : undefined;
    const next = slug ? neighbour(layout.nodes, slug, event.key) : null;
    if (!next) return;
    event.preventDefault();
    event.currentTarget.querySelector<HTMLElement>(`[data-slug="${CSS.escape(next)}"]`)?.focus();
  }

  return (
    <div className="graph">
      <div className="graph-scroll" ref={frame} role="group" aria-label={`${label}. Arrow keys move between blocks.`} onKeyDown={onKeyDown}>
        <div className="graph-sheet" style={{ width: layout.width * scale, height: layout.height * scale }}>
          <div className="graph-zoom" style={{ width: layout.width, height: layout.height, transform: `scale(${scale})` }}>
            <Edges layout={layout} selected={selected} />
            {blocks.map((block) => {
              const at = places.get(block.slug);
              return at ? (
                <GraphNode key={block.slug} slug={block.slug} x={at.x} y={at.y} name={block.name} kind={block.kind} status={block.status}
                  note={block.note} alarm={block.alarm} done={block.done} total={block.total} selected={block.slug === selected} tabStop={block.slug === stop} onSelect={onSelect} />
              ) : null;
            })}
          </div>
        </div>
      </div>
      <div className="graph-tools">
        {tools}
        <Button kind="quiet" size="small" icon="minus" aria-label="Smaller" onClick={() => zoom(1 / 1.2)} />
        <Button kind="quiet" size="small" icon="fit" aria-label="Fit" title="Fit" onClick={() => setChosen(null)} />
        <Button kind="quiet" size="small" icon="plus" aria-label="Larger" onClick={() => zoom(1.2)} />
      </div>
    </div>
  );
}

function Edges({ layout, selected }: { layout: Layout; selected: string | null }) {
  return (
    <svg className="graph-edges" width={layout.width} height={layout.height} aria-hidden="true">
      {layout.edges.map((edge) => (
        <path key={`${edge.from}>${edge.to}`} d={edge.path} data-near={edge.from === selected || edge.to === selected || undefined} />
      ))}
    </svg>
  );
}

function useRoom(): [Size, React.RefObject<HTMLDivElement | null>] {
  const frame = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState<Size>({ width: 900, height: 480 });
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setRoom({ width: Math.round(entry.contentRect.width), height: Math.round(entry.contentRect.height) });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [room, frame];
}

function useWheelZoom(frame: React.RefObject<HTMLDivElement | null>, zoom: (factor: number) => void) {
  useEffect(() => {
    const element = frame.current;
    // React's own wheel listener is passive and could not keep the browser from zooming the page.
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1);
    };
    element?.addEventListener("wheel", onWheel, { passive: false });
    return () => element?.removeEventListener("wheel", onWheel);
  }, [frame, zoom]);
}
