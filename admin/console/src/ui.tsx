// What all pages are made of.
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Problem } from "./api";
import * as format from "./format";
import type { Paged } from "./load";

export type Children = ComponentChildren;

export function Header(of: { title: Children; intro?: Children; actions?: Children; back?: { href: string; text: string } }): VNode {
  return (
    <header class="page-head">
      {of.back && (
        <a class="back" href={of.back.href}>
          ← {of.back.text}
        </a>
      )}
      <div class="row spread">
        <h1>{of.title}</h1>
        {of.actions && <div class="row">{of.actions}</div>}
      </div>
      {of.intro && <p class="intro">{of.intro}</p>}
    </header>
  );
}

export function Section(of: { title: Children; note?: Children; actions?: Children; children: Children; flush?: boolean }): VNode {
  const id = useId();
  return (
    <section class={of.flush ? "panel flush" : "panel"} aria-labelledby={id}>
      <div class="panel-head row spread">
        <h2 id={id}>{of.title}</h2>
        {of.actions && <div class="row">{of.actions}</div>}
      </div>
      {of.note && <p class="note">{of.note}</p>}
      {of.children}
    </section>
  );
}

/** A word of Kith's own: a button beside it tells what it means. */
export function Hint(of: { about: string; children: Children }): VNode {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const place = (): void => {
    const at = button.current!.getBoundingClientRect();
    const bubble = box.current!;
    bubble.style.left = `${Math.max(8, Math.min(at.left, innerWidth - bubble.offsetWidth - 8))}px`;
    const below = at.bottom + 6;
    bubble.style.top = `${below + bubble.offsetHeight > innerHeight ? Math.max(8, at.top - bubble.offsetHeight - 6) : below}px`;
  };
  return (
    <>
      <button ref={button} type="button" class="hint" popovertarget={id} aria-label={`What is ${of.about}?`}>
        ?
      </button>
      <div ref={box} id={id} popover="auto" class="bubble" onToggle={place}>
        {of.children}
      </div>
    </>
  );
}

export type Tone = "good" | "bad" | "warn" | "quiet" | "plain";
export const Badge = (of: { tone?: Tone; children: Children }): VNode => <span class={`badge ${of.tone ?? "plain"}`}>{of.children}</span>;

export function ProblemBox(of: { problem: Problem | undefined; retry?: () => void }): VNode | null {
  if (!of.problem) return null;
  return (
    <div class="problem" role="alert">
      <strong>{of.problem.title}</strong>
      <span> {of.problem.detail}</span>
      {of.retry && (
        <button type="button" class="small" onClick={of.retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export const Empty = (of: { children: Children }): VNode => <div class="empty">{of.children}</div>;
export const Loading = (): VNode => (
  <div class="empty" role="status">
    Loading…
  </div>
);

/** Loading, failed, or what `children` make of it. */
export function Await<T>(of: {
  of: { data: T | undefined; problem: Problem | undefined; loading: boolean; reload: () => void };
  children: (data: T) => Children;
}): VNode {
  const { data, problem, loading, reload } = of.of;
  return (
    <>
      <ProblemBox problem={problem} retry={reload} />
      {data !== undefined ? of.children(data) : loading ? <Loading /> : null}
    </>
  );
}

export interface Column<T> {
  head: Children;
  cell: (item: T) => Children;
  number?: boolean;
  wide?: boolean;
}

/** On a phone each row becomes a block, with the heads before the values. */
export function Table<T>(of: { label: string; columns: Column<T>[]; items: T[]; keyOf: (item: T) => string }): VNode {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const at = box.current!;
    at.tabIndex = at.scrollWidth > at.clientWidth ? 0 : -1; // what scrolls must be reached by keyboard, the rest not
  });
  return (
    <div ref={box} class="scroll" role="group" aria-label={of.label}>
      <table>
        <thead>
          <tr>
            {of.columns.map((column, i) => (
              <th key={i} scope="col" class={column.number ? "number" : undefined}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {of.items.map((item) => (
            <tr key={of.keyOf(item)}>
              {of.columns.map((column, i) => (
                <td
                  key={i}
                  data-head={typeof column.head === "string" ? column.head : undefined}
                  class={[column.number && "number", column.wide && "wide"].filter(Boolean).join(" ") || undefined}
                >
                  {column.cell(item)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/// How much of a paged list is shown, and the button for more of it.
export function ShowMore<T>(of: { pages: Paged<T> }): VNode {
  const { data, loading, more } = of.pages;
  return (
    <div class="row spread foot">
      <span class="muted">
        {format.count(data?.length ?? 0)} shown{more ? "" : ", that is all"}
      </span>
      {more && (
        <button type="button" onClick={more} disabled={loading}>
          {loading ? "Loading…" : "Show more"}
        </button>
      )}
    </div>
  );
}

export function PagedTable<T>(of: {
  label: string;
  columns: Column<T>[];
  pages: Paged<T>;
  keyOf: (item: T) => string;
  empty: Children;
}): VNode {
  const { data, problem, loading, reload } = of.pages;
  return (
    <>
      <ProblemBox problem={problem} retry={reload} />
      {data && data.length > 0 && <Table label={of.label} columns={of.columns} items={data} keyOf={of.keyOf} />}
      {data && data.length === 0 && !loading && <Empty>{of.empty}</Empty>}
      {!data && loading && <Loading />}
      {data && data.length > 0 && <ShowMore pages={of.pages} />}
    </>
  );
}

export function Time(of: { at: string | null | undefined; relative?: boolean }): VNode {
  if (!of.at) return <span class="muted">never</span>;
  return (
    <time dateTime={of.at} title={of.relative ? format.time(of.at) : format.ago(of.at)} class="nowrap">
      {of.relative ? format.ago(of.at) : format.time(of.at)}
    </time>
  );
}

export const Code = (of: { children: Children; label: string }): VNode => (
  <pre class="code" tabIndex={0} role="group" aria-label={of.label}>
    <code>{of.children}</code>
  </pre>
);

export function Facts(of: { items: [Children, Children][] }): VNode {
  return (
    <dl class="facts">
      {of.items.map(([name, what], i) => (
        <div key={i}>
          <dt>{name}</dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Field(of: { label: string; note?: Children; children: (id: string, noteId: string | undefined) => Children; class?: string }): VNode {
  const id = useId();
  const noteId = of.note ? `${id}-note` : undefined;
  return (
    <div class={`field ${of.class ?? ""}`}>
      <label for={id}>{of.label}</label>
      {of.children(id, noteId)}
      {of.note && (
        <span class="note" id={noteId}>
          {of.note}
        </span>
      )}
    </div>
  );
}

export function TextField(of: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  note?: Children;
  type?: string;
  placeholder?: string;
  required?: boolean;
  class?: string;
  disabled?: boolean;
}): VNode {
  return (
    <Field label={of.label} note={of.note} class={of.class ?? ""}>
      {(id, noteId) => (
        <input
          id={id}
          type={of.type ?? "text"}
          value={of.value}
          placeholder={of.placeholder}
          required={of.required}
          disabled={of.disabled}
          aria-describedby={noteId}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => of.onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export function SelectField(of: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  options: [value: string, text: string][];
  note?: Children;
  class?: string;
}): VNode {
  return (
    <Field label={of.label} note={of.note} class={of.class ?? ""}>
      {(id, noteId) => (
        <select id={id} value={of.value} aria-describedby={noteId} onChange={(event) => of.onInput(event.currentTarget.value)}>
          {of.options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function TextArea(of: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  rows?: number;
  note?: Children;
  readOnly?: boolean;
  onSubmit?: () => void;
}): VNode {
  return (
    <Field label={of.label} note={of.note}>
      {(id, noteId) => (
        <textarea
          id={id}
          class="mono"
          rows={of.rows ?? 6}
          spellcheck={false}
          readOnly={of.readOnly}
          aria-describedby={noteId}
          value={of.value}
          onInput={(event) => of.onInput(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) of.onSubmit?.();
          }}
        />
      )}
    </Field>
  );
}

/** At the foot of a form: what else it can do, what it is for, and the way back. Without `onDo` it submits the form. */
export function FormButtons(of: { text: string; disabled: boolean; onDo?: () => void; onCancel: () => void; children?: Children }): VNode {
  return (
    <div class="row">
      {of.children}
      <button type={of.onDo ? "button" : "submit"} class="primary" disabled={of.disabled} onClick={of.onDo}>
        {of.text}
      </button>
      <button type="button" onClick={of.onCancel}>
        Cancel
      </button>
    </div>
  );
}

/** What something new is made with: its fields, what went wrong, and the buttons of FormButtons. */
export function CreateForm(of: { title: Children; text: string; disabled: boolean; problem: Problem | undefined; onSubmit: () => void; onCancel: () => void; children: Children }): VNode {
  return (
    <Section title={of.title}>
      <form
        class="editor"
        onSubmit={(event) => {
          event.preventDefault();
          of.onSubmit();
        }}
      >
        {of.children}
        <ProblemBox problem={of.problem} />
        <FormButtons text={of.text} disabled={of.disabled} onCancel={of.onCancel} />
      </form>
    </Section>
  );
}

/** A button that asks once more before it does what cannot be undone. */
export function Confirm(of: {
  text: string;
  title: string;
  question: Children;
  yes: string;
  danger?: boolean;
  small?: boolean;
  disabled?: boolean;
  onYes: () => void;
}): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  const id = useId();
  useEffect(() => {
    if (open) dialog.current?.showModal();
  }, [open]);
  return (
    <>
      <button type="button" class={[of.danger && "danger", of.small && "small"].filter(Boolean).join(" ") || undefined} disabled={of.disabled} onClick={() => setOpen(true)}>
        {of.text}
      </button>
      {open && (
        <dialog ref={dialog} aria-labelledby={id} onClose={() => setOpen(false)}>
          <h2 id={id}>{of.title}</h2>
          <p>{of.question}</p>
          <div class="row end">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button
              type="button"
              class={of.danger ? "danger" : "primary"}
              onClick={() => {
                dialog.current?.close();
                of.onYes();
              }}
            >
              {of.yes}
            </button>
          </div>
        </dialog>
      )}
    </>
  );
}

/** A link that saves this text as a file. */
export function Save(of: { text: string; name: string; children: Children }): VNode {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([of.text], { type: "text/plain" }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [of.text]);
  return (
    <a class="button small" href={url} download={of.name}>
      {of.children}
    </a>
  );
}

export function Progress(of: { done: number; of: number; label: string }): VNode {
  const part = of.of > 0 ? Math.min(1, of.done / of.of) : 0;
  return <progress class="progress" max={1} value={part} aria-label={of.label} />;
}

/** Links among the parts of one thing. */
export function Tabs(of: { label: string; items: { href: string; text: Children; current: boolean }[] }): VNode {
  return (
    <nav class="tabs" aria-label={of.label}>
      {of.items.map((each) => (
        <a key={each.href} href={each.href} aria-current={each.current ? "page" : undefined}>
          {each.text}
        </a>
      ))}
    </nav>
  );
}
