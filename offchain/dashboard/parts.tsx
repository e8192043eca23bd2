import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Loaded } from "./data.ts";
import { clock, cor, count, day, short, statusName, taskName, visible } from "./format.ts";

/** The pieces that every view is made of. */

export const TaskLink = ({ id }: { id: string }) => (
  <a class="mono" href={`#/tasks/${id}`}>
    {taskName(id)}
  </a>
);
export const NodeLink = ({ id }: { id: number }) => <a href={`#/nodes/${id}`}>node {id}</a>;
export const SessionLink = ({ id }: { id: number }) => <a href={`#/sessions/${id}`}>session {id}</a>;
export const TxLink = ({ hash, children }: { hash: string; children?: ComponentChildren }) => (
  <a class={children === undefined ? "mono" : ""} href={`#/transactions/${hash}`} title={hash}>
    {children ?? short(hash)}
  </a>
);

/** An address or hash, short, with its whole on hover and by copying. */
export function Hash({ value }: { value: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () => void navigator.clipboard?.writeText(value).then(() => setCopied(true));
  return (
    <button type="button" class="hash mono" title={value} onClick={copy} onBlur={() => setCopied(false)}>
      <span class="hidden">Copy </span>
      {copied ? "copied" : short(value)}
    </button>
  );
}

/** COR, aligned; the exact amount on hover. */
export const Amount = ({ value, digits }: { value: string | bigint; digits?: number }) => (
  <span class="amount" title={`${String(value)} base units`}>
    {cor(value, digits)}
    <span class="unit"> COR</span>
  </span>
);

export const Time = ({ at, short: brief = false }: { at: number; short?: boolean }) => (
  <time dateTime={new Date(at * 1_000).toISOString()} title={new Date(at * 1_000).toLocaleString()}>
    {brief ? clock(at) : day(at)}
  </time>
);

export const Status = ({ status }: { status: number }) => <span class={`status ${statusName(status)}`}>{statusName(status)}</span>;

const MOST_SHOWN = 2_000;

/** Text that a stranger wrote: never more than text, never all of it at once, its direction kept inside. */
export function Stranger({ text, lines = false }: { text: string; lines?: boolean }) {
  const [most, setMost] = useState(MOST_SHOWN);
  const shown = text.slice(0, most);
  const Shape = lines ? "div" : "span";
  return (
    <Shape class={lines ? "stranger lines" : "stranger"}>
      <bdi>{visible(shown)}</bdi>
      {text.length > most && (
        <button type="button" class="quiet" onClick={() => setMost(most * 4)}>
          … {(text.length - most).toLocaleString("en-US")} more characters
        </button>
      )}
    </Shape>
  );
}

export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <div class="empty">
    <p class="empty-title">{title}</p>
    {children !== undefined && <p>{children}</p>}
  </div>
);

export const Failure = ({ error, again }: { error: Error; again?: () => void }) => (
  <div class="failure" role="alert">
    <p class="empty-title">This could not be read</p>
    <p>
      <Stranger text={error.message} />
    </p>
    {again !== undefined && (
      <button type="button" onClick={again}>
        Try again
      </button>
    )}
  </div>
);

/** What was asked for, or why it is not here. */
export function Show<T>({ of, children }: { of: Loaded<T>; children: (value: T) => ComponentChildren }) {
  if (of.state === "loading") return <div class="loading" role="status" aria-label="Loading" />;
  if (of.state === "failed") return <Failure error={of.error} again={of.again} />;
  return <>{children(of.value)}</>;
}

export const Section = ({ title, aside, children }: { title: string; aside?: ComponentChildren; children: ComponentChildren }) => (
  <section>
    <header class="section">
      <h2>{title}</h2>
      {aside !== undefined && <div class="aside">{aside}</div>}
    </header>
    {children}
  </section>
);

export const Figure = ({ label, value, note }: { label: string; value: ComponentChildren; note?: ComponentChildren }) => (
  <div class="figure">
    <dt>{label}</dt>
    <dd>
      <span class="big">{value}</span>
      {note !== undefined && <span class="note">{note}</span>}
    </dd>
  </div>
);

/** A table that scrolls by itself where the window is narrow. Numbers stand right. */
export const Table = ({ label, head, children }: { label: string; head: (string | { right: string })[]; children: ComponentChildren }) => (
  <div class="scroll" role="region" aria-label={label} tabIndex={0}>
    <table>
      <thead>
        <tr>
          {head.map((one) => (
            <th key={typeof one === "string" ? one : one.right} scope="col" class={typeof one === "string" ? "" : "right"}>
              {typeof one === "string" ? one : one.right}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </div>
);

export const Facts = ({ of }: { of: [string, ComponentChildren][] }) => (
  <dl class="facts">
    {of.map(([label, value]) => (
      <div key={label}>
        <dt>{label}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);

/** A table's cell with a number and how much of the most it is. */
export const BarCell = ({ value, most, label }: { value: number; most: number; label: string }) => (
  <td class="score">
    <Bar value={value} most={most} label={label} />
    <span>{count(value)}</span>
  </td>
);

/** A share as a bar. */
const Bar = ({ value, most, label }: { value: number; most: number; label: string }) => (
  <span class="bar" role="img" aria-label={label}>
    <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="6" rx="1" />
      <rect class="fill" width={most === 0 ? 0 : (100 * value) / most} height="6" rx="1" />
    </svg>
  </span>
);
