// What a privacy officer does with one person: shows all that is kept, and erases it.
import type { VNode } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { api, type Consent, query } from "../api";
import { useAction } from "../load";
import { Badge, Code, ProblemBox, Save, Section, Table, TextField, Time } from "../ui";

export interface ErasedAnswer {
  erasure: string | null;
  receipt: string;
  goneBy: string | null;
}

/** Where a decision comes from that is not the person's word. */
export const consentSources: Record<string, string> = { default: "the configuration", gpc: "Global Privacy Control" };

/** To what the person said yes or no; nothing, if they were not asked. */
export function ConsentOf(of: { consent: Record<string, Consent> }): VNode | null {
  const all = Object.entries(of.consent).sort(([a], [b]) => (a < b ? -1 : 1));
  if (all.length === 0) return null;
  return (
    <Section title="Consent" flush note="By purpose, as the newest event that said so has it.">
      <Table
        label="Consent"
        items={all}
        keyOf={([purpose]) => purpose}
        columns={[
          { head: "Purpose", cell: ([purpose]) => <strong>{purpose}</strong> },
          {
            head: "Status",
            cell: ([, each]) => (each.granted === true ? <Badge tone="good">granted</Badge> : <Badge tone="bad">{each.status ?? "denied"}</Badge>),
          },
          { head: "Basis", cell: ([, each]) => each.basis ?? <span class="muted">not said</span> },
          { head: "Source", cell: ([, each]) => consentSources[each.source ?? ""] ?? each.source ?? <span class="muted">not said</span> },
          { head: "Version", cell: ([, each]) => each.version ?? <span class="muted">not said</span> },
          { head: "Since", cell: ([, each]) => (each.at ? <Time at={each.at} /> : <span class="muted">never decided</span>) },
          { head: "By event", wide: true, cell: ([, each]) => <span class="mono">{each.messageId}</span> },
        ]}
      />
    </Section>
  );
}

export const Export = (of: { at: string; id: string }): VNode => (
  <a class="button small" href={`${of.at}/export`} download="person.json" aria-label={`Export all that is kept of ${of.id}`}>
    Export
  </a>
);

/** Asks for the identifier once more, for it cannot be undone. */
export function Erase(of: { at: string; id: string; onErased: (answer: ErasedAnswer) => void }): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState("");
  const [reason, setReason] = useState("");
  const action = useAction(async () => {
    const answer = await api<ErasedAnswer>(of.at + query({ reason }), { method: "DELETE" });
    dialog.current?.close();
    of.onErased(answer);
  });
  useEffect(() => {
    if (open) dialog.current?.showModal();
  }, [open]);
  return (
    <>
      <button type="button" class="danger small" onClick={() => setOpen(true)}>
        Erase
      </button>
      {open && (
        <dialog ref={dialog} aria-labelledby={heading} onClose={() => setOpen(false)}>
          <form
            class="editor"
            onSubmit={(event) => {
              event.preventDefault();
              action.run();
            }}
          >
            <h2 id={heading}>Erase this person?</h2>
            <p>
              All that is kept of them goes, with all of their identifiers, and events that name them are refused from then on. It cannot be undone. Answer a request with{" "}
              <a href="#/privacy">Privacy</a> instead, to keep its deadline.
            </p>
            <TextField label={`Type ${of.id} to confirm`} value={typed} onInput={setTyped} required />
            <TextField label="Reason" note="It goes into the receipt and the audit log: nothing personal." value={reason} onInput={setReason} required />
            <ProblemBox problem={action.problem} />
            <div class="row end">
              <button type="button" onClick={() => dialog.current?.close()}>
                Cancel
              </button>
              <button type="submit" class="danger" disabled={typed !== of.id || reason.trim() === "" || action.busy}>
                {action.busy ? "Erasing…" : "Erase for ever"}
              </button>
            </div>
          </form>
        </dialog>
      )}
    </>
  );
}

export function Receipt(of: { text: string; name: string }): VNode {
  return (
    <>
      <Code label="The receipt">{of.text}</Code>
      <Save text={of.text + "\n"} name={of.name}>
        Save the receipt
      </Save>
    </>
  );
}

export const Erased = (of: { erased: ErasedAnswer }): VNode => (
  <Section
    title="Erased"
    note={
      <>
        A signed receipt: <code>kith privacy verify</code> checks it, and so does any JOSE library with the keys at <code>/v1/privacy/keys</code>.
      </>
    }
  >
    <p class="done" role="status">
      Nobody can read them any more. The last bytes are gone from the disk by <Time at={of.erased.goneBy} />.
    </p>
    <Receipt text={of.erased.receipt} name={`${of.erased.erasure ?? "erased"}.receipt`} />
  </Section>
);
