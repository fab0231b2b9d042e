import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { signIn } from "../api";
import { useAction } from "../load";
import { ProblemBox, TextField } from "../ui";

export function Login(): VNode {
  const [token, setToken] = useState("");
  const action = useAction(() => signIn(token.trim()));
  return (
    <main class="login">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          action.run();
        }}
      >
        <h1>Kith</h1>
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
        <button type="submit" class="primary" disabled={action.busy || token.trim() === ""}>
          {action.busy ? "Signing in…" : "Sign in"}
        </button>
        <p class="note">The token is not kept in this browser: the server gives it a session that ends by itself.</p>
      </form>
    </main>
  );
}
