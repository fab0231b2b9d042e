// Asks for an identifier of a person.
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { useAction } from "./load";
import { ProblemBox, SelectField, TextField } from "./ui";

/** `look` is given the kind as URLs have it: an external identifier's is its type. The first of `kinds` is chosen. */
export function IdentifierForm(of: {
  kinds: [string, string][];
  button: string;
  look: (kind: string, id: string) => Promise<void>;
}): VNode {
  const [kind, setKind] = useState(of.kinds[0]?.[0] ?? "");
  const [type, setType] = useState("");
  const [id, setId] = useState("");
  const action = useAction(() => of.look(kind === "external" ? type.trim() : kind, id));
  return (
    <>
      <form
        class="search row bottom"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          action.run();
        }}
      >
        <SelectField label="Kind" value={kind} onInput={setKind} options={of.kinds} />
        {kind === "external" && <TextField label="Type" value={type} onInput={setType} placeholder="crm" required />}
        <TextField label="Identifier" value={id} onInput={setId} required class="grow" />
        <button type="submit" class="primary" disabled={action.busy}>
          {of.button}
        </button>
      </form>
      <ProblemBox problem={action.problem} />
    </>
  );
}
