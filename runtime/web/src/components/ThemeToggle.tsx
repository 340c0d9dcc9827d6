import { Button } from "./Button";
import type { IconName } from "./Icon";
import { setTheme, type Theme, useTheme } from "./theme";

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const ICONS: Record<Theme, IconName> = { system: "screen", light: "sun", dark: "moon" };
const NAMES: Record<Theme, string> = { system: "as the device", light: "light", dark: "dark" };

export function ThemeToggle() {
  const theme = useTheme();
  const text = `Colours: ${NAMES[theme]}. Change to ${NAMES[NEXT[theme]]}.`;
  return <Button kind="quiet" icon={ICONS[theme]} aria-label={text} title={text} onClick={() => setTheme(NEXT[theme])} />;
}
