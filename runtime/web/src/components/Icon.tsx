const PATHS = {
  play: "M5 3.5v9l7-4.5z",
  stop: "M4.5 4.5h7v7h-7z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  retry: "M13.5 8A5.5 5.5 0 1 1 11.6 3.8M11.9 1.3v2.9H9",
  close: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  down: "M8 3v9M4.2 8.4L8 12.2l3.8-3.8",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.2v1.4M8 13.4v1.4M1.2 8h1.4M13.4 8h1.4M3.2 3.2l1 1M11.8 11.8l1 1M12.8 3.2l-1 1M4.2 11.8l-1 1",
  moon: "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z",
  screen: "M2 3h12v8H2zM6 13.5h4",
  warning: "M8 2l6.5 11.5h-13zM8 6.4v3.2M8 11.6v.1",
  info: "M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 7.4v3.4M8 5.1v.1",
  calendar: "M2.5 3.5h11v10h-11zM2.5 6.8h11M5.5 1.8v3M10.5 1.8v3",
  stack: "M2 5.5L8 2.5l6 3-6 3zM2 8.5l6 3 6-3M2 11.2l6 3 6-3",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  const filled = name === "play" || name === "stop";
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} fill={filled ? "currentColor" : "none"} stroke="currentColor" strokeWidth="1.6"
        strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}

export function BrandMark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0f6e84" />
      <path d="M7 9h6c6 0 4 14 12 14" fill="none" stroke="#fff" strokeWidth="4" strokeLinecap="round" />
      <circle cx="25" cy="9" r="2.6" fill="#8fdcec" />
      <circle cx="8" cy="23" r="2.6" fill="#8fdcec" />
    </svg>
  );
}
