// What a page asks of the API: loading, there, or failed.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Page, Problem } from "./api";

export interface Loaded<T> {
  data: T | undefined;
  problem: Problem | undefined;
  loading: boolean;
  reload: () => void;
}

const asProblem = (why: unknown): Problem =>
  why instanceof Problem ? why : new Problem(0, "Something went wrong in the console", String(why));

/** Asks when a page is shown, when `key` changes, on reload(), and every so many milliseconds. */
export function useLoad<T>(key: string, ask: (signal: AbortSignal) => Promise<T>, every = 0): Loaded<T> {
  const [state, set] = useState<{ key: string; data?: T; problem?: Problem; loading: boolean }>({ key, loading: true });
  const [again, setAgain] = useState(0);
  const latest = useRef(ask);
  latest.current = ask;

  useEffect(() => {
    const until = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async (): Promise<void> => {
      try {
        const data = await latest.current(until.signal);
        if (!until.signal.aborted) set({ key, data, loading: false });
      } catch (why) {
        if (until.signal.aborted) return;
        set((was) => ({ key, ...(was.key === key && every > 0 ? { data: was.data } : {}), problem: asProblem(why), loading: false }));
      }
      if (every > 0 && !until.signal.aborted) timer = setTimeout(() => void run(), document.hidden ? every * 4 : every);
    };
    set((was) => (was.key === key ? { ...was, loading: true } : { key, loading: true }));
    void run();
    return () => {
      until.abort();
      clearTimeout(timer);
    };
  }, [key, every, again]);

  const reload = useCallback(() => setAgain((n) => n + 1), []);
  const mine = state.key === key;
  return { data: mine ? state.data : undefined, problem: mine ? state.problem : undefined, loading: !mine || state.loading, reload };
}

export interface Paged<T> extends Loaded<T[]> {
  more: (() => void) | null;
}

/** A list of which more can be asked for, a page at a time. */
export function usePages<T>(key: string, ask: (cursor: string | null, signal: AbortSignal) => Promise<Page<T>>): Paged<T> {
  const [state, set] = useState<{ key: string; items?: T[]; next: string | null; problem?: Problem; loading: boolean }>({
    key,
    next: null,
    loading: true,
  });
  const [again, setAgain] = useState(0);
  const latest = useRef(ask);
  latest.current = ask;
  const running = useRef<AbortController | null>(null);

  const fetchPage = useCallback(
    async (cursor: string | null): Promise<void> => {
      running.current?.abort();
      const until = new AbortController();
      running.current = until;
      set((was) => (was.key === key ? { ...was, loading: true } : { key, next: null, loading: true }));
      try {
        const page = await latest.current(cursor, until.signal);
        if (until.signal.aborted) return;
        set((was) => ({ key, items: cursor === null ? page.items : [...(was.items ?? []), ...page.items], next: page.next, loading: false }));
      } catch (why) {
        if (!until.signal.aborted) set((was) => ({ ...was, key, problem: asProblem(why), loading: false }));
      }
    },
    [key],
  );

  useEffect(() => {
    void fetchPage(null);
    return () => running.current?.abort();
  }, [fetchPage, again]);

  const mine = state.key === key;
  const next = mine ? state.next : null;
  return {
    data: mine ? state.items : undefined,
    problem: mine ? state.problem : undefined,
    loading: !mine || state.loading,
    reload: useCallback(() => setAgain((n) => n + 1), []),
    more: next === null ? null : () => void fetchPage(next),
  };
}

/** Something that a button does: whether it is under way, and why it failed. */
export function useAction<A extends unknown[]>(
  does: (...of: A) => Promise<void>,
): { run: (...of: A) => void; busy: boolean; problem: Problem | undefined; clear: () => void } {
  const [state, set] = useState<{ busy: boolean; problem?: Problem }>({ busy: false });
  const run = (...of: A): void => {
    set({ busy: true });
    does(...of).then(
      () => set({ busy: false }),
      (why: unknown) => set({ busy: false, problem: asProblem(why) }),
    );
  };
  return { run, busy: state.busy, problem: state.problem, clear: () => set({ busy: false }) };
}
