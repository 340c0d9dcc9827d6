import type { ComponentProps } from "react";
import { Icon, type IconName } from "./Icon";

interface ButtonProps extends ComponentProps<"button"> {
  kind?: "primary" | "danger" | "quiet" | "plain";
  size?: "small" | "medium";
  icon?: IconName;
}

export function Button({ kind = "plain", size = "medium", icon, children, type = "button", className, ...rest }: ButtonProps) {
  return (
    <button {...rest} type={type} className={className ? `button ${className}` : "button"} data-kind={kind} data-size={size}>
      {icon ? <Icon name={icon} /> : null}
      {children}
    </button>
  );
}
