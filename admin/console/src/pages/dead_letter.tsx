// One dead letter: what came, why it was refused; mended, it is replayed.
import { Fragment, type VNode } from "preact";
import { useState } from "preact/hooks";
import { allowed, api, type DeadLetter, type Replayed } from "../api";
import * as format from "../format";
import { useAction, useLoad } from "../load";
import { to } from "../router";
import { Await, Badge, Code, Confirm, Facts, Header, ProblemBox, Section, TextArea, Time } from "../ui";
import { outcomeText } from "./dead_letters";

/** What can be mended: an event as JSON, or text as it came. */
function textOf(of: DeadLetter): string | null {
  if (of.truncated || !allowed("operator")) return null;
  if (of.decoded !== undefined) return format.pretty(of.decoded);
  if (of.encoding !== "utf-8") return null;
  try {
    return format.pretty(JSON.parse(of.bytes));
  } catch {
    return of.bytes;
  }
}

/** "user:ada anonymous:a-17": whom it speaks of. No links where an id holds a space, or who looks sees masks. */
function Whose(of: { ids: string }): VNode {
  const all = of.ids.split(" ").map((each) => each.split(/:(.*)/s, 2) as [string, string | undefined]);
  const masked = !allowed("operator") && !allowed("privacy");
  if (masked || all.some(([kind, id]) => !kind || !id)) return <span class="mono">{of.ids}</span>;
  return (
    <>
      {all.map(([kind, id]) => (
        <Fragment key={`${kind}:${id}`}>
          <a class="mono" href={to(["profiles", kind, id!])}>{`${kind}:${id}`}</a>{" "}
        </Fragment>
      ))}
    </>
  );
}

/** Of an event as it was replayed, which may have been mended to be somebody else's. */
function idsOf(event: unknown): string {
  const { userId, anonymousId } = event as { userId?: unknown; anonymousId?: unknown };
  const all = [typeof userId === "string" && userId !== "" && `user:${userId}`, typeof anonymousId === "string" && anonymousId !== "" && `anonymous:${anonymousId}`];
  return all.filter(Boolean).join(" ");
}

/** `ids`: whom the event speaks of that was replayed; empty: not known. */
function Mend(of: { letter: DeadLetter; onDone: (how: Replayed, ids: string) => void }): VNode {
  const start = textOf(of.letter) ?? "";
  const [text, setText] = useState(start);
  const isEvent = of.letter.decoded !== undefined;
  let wrong = "";
  if (isEvent) {
    try {
      JSON.parse(text);
    } catch (why) {
      wrong = why instanceof Error ? why.message : String(why);
    }
  }
  const action = useAction(async () => {
    const mended = isEvent ? (JSON.parse(text) as unknown) : text;
    const how = await api<Replayed>("/v1/dead-letters", { method: "POST", body: { action: "replay", ids: [of.letter.id], ...(text === start ? {} : { as: mended }) } });
    of.onDone(how, isEvent ? idsOf(mended) : "");
  });
  return (
    <>
      <TextArea
        label={isEvent ? "The event" : "The body, as it came"}
        value={text}
        onInput={setText}
        rows={Math.min(24, Math.max(6, text.split("\n").length))}
        note={
          isEvent
            ? "Mend it here, then replay it. Its messageId is what keeps it from counting twice: leave it as it is."
            : "Mend it here, then replay it. Headers stay as they came, and its source’s mapping is applied again."
        }
      />
      {wrong !== "" && <p class="bad">Not JSON: {wrong}</p>}
      <ProblemBox problem={action.problem} />
      <div class="row">
        <button type="button" class="primary" disabled={wrong !== "" || action.busy} onClick={action.run}>
          {action.busy ? "Replaying…" : text === start ? "Replay as it is" : "Replay as mended"}
        </button>
        {text !== start && (
          <button type="button" onClick={() => setText(start)}>
            Undo changes
          </button>
        )}
      </div>
    </>
  );
}

export function Letter(of: { at: string; id: string; onGone: () => void }): VNode {
  const told = useLoad(of.at, (signal) => api<DeadLetter>(of.at, { signal }));
  const [done, setDone] = useState<Replayed | null>(null);
  const [whose, setWhose] = useState("");
  const drop = useAction(async () => {
    await api<Replayed>("/v1/dead-letters", { method: "POST", body: { action: "drop", ids: [of.id] } });
    of.onGone();
  });
  const gone = done !== null && done.applied + done.duplicate > 0;
  return (
    <>
      <Header
        back={{ href: to(["dead-letters"]), text: "Dead letters" }}
        title={
          <>
            Dead letter <span class="mono">{of.id}</span>
          </>
        }
        actions={allowed("operator") && !gone && told.data && <Confirm text="Drop" title="Drop it?" question="The dead letter is deleted. What it holds is lost." yes="Drop" danger disabled={drop.busy} onYes={drop.run} />}
      />
      <ProblemBox problem={drop.problem} />
      <div role="status">
        {done && (
          <p class={gone ? "done" : "problem"}>
            {outcomeText(done)} {done.failures[0]?.message} {done.stopped} {gone && whose !== "" && (
              <>
                See <Whose ids={whose} />
              </>
            )}{" "}
            {gone && <a href={to(["dead-letters"])}>Back to the list</a>}
          </p>
        )}
      </div>
      {!gone && (
        <Await of={told}>
          {(letter) => (
            <>
              <div class="problem">
                <Badge tone={letter.code === "quarantined" ? "warn" : "bad"}>{letter.code}</Badge> {letter.message}
              </div>
              <Facts
                items={[
                  ["Kept", <Time at={letter.at} />],
                  ["Source", letter.source],
                  ["Came in by", letter.edge],
                  ["Event", letter.event ?? "–"],
                  ["Of", letter.ids ? <Whose ids={letter.ids} /> : "–"],
                  ["messageId", letter.messageId ? <span class="mono">{letter.messageId}</span> : "–"],
                  ["Size", format.bytes(letter.size)],
                  ["Replayed in vain", letter.attempts === 0 ? "never" : <>{letter.attempts === 1 ? "once," : `${format.count(letter.attempts)} times, last`} <Time at={letter.replayed} relative /></>],
                ]}
              />
              {letter.headers.length > 0 && (
                <Section title="Headers">
                  <Code label="Headers">{letter.headers.map(([name, value]) => `${name}: ${value}`).join("\n")}</Code>
                </Section>
              )}
              <Section title={textOf(letter) === null ? "What came" : "Mend and replay"}>
                {textOf(letter) === null ? (
                  <>
                    <p class="note">
                      {letter.truncated
                        ? "It was too large and was cut, so it cannot be replayed."
                        : allowed("operator")
                          ? "It is no text that could be mended here."
                          : "Replaying needs the role operator."}
                    </p>
                    <Code label="Bytes">{letter.decoded === undefined ? letter.bytes : format.pretty(letter.decoded)}</Code>
                  </>
                ) : (
                  <Mend
                    key={letter.attempts}
                    letter={letter}
                    onDone={(how, ids) => {
                      setDone(how);
                      setWhose(ids);
                      if (how.applied + how.duplicate === 0) told.reload();
                    }}
                  />
                )}
              </Section>
            </>
          )}
        </Await>
      )}
    </>
  );
}
