// Pages whose code is asked for when they are first shown.
import type { ComponentType, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Problem } from "./api";
import { Loading, ProblemBox } from "./ui";

export function lazy(load: () => Promise<ComponentType>): ComponentType {
  let Page: ComponentType | undefined;
  return function Lazy(): VNode {
    const [failed, setFailed] = useState(false);
    const [, setLoaded] = useState(Page !== undefined);
    const ask = (): void => {
      setFailed(false);
      load().then(
        (loaded) => {
          Page = loaded;
          setLoaded(true);
        },
        () => setFailed(true),
      );
    };
    useEffect(() => {
      if (!Page) ask();
    }, []);
    if (failed) return <ProblemBox problem={new Problem(0, "The page could not be loaded", "Is the server there?")} retry={ask} />;
    return Page ? <Page /> : <Loading />;
  };
}
