import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failure } from "./parts.tsx";

/** A component whose code comes when it is first shown. */
export function lazy<Props extends object>(load: () => Promise<ComponentType<Props>>, placeholder = ""): ComponentType<Props> {
  let known: ComponentType<Props> | undefined;
  return function Lazy(props: Props) {
    const [error, setError] = useState<Error>();
    const [, setReady] = useState(known !== undefined);
    useEffect(() => {
      if (known !== undefined) return;
      load().then(
        (found) => {
          known = found;
          setReady(true);
        },
        (cause: unknown) => setError(cause as Error),
      );
    }, []);
    if (error !== undefined) return <Failure error={error} />;
    if (known === undefined) return <div class={`loading ${placeholder}`} role="status" aria-label="Loading" />;
    const Known = known;
    return <Known {...props} />;
  };
}
