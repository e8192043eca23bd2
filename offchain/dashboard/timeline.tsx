import type { ComponentChildren } from "preact";
import { Time, TxLink } from "./parts.tsx";

export interface Step {
  name: string;
  /** When it was done, seconds; null while it is to come. */
  at: number | null;
  /** The transaction that did it. */
  by: string | null;
  text: ComponentChildren;
  /** Said instead of a time, default "waiting". */
  waiting?: string;
}

/** The life of something, phase by phase. */
export const Timeline = ({ label, steps }: { label: string; steps: Step[] }) => (
  <ol class={`timeline ${steps.length === 7 ? "seven" : ""}`} aria-label={label}>
    {steps.map(({ name, at, by, text, waiting = "waiting" }) => (
      <li key={name} class={at === null ? "ahead" : "done"}>
        <b>{name}</b>
        <span>
          {at === null ? (
            waiting
          ) : by === null ? (
            <Time at={at} short />
          ) : (
            <TxLink hash={by}>
              <Time at={at} short />
            </TxLink>
          )}
        </span>
        <small>{text}</small>
      </li>
    ))}
  </ol>
);
