// Who may use the admin API, by name. What a token is, is told once.
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { api, type Page, path, send, type Token } from "../api";
import * as format from "../format";
import { useAction, useLoad } from "../load";
import { Await, Badge, Confirm, CreateForm, Empty, FormButtons, Header, Hint, ProblemBox, Section, SelectField, Table, TextField, Time } from "../ui";

const roles: [string, string][] = [
  ["viewer", "viewer: reads, without personal data"],
  ["operator", "operator: reads all; segments, schemas, dead letters, unmerging"],
  ["privacy", "privacy: reads all, and the audit log"],
  ["admin", "admin: all of these, and tokens"],
];
const lifetimes: [string, string][] = [
  ["1", "in a day"],
  ["30", "in 30 days"],
  ["90", "in 90 days"],
  ["365", "in a year"],
  ["", "never"],
];
const graces: [string, string][] = [
  ["0", "at once"],
  ["3600", "in an hour"],
  ["86400", "in a day"],
];
const day = 86_400_000;

/** The secret, this once. */
function Secret(of: { token: Token; onDone: () => void }): VNode {
  const [copied, setCopied] = useState(false);
  return (
    <div class="done secret" role="status">
      <p>
        The token of <strong>{of.token.name}</strong>. Copy it now: it is not shown again, and not kept as it is.
      </p>
      <div class="row">
        <input class="mono grow" readOnly value={of.token.token} aria-label="The new token" onFocus={(event) => event.currentTarget.select()} />
        <button type="button" onClick={() => void navigator.clipboard.writeText(of.token.token ?? "").then(() => setCopied(true))}>
          {copied ? "Copied" : "Copy"}
        </button>
        <button type="button" onClick={of.onDone}>
          Done
        </button>
      </div>
    </div>
  );
}

function Create(of: { onMade: (token: Token) => void; onCancel: () => void }): VNode {
  const [name, setName] = useState("");
  const [role, setRole] = useState("viewer");
  const [description, setDescription] = useState("");
  const [days, setDays] = useState("90");
  const action = useAction(async () => {
    const expires = days === "" ? null : new Date(Date.now() + Number(days) * day).toISOString();
    of.onMade(await api<Token>("/v1/tokens", { method: "PUT", body: { name, role, description, expires }, headers: { "If-None-Match": "*" } }));
  });
  return (
    <CreateForm title="New token" text="Create" disabled={name === "" || action.busy} problem={action.problem} onSubmit={action.run} onCancel={of.onCancel}>
      <div class="row bottom">
        <TextField label="Name" value={name} onInput={setName} required class="grow" />
        <SelectField label="Role" value={role} onInput={setRole} options={roles} class="grow long" />
        <SelectField label="Ends" value={days} onInput={setDays} options={lifetimes} />
      </div>
      <TextField label="Description" value={description} onInput={setDescription} />
    </CreateForm>
  );
}

function Rotate(of: { token: Token; onMade: (token: Token) => void; onCancel: () => void }): VNode {
  const [grace, setGrace] = useState("0");
  const action = useAction(async () => {
    of.onMade(
      await api<Token>(path("v1", "tokens", of.token.name, "rotate"), {
        method: "POST",
        body: { graceSeconds: Number(grace) },
        headers: { "If-Match": `"${of.token.version}"` },
      }),
    );
  });
  return (
    <Section title={<>Rotate {of.token.name}</>} note="It gets a new secret; name and role stay.">
      <SelectField label="The old one ends" value={grace} onInput={setGrace} options={graces} />
      <FormButtons text="Rotate" disabled={action.busy} onDo={action.run} onCancel={of.onCancel} />
      <ProblemBox problem={action.problem} />
    </Section>
  );
}

export function Tokens(): VNode {
  const told = useLoad("tokens", (signal) => api<Page<Token>>("/v1/tokens?limit=1000", { signal }), 5000);
  const [making, setMaking] = useState(false);
  const [rotating, setRotating] = useState<Token | null>(null);
  const [made, setMade] = useState<Token | null>(null);
  const revoke = useAction(async (token: Token) => {
    await send(path("v1", "tokens", token.name), { method: "DELETE", headers: { "If-Match": `"${token.version}"` } });
    told.reload();
  });
  const done = (token: Token): void => {
    setMaking(false);
    setRotating(null);
    setMade(token);
    told.reload();
  };
  return (
    <>
      <Header
        title="Tokens"
        intro={
          <>
            Who may use the admin API and this console, and as what.{" "}
            <Hint about="a role">A viewer sees all but personal data. An operator sees that too, and changes what there is. Privacy sees it, and the audit log. An admin may do all of this, and manages tokens. Tokens of the configuration are changed there.</Hint>
          </>
        }
        actions={
          !making && (
            <button type="button" class="primary" onClick={() => setMaking(true)}>
              New token
            </button>
          )
        }
      />
      {made && <Secret token={made} onDone={() => setMade(null)} />}
      {making && <Create onMade={done} onCancel={() => setMaking(false)} />}
      {rotating && <Rotate key={rotating.name} token={rotating} onMade={done} onCancel={() => setRotating(null)} />}
      <ProblemBox problem={revoke.problem} />
      <Await of={told}>
        {(page) =>
          page.items.length === 0 ? (
            <Empty>There are no tokens.</Empty>
          ) : (
            <div class="panel flush">
              <Table<Token>
                label="Tokens"
                items={page.items}
                keyOf={(each) => each.name}
                columns={[
                  { head: "Name", cell: (each) => <strong>{each.name}</strong> },
                  { head: "Role", cell: (each) => <Badge tone={each.role === "admin" ? "warn" : "plain"}>{each.role}</Badge> },
                  { head: "Description", wide: true, cell: (each) => each.description },
                  { head: "From", cell: (each) => (each.source === "config" ? "configuration" : (each.createdBy ?? "API")) },
                  { head: "Ends", cell: (each) => (each.expires ? <Time at={each.expires} relative /> : <span class="muted">never</span>) },
                  { head: "Last used", cell: (each) => (each.source === "config" ? <span class="muted">not recorded</span> : <Time at={each.lastUsed} relative />) },
                  {
                    head: <span class="hidden">Actions</span>,
                    cell: (each) =>
                      each.source === "api" && (
                        <div class="row">
                          <button type="button" class="small" aria-label={`Rotate ${each.name}`} onClick={() => setRotating(each)}>
                            Rotate
                          </button>
                          <Confirm
                            text="Revoke"
                            title={`Revoke ${each.name}?`}
                            question={`Who uses it is shut out at once.${each.lastUsed ? ` It was last used ${format.ago(each.lastUsed)}.` : ""}`}
                            yes="Revoke"
                            danger
                            small
                            disabled={revoke.busy}
                            onYes={() => revoke.run(each)}
                          />
                        </div>
                      ),
                  },
                ]}
              />
            </div>
          )
        }
      </Await>
    </>
  );
}
