// Which page is shown: the part of the URL behind #, so that the server has one page to serve.
import { computed, signal } from "@preact/signals";

export interface Place {
  parts: string[];
  query: URLSearchParams;
}

function placeOf(hash: string): Place {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const parts = path.split("/").filter((part) => part !== "");
  return { parts: parts.map(decoded), query: new URLSearchParams(search) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

export const place = computed(() => placeOf(hash.value));

export function to(parts: string[], query: Record<string, string | undefined> = {}): string {
  const set = Object.entries(query).filter(([, value]) => value !== undefined && value !== "") as [string, string][];
  return "#/" + parts.map(encodeURIComponent).join("/") + (set.length > 0 ? "?" + new URLSearchParams(set).toString() : "");
}

export function go(href: string): void {
  location.hash = href;
}

/** As go(), but Back does not come here again. */
export function replace(href: string): void {
  history.replaceState(null, "", href);
  hash.value = href;
}

/** Of a profile, by what the API tells of it. */
export const toProfile = (id: string, ...rest: string[]): string => to(["profiles", "profile", id, ...rest]);
