import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api, signIn } from "../api";
import { useAction, useLoad } from "../load";
import { place, replace, to } from "../router";
import { ProblemBox, TextField } from "../ui";

interface Methods {
  provider: { name: string } | null;
}

/** What the server says behind #/sign-in/ when the provider's way did not lead to a session. */
const reasons: Record<string, string> = {
  not_configured: "This server has no sign-in at a provider. Use a token.",
  busy: "Others are signing in at this moment. Try again.",
  host: "The console does not know itself by this address. Use the one that its administrator has configured.",
  unavailable: "The provider cannot be reached, or does not answer as it should. Try again, or tell your administrator: the server's log says more.",
  denied: "At the provider it was said that you do not want to sign in here.",
  refused: "What the provider says of you could not be verified. Try again, or tell your administrator: the audit log says more.",
  expired: "This sign-in was not begun in this browser, was begun too long ago, or was tried before. Begin again.",
  no_role: "The provider knows you, but you have no role here. Ask your administrator for one.",
};

const wanted = "kith.wanted"; // where somebody was going who had to sign in first

/** Goes where they were going; nobody else can say where that is. */
export function resumeWay(): void {
  const way = sessionStorage.getItem(wanted);
  sessionStorage.removeItem(wanted);
  if (way?.startsWith("#/")) replace(way);
  else if (place.value.parts[0] === "sign-in") replace(to(["overview"]));
}

export function Login(): VNode {
  const [token, setToken] = useState("");
  const methods = useLoad("methods", (signal) => api<Methods>("/v1/session/methods", { signal }));
  const action = useAction(async () => {
    await signIn(token.trim());
    resumeWay();
  });
  const [where, reason] = place.value.parts;
  const refused = where === "sign-in" ? (reasons[reason ?? ""] ?? "The sign-in did not succeed. Try again.") : null;
  const provider = methods.data?.provider;
  useEffect(() => {
    document.title = "Sign in · Kith";
  }, []);
  return (
    <main class="login">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          action.run();
        }}
      >
        <h1>Kith</h1>
        {refused !== null && (
          <div class="problem" role="alert">
            <strong>Not signed in</strong> {refused}
          </div>
        )}
        {provider && (
          <>
            <a
              class="button primary"
              href="/v1/session/login"
              onClick={() => {
                if (where !== undefined && where !== "sign-in") sessionStorage.setItem(wanted, location.hash);
              }}
            >
              Sign in with {provider.name}
            </a>
            <p class="or">or with a token</p>
          </>
        )}
        <TextField
          label="Token"
          type="password"
          value={token}
          onInput={setToken}
          required
          note={
            <>
              An administrator gives you one. A server started with <code>--dev</code> writes one to <code>dev/admin.token</code> in its
              data directory.
            </>
          }
        />
        <ProblemBox problem={action.problem} />
        <button type="submit" class={provider ? "" : "primary"} disabled={action.busy || token.trim() === ""}>
          {action.busy ? "Signing in…" : "Sign in"}
        </button>
        <p class="note">The token is not kept in this browser: the server gives it a session that ends by itself.</p>
      </form>
    </main>
  );
}
