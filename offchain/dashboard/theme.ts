import { useEffect, useState } from "preact/hooks";

export type Theme = "system" | "light" | "dark";
const KEY = "corroborate-theme";

function stored(): Theme {
  const found = localStorage.getItem(KEY);
  return found === "light" || found === "dark" ? found : "system";
}

/** The chosen theme, kept in this browser; "system" follows the machine. */
export function useTheme(): { theme: Theme; choose: (theme: Theme) => void } {
  const [theme, choose] = useState<Theme>(stored);
  useEffect(() => {
    if (theme === "system") {
      delete document.documentElement.dataset["theme"];
      localStorage.removeItem(KEY);
    } else {
      document.documentElement.dataset["theme"] = theme;
      localStorage.setItem(KEY, theme);
    }
    dispatchEvent(new Event("themechange"));
  }, [theme]);
  return { theme, choose };
}
