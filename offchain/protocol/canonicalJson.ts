/**
 * Deterministic JSON: keys sorted by UTF-16 code unit, no white space, numbers as ECMAScript prints them (the form of RFC 8785).
 * Keys whose value is undefined are left out. Throws TypeError on what JSON cannot hold (NaN, infinities, bigint).
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).filter(([, held]) => held !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, held]) => `${JSON.stringify(key)}:${canonicalJson(held)}`).join(",")}}`;
  }
  const text = typeof value === "number" && !Number.isFinite(value) ? undefined : JSON.stringify(value);
  if (text === undefined) throw new TypeError(`canonical JSON cannot hold ${String(value)}`);
  return text;
}

/** The UTF-8 bytes of canonicalJson. */
export function canonicalJsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(canonicalJson(value));
}
