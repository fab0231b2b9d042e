// The frame around all pages: who is signed in, where to go, whether the server is heard.
import { effect } from "@preact/signals";
import type { ComponentType, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { resume, session, signOut } from "./api";
import { follow, line, sample } from "./live";
import { Audit } from "./pages/audit";
import { DeadLetters } from "./pages/dead_letters";
import { Definitions } from "./pages/definitions";
import { Login } from "./pages/login";
import { Overview } from "./pages/overview";
import { Pipeline } from "./pages/pipeline";
import { Profiles } from "./pages/profiles";
import { Schemas } from "./pages/schemas";
import { Tokens } from "./pages/tokens";
import { Webhooks } from "./pages/webhooks";
import { place, to } from "./router";
import { choose, dark, theme, type Theme } from "./theme";
import { Empty, Loading } from "./ui";

const pages: { name: string; title: string; page: ComponentType; role?: string }[] = [
  { name: "overview", title: "Overview", page: Overview },
  { name: "pipeline", title: "Pipeline", page: Pipeline },
  { name: "profiles", title: "Profiles", page: Profiles },
  { name: "segments", title: "Segments", page: () => <Definitions kind="segments" /> },
  { name: "computed", title: "Computed traits", page: () => <Definitions kind="computed" /> },
  { name: "schemas", title: "Schemas", page: Schemas },
  { name: "webhooks", title: "Webhooks", page: Webhooks },
  { name: "dead-letters", title: "Dead letters", page: DeadLetters },
  { name: "audit", title: "Audit log", page: Audit },
  { name: "tokens", title: "Tokens", page: Tokens },
];

effect(() => {
  document.documentElement.dataset.theme = dark.value ? "dark" : "light";
});

function Standing(): VNode {
  const now = sample.value;
  const [tone, text] =
    line.value === "lost"
      ? ["bad", "No connection"]
      : now === null
        ? ["quiet", "Connecting"]
        : now.phase === "ready"
          ? ["good", "Ready"]
          : [now.phase === "failed" ? "bad" : "warn", now.phase[0]!.toUpperCase() + now.phase.slice(1)];
  return (
    <span class={`standing ${tone}`} role="status" title={now?.reason || undefined}>
      {text}
    </span>
  );
}

function Nav(of: { current: string; onGo: () => void }): VNode {
  return (
    <nav aria-label="Pages" class="pages">
      <ul>
        {pages.map((each) => (
          <li key={each.name}>
            <a href={to([each.name])} aria-current={each.name === of.current ? "page" : undefined} onClick={of.onGo}>
              <span>{each.title}</span>
              {each.name === "dead-letters" && (sample.value?.deadLetters.letters ?? 0) > 0 && (
                <span class="count">{sample.value!.deadLetters.letters}</span>
              )}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Frame(): VNode {
  const [open, setOpen] = useState(false);
  useEffect(follow, []);
  const current = place.value.parts[0] ?? "overview";
  const page = pages.find((each) => each.name === current);
  useEffect(() => {
    document.title = `${page?.title ?? "Not found"} · Kith`;
    scrollTo(0, 0);
  }, [page]);
  const Page = page?.page;
  return (
    <div class={open ? "frame open" : "frame"}>
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault();
        document.getElementById("main")?.focus();
      }}>
        Skip to content
      </a>
      <header class="bar">
        <button type="button" class="menu" aria-expanded={open} aria-controls="side" onClick={() => setOpen(!open)}>
          Menu
        </button>
        <a class="brand" href={to(["overview"])}>
          Kith
        </a>
        <Standing />
      </header>
      <aside id="side" class="side">
        <Nav current={current} onGo={() => setOpen(false)} />
        <div class="side-foot">
          <label for="theme">Colors</label>
          <select id="theme" value={theme.value} onChange={(event) => choose(event.currentTarget.value as Theme)}>
            <option value="system">As the system</option>
            <option value="light">Light</option>
            <option value="dark">Dark</option>
          </select>
          <div class="who">
            <span>
              {session.value!.name} <span class="muted">{session.value!.role}</span>
            </span>
            <button type="button" class="small" onClick={() => void signOut()}>
              Sign out
            </button>
          </div>
        </div>
      </aside>
      <main id="main" tabIndex={-1}>
        {Page ? <Page /> : <Empty>There is no such page. Choose one on the left.</Empty>}
      </main>
    </div>
  );
}

export function App(): VNode {
  useEffect(() => void resume(), []);
  if (session.value === undefined) return <Loading />;
  return session.value === null ? <Login /> : <Frame />;
}
