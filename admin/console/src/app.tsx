// The frame around all pages: who is signed in, where to go, whether the server is heard.
import { effect } from "@preact/signals";
import type { ComponentType, VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { allowed, resume, session, signOut } from "./api";
import { lazy } from "./lazy";
import { follow, line, sample } from "./live";
import { Login, resumeWay } from "./pages/login";
import { Overview } from "./pages/overview";
import { place, to } from "./router";
import { choose, dark, theme, type Theme } from "./theme";
import { Empty, Loading } from "./ui";

const pages: { name: string; title: string; page: ComponentType; needs?: string }[] = [
  { name: "overview", title: "Overview", page: Overview },
  { name: "pipeline", title: "Pipeline", page: lazy(() => import("./pages/pipeline").then((of) => of.Pipeline)) },
  { name: "profiles", title: "Profiles", page: lazy(() => import("./pages/profiles").then((of) => of.Profiles)) },
  { name: "segments", title: "Segments", page: lazy(() => import("./pages/definitions").then((of) => of.Segments)) },
  { name: "computed", title: "Computed traits", page: lazy(() => import("./pages/definitions").then((of) => of.ComputedTraits)) },
  { name: "schemas", title: "Schemas", page: lazy(() => import("./pages/schemas").then((of) => of.Schemas)) },
  { name: "webhooks", title: "Webhooks", page: lazy(() => import("./pages/webhooks").then((of) => of.Webhooks)) },
  { name: "dead-letters", title: "Dead letters", page: lazy(() => import("./pages/dead_letters").then((of) => of.DeadLetters)) },
  { name: "privacy", title: "Privacy", page: lazy(() => import("./pages/privacy").then((of) => of.Privacy)), needs: "privacy" },
  { name: "audit", title: "Audit log", page: lazy(() => import("./pages/audit").then((of) => of.Audit)), needs: "privacy" },
  { name: "tokens", title: "Tokens", page: lazy(() => import("./pages/tokens").then((of) => of.Tokens)), needs: "admin" },
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
        {pages.filter((each) => allowed(each.needs)).map((each) => (
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
  // Who goes to another page goes on from its start, by keyboard too. The parts of one profile are one page.
  const subject = place.value.parts.slice(0, current === "profiles" ? 3 : 2).join("/");
  const shown = useRef(subject);
  useEffect(() => {
    if (shown.current !== subject) document.getElementById("main")?.focus({ preventScroll: true });
    shown.current = subject;
  }, [subject]);
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
              <span title={session.value!.name}>{session.value!.display}</span> <span class="muted">{session.value!.role}</span>
            </span>
            <button type="button" class="small" onClick={() => void signOut()}>
              Sign out
            </button>
          </div>
        </div>
      </aside>
      <main id="main" tabIndex={-1}>
        {!Page ? (
          <Empty>There is no such page. Choose one from the menu.</Empty>
        ) : allowed(page?.needs) ? (
          <Page />
        ) : (
          <Empty>
            This page needs the role {page?.needs}; yours is {session.value!.role}.
          </Empty>
        )}
      </main>
    </div>
  );
}

export function App(): VNode {
  useEffect(() => {
    void resume().then(() => {
      if (session.value) resumeWay();
    });
  }, []);
  if (session.value === undefined) return <Loading />;
  return session.value === null ? <Login /> : <Frame />;
}
