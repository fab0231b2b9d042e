// An expression is judged while it is written: the server checks it, and on request says who would be in.
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, type Definition, type Kind, path, type Preview, type PrivacyRules, Problem, send } from "../api";
import * as format from "../format";
import { useAction, useLoad } from "../load";
import { toProfile } from "../router";
import { FormButtons, ProblemBox, Section, SelectField, TextArea, TextField } from "../ui";

const pause = 300; // ms without a key before an expression is checked

const examples = {
  segments: 'events("Order Completed").within("30d").count() >= 2 && traits.country == "DE"',
  computed: 'events("Order Completed").sum("properties.total")',
};

type Check = { at: "empty" } | { at: "checking" } | { at: "good" } | { at: "bad"; message: string; line: number; column: number } | { at: "failed"; problem: Problem };

async function check(kind: Kind, expression: string, purpose: string, name: string, signal: AbortSignal): Promise<Check> {
  try {
    await api("/v1/segments:preview", { method: "POST", body: { expression, purpose: purpose || null, check: true, kind: kind === "segments" ? "segment" : "computed", ...(name === "" ? {} : { name }) }, signal });
    return { at: "good" };
  } catch (why) {
    if (!(why instanceof Problem)) throw why;
    if (typeof why.more.line !== "number") return { at: "failed", problem: why };
    return { at: "bad", message: why.detail, line: why.more.line, column: Number(why.more.column ?? 1) };
  }
}

function Verdict(of: { check: Check; expression: string }): VNode | null {
  const { check: verdict } = of;
  switch (verdict.at) {
    case "empty":
      return null;
    case "checking":
      return <p class="muted">Checking…</p>;
    case "good":
      return <p class="ok">The expression holds.</p>;
    case "failed":
      return <ProblemBox problem={verdict.problem} />;
    case "bad": {
      const text = of.expression.split("\n")[verdict.line - 1] ?? "";
      return (
        <div class="problem">
          <strong>
            Line {verdict.line}, column {verdict.column}
          </strong>{" "}
          {verdict.message}
          <pre class="caret">
            {text}
            {"\n"}
            {" ".repeat(Math.max(0, verdict.column - 1))}^
          </pre>
        </div>
      );
    }
  }
}

function Outcome(of: { preview: Preview }): VNode {
  const { members, profiles, errors, error, complete, seconds, sample } = of.preview;
  return (
    <div class="preview" role="status">
      <p>
        <span class="big">{format.count(members)}</span> of {format.counted(profiles, "profile")}{" "}
        {profiles > 0 && <span class="muted">({((100 * members) / profiles).toFixed(1)} %)</span>} would be in it now.{" "}
        <span class="muted">
          {complete ? `Looked at all in ${format.latency(seconds * 1e6)}.` : `The time was up after ${seconds.toFixed(1)} s; not all were looked at.`}
        </span>
      </p>
      {errors > 0 && (
        <p class="note">
          For {format.counted(errors, "profile")} it came to an error, which counts as not a member: <code>{error}</code>. Ask <code>has(…)</code> first where something may be missing.
        </p>
      )}
      {sample.length > 0 && (
        <>
          <h3>Some of them</h3>
          <ul class="chips">
            {sample.map((each) => (
              <li key={each.profile}>
                <a class="mono" href={toProfile(each.profile)} target="_blank" rel="noreferrer">
                  {each.userIds[0] ?? each.anonymousIds[0] ?? each.profile}
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

export function Editor(of: { kind: Kind; start: Definition | null; onDone: (name: string) => void; onCancel: () => void }): VNode {
  const exists = (of.start?.version ?? 0) > 0;
  const [name, setName] = useState(of.start?.name ?? "");
  const [expression, setExpression] = useState(of.start?.expression ?? "");
  const [description, setDescription] = useState(of.start?.description ?? "");
  const [owner, setOwner] = useState(of.start?.owner ?? "");
  const [purpose, setPurpose] = useState(of.start?.purpose ?? "");
  const rules = useLoad("rules", (signal) => api<PrivacyRules>("/v1/privacy/rules", { signal }));
  const [verdict, setVerdict] = useState<Check>({ at: "empty" });
  const [preview, setPreview] = useState<Preview | null>(null);
  const version = useRef(of.start?.version ?? 0); // that which was read, not a newer one

  useEffect(() => {
    setPreview(null);
    if (expression.trim() === "") return setVerdict({ at: "empty" });
    setVerdict({ at: "checking" });
    const until = new AbortController();
    const timer = setTimeout(() => {
      check(of.kind, expression, purpose, exists ? name : "", until.signal).then(setVerdict, () => undefined);
    }, pause);
    return () => {
      clearTimeout(timer);
      until.abort();
    };
  }, [expression, purpose, of.kind]);

  const wanted = useRef("");
  wanted.current = `${purpose}\n${expression}`;
  const ask = useAction(async () => {
    const asked = wanted.current;
    const found = await api<Preview>("/v1/segments:preview", { method: "POST", body: { expression, purpose: purpose || null, sample: 12, ...(exists ? { name } : {}) } });
    if (wanted.current === asked) setPreview(found); // else it was changed meanwhile
  });
  const save = useAction(async () => {
    const body = { name, expression, description, owner, purpose: purpose || null };
    if (exists) await send(path("v1", of.kind, name), { method: "PUT", body, headers: { "If-Match": `"${version.current}"` } });
    else await send(path("v1", of.kind), { method: "POST", body });
    of.onDone(name);
  });
  const good = verdict.at === "good";
  const purposes = new Set((rules.data?.purposes ?? []).map((each) => each.name));
  if (of.start?.purpose) purposes.add(of.start.purpose); // it is shown also while the rules are not known
  return (
    <Section title={exists ? "Edit" : "Definition"}>
      <form
        class="editor"
        onSubmit={(event) => {
          event.preventDefault();
          if (good) save.run();
        }}
      >
        <div class="row bottom">
          <TextField label="Name" value={name} onInput={setName} required disabled={exists} note={exists ? undefined : "Letters, digits, _ . and -, a letter first."} class="grow" />
          <TextField label="Owner" value={owner} onInput={setOwner} note={exists ? undefined : "Who answers questions about it."} class="grow" />
        </div>
        <div class="row bottom">
          <TextField label="Description" value={description} onInput={setDescription} note="What it is for." class="grow" />
          <SelectField
            label="Purpose"
            value={purpose}
            onInput={setPurpose}
            options={[["", "none"], ...[...purposes].map((each): [string, string] => [each, each])]}
            note={of.kind === "segments" ? "Without consent to it nobody is in it." : "Without consent to it nobody has it."}
          />
        </div>
        <ProblemBox problem={rules.problem} />
        <TextArea
          label="Expression"
          value={expression}
          onInput={setExpression}
          rows={7}
          note={
            <>
              In CEL, over <code>traits</code>, <code>computed</code>, <code>ids</code>, <code>events("Name")</code> and <code>in_segment("name")</code>. For example:{" "}
              <code>{examples[of.kind]}</code>
            </>
          }
          onSubmit={() => good && of.kind === "segments" && ask.run()}
        />
        <div aria-live="polite">
          <Verdict check={verdict} expression={expression} />
        </div>
        <ProblemBox problem={ask.problem} />
        <ProblemBox problem={save.problem} />
        {preview && <Outcome preview={preview} />}
        <FormButtons text={save.busy ? "Saving…" : exists ? "Save" : "Create"} disabled={!good || name === "" || save.busy} onCancel={of.onCancel}>
          {of.kind === "segments" && (
            <button type="button" disabled={!good || ask.busy} onClick={ask.run} title="Ctrl+Enter in the expression">
              {ask.busy ? "Looking at all profiles…" : "Preview members"}
            </button>
          )}
        </FormButtons>
      </form>
    </Section>
  );
}
