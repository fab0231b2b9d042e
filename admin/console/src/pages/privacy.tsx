// What people asked for, until when it is due, and who may not come back.
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { api, type Page, path, type PrivacyRequest, type PrivacyRules, query, send, type Suppression } from "../api";
import * as format from "../format";
import { IdentifierForm } from "../identifier_form";
import { useAction, useLoad, usePages } from "../load";
import { go, place, to, toProfile } from "../router";
import { Await, Badge, Code, Confirm, CreateForm, Facts, Header, Hint, PagedTable, ProblemBox, Section, SelectField, Table, Tabs, TextArea, TextField, Time, type Tone } from "../ui";
import { Receipt } from "./profile_privacy";

const kinds: [string, string][] = [
  ["access", "Access: all that is kept"],
  ["portability", "Portability: the same, to take along"],
  ["erasure", "Erasure"],
  ["rectification", "Rectification: correct what is wrong"],
  ["opt_out", "Opt-out of sale or sharing"],
  ["objection", "Objection to a use"],
];
const laws: [string, string][] = [
  ["gdpr", "GDPR: one month"],
  ["ccpa", "CCPA: 45 days"],
];
const withdraws = (kind: string): boolean => kind === "opt_out" || kind === "objection";
/** Opting out is a right by CCPA, objecting one by GDPR. */
const lawsOf = (kind: string): [string, string][] => {
  if (kind === "opt_out") return [["ccpa", "CCPA: 15 business days"]];
  return kind === "objection" ? laws.slice(0, 1) : laws;
};
const idKinds: [string, string][] = [
  ["user", "User id"],
  ["anonymous", "Anonymous id"],
  ["external", "External id"],
  ["profile", "Profile id"],
];
const tones: Record<PrivacyRequest["status"], Tone> = { received: "plain", verified: "plain", running: "warn", done: "good", refused: "quiet" };
const kindName = (kind: PrivacyRequest["kind"]): string => kind.replace("_", "-");
const isOpen = (of: PrivacyRequest): boolean => of.status !== "done" && of.status !== "refused";
const waits = (of: PrivacyRequest): boolean => of.status === "received" || of.status === "verified";
const nameOf = (of: PrivacyRequest["subject"][number]): string => (of.id === undefined ? "erased" : `${of.kind === "external" ? of.type : of.kind}:${of.id}`);

function Subject(of: { request: PrivacyRequest }): VNode {
  return (
    <>
      {of.request.subject.map((each, i) => (
        <span key={each.hash}>
          {i > 0 && ", "}
          {each.id === undefined ? <span class="muted">erased</span> : <span class="mono">{nameOf(each)}</span>}
        </span>
      ))}
    </>
  );
}

function Due(of: { request: PrivacyRequest }): VNode {
  const { request } = of;
  if (!isOpen(request)) return <Time at={request.dueAt} relative />;
  return (
    <>
      <Time at={request.dueAt} relative />{" "}
      {request.overdue ? <Badge tone="bad">overdue</Badge> : request.dueSoon ? <Badge tone="warn">soon</Badge> : null}
    </>
  );
}

interface Named {
  kind: string;
  type: string;
  id: string;
}

/** What is wrong with corrected traits; empty: nothing. */
function complaintAbout(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    const is = typeof value === "object" && value !== null && !Array.isArray(value);
    return is && Object.keys(value).length > 0 ? "" : "It must be an object with at least one trait.";
  } catch (why) {
    return `Not JSON: ${why instanceof Error ? why.message : String(why)}`;
  }
}

/** Those of the configuration, to be chosen from. */
function Purposes(of: { chosen: string[]; onChange: (chosen: string[]) => void }): VNode {
  const told = useLoad("rules", (signal) => api<PrivacyRules>("/v1/privacy/rules", { signal }));
  const toggle = (name: string): void => of.onChange(of.chosen.includes(name) ? of.chosen.filter((each) => each !== name) : [...of.chosen, name]);
  return (
    <Await of={told}>
      {(rules) => (
        <fieldset>
          <legend>Of what consent is withdrawn</legend>
          {rules.purposes.length === 0 && <p class="bad">No purpose is configured, so none can be withdrawn.</p>}
          {rules.purposes.map((each) => (
            <label key={each.name}>
              <input type="checkbox" checked={of.chosen.includes(each.name)} onChange={() => toggle(each.name)} /> {each.name} <span class="muted">{each.description}</span>
            </label>
          ))}
          <p class="note">With none chosen it is about those that the law means, by the configuration.</p>
        </fieldset>
      )}
    </Await>
  );
}

function Create(of: { onCancel: () => void }): VNode {
  const [kind, setKind] = useState("access");
  const [regulation, setRegulation] = useState("gdpr");
  const [received, setReceived] = useState("");
  const [note, setNote] = useState("");
  const [traits, setTraits] = useState("");
  const [purposes, setPurposes] = useState<string[]>([]);
  const [subject, setSubject] = useState<Named[]>([{ kind: "user", type: "", id: "" }]);
  const change = (at: number, to: Partial<Named>): void => setSubject(subject.map((each, i) => (i === at ? { ...each, ...to } : each)));
  const corrects = kind === "rectification";
  const wrong = complaintAbout(traits);
  const choose = (to: string): void => {
    setKind(to);
    const possible = lawsOf(to);
    if (!possible.some(([law]) => law === regulation)) setRegulation(possible[0]?.[0] ?? "gdpr");
  };
  const action = useAction(async () => {
    const made = await api<PrivacyRequest>("/v1/privacy/requests", {
      method: "POST",
      body: {
        kind,
        regulation,
        subject: subject.map((each) => (each.kind === "external" ? each : { kind: each.kind, id: each.id })),
        ...(corrects ? { traits: JSON.parse(traits) as unknown } : {}),
        ...(withdraws(kind) && purposes.length > 0 ? { purposes } : {}),
        ...(note === "" ? {} : { note }),
        ...(received === "" ? {} : { receivedAt: new Date(received).toISOString() }),
      },
    });
    go(to(["privacy", "requests", made.id]));
  });
  return (
    <CreateForm
      title="New request"
      text="Enter"
      disabled={action.busy || subject.some((each) => each.id === "") || (corrects && wrong !== "")}
      problem={action.problem}
      onSubmit={action.run}
      onCancel={of.onCancel}
    >
      <div class="row bottom">
        <SelectField label="What is asked for" value={kind} onInput={choose} options={kinds} class="grow" />
        <SelectField label="By which law" value={regulation} onInput={setRegulation} options={lawsOf(kind)} class="grow" />
        <TextField label="Received, if not now" type="datetime-local" value={received} onInput={setReceived} />
      </div>
      {subject.map((each, i) => (
        <div class="row bottom" key={i}>
          <SelectField label={`Kind of identifier ${i + 1}`} value={each.kind} onInput={(to) => change(i, { kind: to })} options={idKinds} />
          {each.kind === "external" && <TextField label={`Type of identifier ${i + 1}`} value={each.type} onInput={(to) => change(i, { type: to })} placeholder="crm" required />}
          <TextField label={`Identifier ${i + 1}`} value={each.id} onInput={(to) => change(i, { id: to })} required class="grow" />
          {i + 1 === subject.length && subject.length < 10 && (
            <button type="button" onClick={() => setSubject([...subject, { kind: "user", type: "", id: "" }])}>
              One more
            </button>
          )}
        </div>
      ))}
      {corrects && (
        <>
          <TextArea label="Corrected traits" value={traits} onInput={setTraits} note='As JSON, as {"email": "ada@new.example"}. What is not named stays; null takes a trait out.' />
          {traits !== "" && wrong !== "" && <p class="bad">{wrong}</p>}
        </>
      )}
      {withdraws(kind) && <Purposes chosen={purposes} onChange={setPurposes} />}
      <TextField label="Note" note="A ticket, say. It stays when the person is erased: nothing personal." value={note} onInput={setNote} />
    </CreateForm>
  );
}

const tabs = (current: string): VNode => (
  <Tabs
    label="Parts of privacy"
    items={[
      { href: to(["privacy"]), text: "Requests", current: current === "" },
      { href: to(["privacy", "suppressions"]), text: "Suppressed", current: current === "suppressions" },
    ]}
  />
);

function Requests(): VNode {
  const [status, setStatus] = useState("open");
  const [making, setMaking] = useState(false);
  const pages = usePages<PrivacyRequest>(`requests${status}`, (cursor, signal) => api<Page<PrivacyRequest>>(`/v1/privacy/requests${query({ status, limit: 50, cursor })}`, { signal }));
  return (
    <>
      <Header
        title="Privacy"
        intro={
          <>
            What people asked for, and until when it is due.{" "}
            <Hint about="a deadline">GDPR gives one month, CCPA 45 days; each can be extended once, with a reason. CCPA wants the receipt confirmed within ten business days, and an opt-out of sale or sharing done within fifteen.</Hint>
          </>
        }
        actions={
          !making && (
            <button type="button" class="primary" onClick={() => setMaking(true)}>
              New request
            </button>
          )
        }
      />
      {tabs("")}
      {making && <Create onCancel={() => setMaking(false)} />}
      <div class="row bottom below">
        <SelectField
          label="Show"
          value={status}
          onInput={setStatus}
          options={[
            ["open", "Open"],
            ["", "All"],
            ["done", "Done"],
            ["refused", "Refused"],
          ]}
        />
      </div>
      <div class="panel flush">
        <PagedTable<PrivacyRequest>
          label="Requests"
          pages={pages}
          keyOf={(each) => each.id}
          empty={status === "open" ? "No request is open." : "No such requests."}
          columns={[
            {
              head: "What",
              cell: (each) => (
                <a href={to(["privacy", "requests", each.id])} aria-label={`${kindName(each.kind)} for ${each.subject.map(nameOf).join(", ")}`}>
                  {kindName(each.kind)}
                </a>
              ),
            },
            { head: "Whose", wide: true, cell: (each) => <Subject request={each} /> },
            { head: "Law", cell: (each) => each.regulation.toUpperCase() },
            {
              head: "Status",
              cell: (each) => (
                <>
                  <Badge tone={tones[each.status]}>{each.status}</Badge>
                  {each.error && <Badge tone="bad">failed</Badge>}
                </>
              ),
            },
            { head: "Received", cell: (each) => <Time at={each.receivedAt} relative /> },
            { head: "Due", cell: (each) => <Due request={each} /> },
          ]}
        />
      </div>
    </>
  );
}

function Steps(of: { request: PrivacyRequest; changed: () => void }): VNode {
  const { request } = of;
  const [reason, setReason] = useState("");
  const action = useAction(async (what: string) => {
    await send(path("v1", "privacy", "requests", request.id, "steps"), {
      method: "POST",
      body: { action: what, reason },
      headers: { "If-Match": `"${request.version}"` },
    });
    setReason("");
    of.changed();
  });
  const erases = request.kind === "erasure";
  const button = (what: string, text: string, can: boolean): VNode => (
    <button type="button" disabled={!can || action.busy} onClick={() => action.run(what)}>
      {text}
    </button>
  );
  return (
    <Section title="Go on with it" note="Extending and refusing need a reason, which the person has to be told.">
      <div class="editor">
        <TextField label="Reason, or how" value={reason} onInput={setReason} />
        <ProblemBox problem={action.problem} />
        <div class="row">
          {request.confirmBy !== null && button("confirm", "Receipt is confirmed", request.confirmedAt === null)}
          {button("verify", "Person is verified", waits(request) && !request.verified)}
          {request.kind !== "opt_out" && button("extend", "Extend", !request.extended && !request.overdue && reason !== "")}
          {button("refuse", "Refuse", waits(request) && reason !== "")}
          {erases ? (
            <Confirm
              text="Carry out"
              title="Erase this person?"
              question="All that is kept of them goes, with all of their identifiers. It cannot be undone."
              yes="Erase for ever"
              danger
              disabled={!waits(request) || action.busy}
              onYes={() => action.run("run")}
            />
          ) : (
            <button type="button" class="primary" disabled={!waits(request) || action.busy} onClick={() => action.run("run")}>
              Carry out
            </button>
          )}
        </div>
      </div>
    </Section>
  );
}

function Result(of: { request: PrivacyRequest }): VNode {
  const { exports, applied, receipts, notFound, deadLetters } = of.request.result;
  return (
    <Section title="What came of it">
      {notFound > 0 && (
        <p>
          Of {format.count(notFound)} of its identifiers nothing was kept{deadLetters > 0 && `, but for ${format.counted(deadLetters, "dead letter")}, erased as well`}.
        </p>
      )}
      {exports.length > 0 && (
        <Table
          label="Documents"
          items={exports.map((each, i) => ({ ...each, number: i + 1 }))}
          keyOf={(each) => String(each.number)}
          columns={[
            { head: "Document", cell: (each) => `${each.number}` },
            { head: "Size", number: true, cell: (each) => format.bytes(each.bytes) },
            { head: "SHA-256", wide: true, cell: (each) => <span class="mono">{each.sha256}</span> },
            { head: "Deleted", cell: (each) => (each.gone ? "is deleted" : <Time at={each.until} relative />) },
            {
              head: <span class="hidden">Download</span>,
              cell: (each) =>
                !each.gone && (
                  <a class="button small" href={path("v1", "privacy", "requests", of.request.id, "exports", String(each.number))} download={`request-${of.request.id}.${each.number}.json`}>
                    Download
                  </a>
                ),
            },
          ]}
        />
      )}
      {applied.length > 0 && (
        <Table
          label="Profiles that it was applied to"
          items={applied}
          keyOf={(each) => `${each.at}${each.profile}`}
          columns={[
            { head: "Applied to", wide: true, cell: (each) => (each.profile ? <a class="mono" href={toProfile(each.profile)}>{each.profile}</a> : <span class="muted">erased</span>) },
            { head: "At", cell: (each) => <Time at={each.at} /> },
          ]}
        />
      )}
      {receipts.map((each, i) => (
        <Receipt key={each} text={each} name={`request-${of.request.id}.${i + 1}.receipt`} />
      ))}
    </Section>
  );
}

function One(of: { id: string }): VNode {
  const at = path("v1", "privacy", "requests", of.id);
  const [running, setRunning] = useState(false);
  // Only what runs is asked for again by itself: each look stands in the audit log.
  const told = useLoad(
    at,
    async (signal) => {
      const request = await api<PrivacyRequest>(at, { signal });
      setRunning(request.status === "running");
      return request;
    },
    running ? 1500 : 0,
  );
  return (
    <>
      <Header
        back={{ href: to(["privacy"]), text: "All requests" }}
        title={told.data ? `Request for ${kindName(told.data.kind)}` : "Request"}
        actions={
          <button type="button" class="small" onClick={told.reload}>
            Reload
          </button>
        }
      />
      <Await of={told}>
        {(request) => (
          <>
            <Facts
              items={[
                ["Status", <Badge tone={tones[request.status]}>{request.status}</Badge>],
                ["Whose", <Subject request={request} />],
                ["Law", request.regulation.toUpperCase()],
                ["Received", <Time at={request.receivedAt} />],
                ["Due", <Due request={request} />],
                ...(request.confirmBy ? [["Receipt confirmed", request.confirmedAt ? <Time at={request.confirmedAt} /> : <>by {format.time(request.confirmBy)}</>] as [string, VNode]] : []),
                ...(request.purposes.length > 0 ? [["Purposes", request.purposes.join(", ")] as [string, string]] : []),
                ...(request.traits ? [["Corrected", <Code label="Corrected traits">{format.pretty(request.traits)}</Code>] as [string, VNode]] : []),
                ...(request.note ? [["Note", request.note] as [string, string]] : []),
                ["Id", <span class="mono">{request.id}</span>],
              ]}
            />
            {request.error && (
              <div class="problem" role="alert">
                <strong>It could not be carried out</strong>
                <span>
                  {" "}
                  {request.error} {request.status === "running" ? "It is tried again." : "Mend that, and carry it out again."}
                </span>
              </div>
            )}
            {isOpen(request) && <Steps request={request} changed={told.reload} />}
            {request.status === "done" && <Result request={request} />}
            <Section title="History" flush>
              <Table
                label="History"
                items={request.history.map((each, i) => ({ ...each, i }))}
                keyOf={(each) => String(each.i)}
                columns={[
                  { head: "At", cell: (each) => <Time at={each.at} /> },
                  { head: "What", cell: (each) => each.action },
                  { head: "By", cell: (each) => (each.by === "kith" ? "the server" : each.by) },
                  { head: "How, or why", wide: true, cell: (each) => each.detail },
                ]}
              />
            </Section>
          </>
        )}
      </Await>
    </>
  );
}

function LookUp(of: { changed: () => void }): VNode {
  const [found, setFound] = useState<{ hash: string; suppressed: boolean; since: string | null } | null>(null);
  const lookUp = async (kind: string, id: string): Promise<void> => {
    setFound(null);
    setFound(await api("/v1/privacy/suppressions:lookup", { method: "POST", body: { kind, id } }));
  };
  return (
    <>
      <IdentifierForm kinds={idKinds} button="Is it suppressed?" look={lookUp} />
      {found && (
        <p class="done" role="status">
          {found.suppressed ? (
            <>
              Suppressed since <Time at={found.since} />. <Lift hash={found.hash} changed={of.changed} />
            </>
          ) : (
            "Not suppressed."
          )}
        </p>
      )}
    </>
  );
}

function Lift(of: { hash: string; changed: () => void }): VNode {
  const action = useAction(async () => {
    await send(path("v1", "privacy", "suppressions", of.hash), { method: "DELETE" });
    of.changed();
  });
  return (
    <>
      <Confirm
        text="Lift"
        title="Let it come back?"
        question="Events that name this identifier are taken in again. The person's other identifiers stay suppressed."
        yes="Lift"
        small
        disabled={action.busy}
        onYes={action.run}
      />
      <ProblemBox problem={action.problem} />
    </>
  );
}

function Suppressions(): VNode {
  const [again, setAgain] = useState(0);
  const pages = usePages<Suppression>(`suppressions${again}`, (cursor, signal) => api<Page<Suppression>>(`/v1/privacy/suppressions${query({ limit: 50, cursor })}`, { signal }));
  const changed = (): void => setAgain(again + 1);
  return (
    <>
      <Header title="Privacy" intro="Who was erased does not come back: events that name them are refused. Kept are salted hashes of their identifiers." />
      {tabs("suppressions")}
      <LookUp key={again} changed={changed} />
      <div class="panel flush">
        <PagedTable<Suppression>
          label="Suppressed identifiers"
          pages={pages}
          keyOf={(each) => each.hash}
          empty="Nobody was erased."
          columns={[
            { head: "Identifier, as a hash", wide: true, cell: (each) => <span class="mono">{each.hash}</span> },
            { head: "Since", cell: (each) => <Time at={each.since} /> },
            { head: <span class="hidden">Lift</span>, cell: (each) => <Lift hash={each.hash} changed={changed} /> },
          ]}
        />
      </div>
    </>
  );
}

export function Privacy(): VNode {
  const [, part, id] = place.value.parts;
  if (part === "requests" && id) return <One key={id} id={id} />;
  return part === "suppressions" ? <Suppressions /> : <Requests />;
}
