import { type KeyboardEvent, type ReactNode, useId } from "react";

export interface TabItem<T extends string> {
  id: T;
  label: ReactNode;
}

interface TabsProps<T extends string> {
  label: string;
  items: readonly TabItem<T>[];
  value: T;
  onChange: (id: T) => void;
  children: ReactNode;
}

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };

/** Tabs with one tab stop; arrow keys move and select. */
export function Tabs<T extends string>({ label, items, value, onChange, children }: TabsProps<T>) {
  const base = useId();
  function onKeyDown(event: KeyboardEvent<HTMLDivElement>) {
    const step = STEPS[event.key];
    if (!step) return;
    const at = items.findIndex((item) => item.id === value);
    const next = items[(at + step + items.length) % items.length];
    if (!next) return;
    event.preventDefault();
    onChange(next.id);
    event.currentTarget.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  }
  return (
    <>
      <div className="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
        {items.map((item) => (
          <button key={item.id} type="button" role="tab" className="tab" data-tab={item.id} id={`${base}-${item.id}`}
            aria-selected={item.id === value} aria-controls={`${base}-panel`} tabIndex={item.id === value ? 0 : -1}
            onClick={() => onChange(item.id)}>
            {item.label}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${base}-panel`} aria-labelledby={`${base}-${value}`} className="tab-panel">{children}</div>
    </>
  );
}

export function Segments<T extends string>({ label, items, value, onChange }: Omit<TabsProps<T>, "children">) {
  return (
    <div className="segments" role="group" aria-label={label}>
      {items.map((item) => (
        <button key={item.id} type="button" aria-pressed={item.id === value} onClick={() => onChange(item.id)}>{item.label}</button>
      ))}
    </div>
  );
}
