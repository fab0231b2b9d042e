// Light, dark, or as the system says. The choice is kept in this browser.
import { computed, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const key = "kith.theme";

function kept(): Theme {
  try {
    const value = localStorage.getItem(key);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

export const theme = signal<Theme>(kept());
const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
system.addEventListener("change", (event) => {
  systemDark.value = event.matches;
});

export const dark = computed(() => (theme.value === "system" ? systemDark.value : theme.value === "dark"));

export function choose(next: Theme): void {
  theme.value = next;
  try {
    localStorage.setItem(key, next);
  } catch {
    // a browser that keeps nothing: the choice holds until the page is left
  }
}
