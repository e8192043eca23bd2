import { type EventFragment, getAddress, type ParamType } from "ethers";

/** Reads one value: `at` is where its head lies, `base` where offsets of its frame count from, both in hex digits of `hex` (no 0x). */
type Read = (hex: string, at: number, base: number) => unknown;

interface Layout {
  read: Read;
  /** Hex digits of its head: a dynamic value's head is the offset of its tail. */
  size: number;
  dynamic: boolean;
}

/**
 * The arguments of an event by name: integers of every width as bigint, addresses with their checksum, bytes as 0x hex in lower case, tuples as
 * objects, lists as arrays.
 */
export class EventArgs {
  [name: string]: unknown;

  /** An argument by its name; undefined where the event has none of that name. */
  getValue(name: string): unknown {
    return Object.hasOwn(this, name) ? this[name] : undefined;
  }

  /** All arguments, in the order of the event. */
  toObject(): Record<string, unknown> {
    return { ...this };
  }
}

const WORD = 64;

/**
 * A decoder of one kind of event, made once. It reads what ethers reads, many times faster: no checks of types, proxies or frozen objects for
 * values whose layout never changes. One thing differs on purpose: text that is not UTF-8 is read with replacement characters, where ethers
 * throws when it is looked at. Anybody may put such text on the chain, and nobody may stop its readers by that.
 * Throws where the event has a parameter without a name, or one of a type that no event here has.
 * @returns reads data and topics; throws where the data is too short for what it claims
 */
export function eventDecoder(event: EventFragment): (data: string, topics: readonly string[]) => EventArgs {
  const fields: { name: string; indexed: boolean; layout: Layout; at: number }[] = [];
  let [topic, head] = [1, 0];
  for (const parameter of event.inputs) {
    const { name, type } = parameter;
    const indexed = parameter.indexed === true;
    const layout = layoutOf(parameter);
    if (name === "" || (indexed && (layout.dynamic || layout.size !== WORD)))
      throw new Error(`found the parameter "${name}" ${type} in event ${event.name}, wanted a name, and one word where it is indexed`);
    fields.push({ name, indexed, layout, at: indexed ? topic++ : head });
    if (!indexed) head += layout.size;
  }
  return (data, topics) => {
    const hex = data.slice(2).toLowerCase();
    if (hex.length < head || topics.length < topic)
      throw new Error(
        `found ${hex.length / 2} bytes and ${topics.length} topics of event ${event.name}, wanted at least ${head / 2} and ${topic}`,
      );
    const args = new EventArgs();
    for (const { name, indexed, layout, at } of fields)
      args[name] = indexed ? layout.read(topics[at]!.slice(2).toLowerCase(), 0, 0) : layout.read(hex, at, 0);
    return args;
  };
}

function layoutOf(parameter: ParamType): Layout {
  const { baseType, type } = parameter;
  if (baseType === "tuple") return tupleOf(parameter.components!.map((one) => [one.name, layoutOf(one)]));
  if (baseType === "array" && parameter.arrayLength === -1) return listOf(layoutOf(parameter.arrayChildren!));
  if (type === "address") return { read: (hex, at) => addressIn(hex, at), size: WORD, dynamic: false };
  if (type === "bool") return { read: (hex, at) => !hex.startsWith(ZEROS, at), size: WORD, dynamic: false };
  if (type === "bytes") return tail((hex, at) => `0x${bytesIn(hex, at)}`);
  if (type === "string") return tail((hex, at) => Buffer.from(bytesIn(hex, at), "hex").toString("utf8"));
  const [, bits] = /^uint(\d+)$/.exec(type) ?? [];
  if (bits !== undefined) return { read: uintOf(Number(bits) / 4), size: WORD, dynamic: false };
  const [, bytes] = /^bytes(\d+)$/.exec(type) ?? [];
  if (bytes !== undefined) return { read: (hex, at) => `0x${hex.slice(at, at + 2 * Number(bytes))}`, size: WORD, dynamic: false };
  throw new Error(`found a parameter of type ${type}, wanted one of those that the events of this network have`);
}

const ZEROS = "0".repeat(WORD);
/** So many hex digits fit a number exactly. */
const EXACT = 13;
const SMALL = "0".repeat(WORD - EXACT);

/** An unsigned integer of so many digits; as ethers does, what is above its width is left out. A bigint made from a number costs least. */
function uintOf(digits: number): Read {
  const numberIn = (hex: string, at: number) => BigInt(parseInt(hex.slice(at + WORD - Math.min(digits, EXACT), at + WORD), 16));
  if (digits <= EXACT) return numberIn;
  return (hex, at) => (hex.startsWith(SMALL, at) ? numberIn(hex, at) : BigInt(`0x${hex.slice(at + WORD - digits, at + WORD)}`));
}

/** Checksums of the addresses seen last: each costs a hash, and a chain has few. */
const checksums = new Map<string, string>();
const MOST_CHECKSUMS = 10_000;

function addressIn(hex: string, at: number): string {
  const digits = hex.slice(at, at + WORD);
  const known = checksums.get(digits);
  if (known !== undefined) return known;
  if (!digits.startsWith("0".repeat(24))) throw new Error(`found ${digits}, wanted an address of 20 bytes`);
  const address = getAddress(`0x${digits.slice(24)}`);
  if (checksums.size >= MOST_CHECKSUMS) checksums.clear();
  checksums.set(digits, address);
  return address;
}

/** A place or length, in bytes. Throws where it points outside of the data. */
function sizeIn(hex: string, at: number): number {
  const size = at + WORD <= hex.length && hex.startsWith(SMALL, at) ? parseInt(hex.slice(at + WORD - EXACT, at + WORD), 16) : Infinity;
  if (size > hex.length / 2) throw new Error(`found the size ${size} in ${hex.length / 2} bytes of event data, wanted one that fits`);
  return size;
}

function bytesIn(hex: string, at: number): string {
  const end = at + WORD + 2 * sizeIn(hex, at);
  if (end > hex.length) throw new Error(`found ${hex.length / 2} bytes of event data, wanted at least ${end / 2}`);
  return hex.slice(at + WORD, end);
}

/** A dynamic value: its head is an offset. */
function tail(read: (hex: string, at: number) => unknown): Layout {
  return { read: (hex, at, base) => read(hex, base + 2 * sizeIn(hex, at)), size: WORD, dynamic: true };
}

function tupleOf(parts: [name: string, layout: Layout][]): Layout {
  let size = 0;
  const fields = parts.map(([name, layout]) => {
    const at = size;
    size += layout.size;
    return { name, layout, at };
  });
  const readAt = (hex: string, start: number) => {
    if (start + size > hex.length) throw new Error(`found ${hex.length / 2} bytes of event data, wanted at least ${(start + size) / 2}`);
    const found: Record<string, unknown> = {};
    for (const { name, layout, at } of fields) found[name] = layout.read(hex, start + at, start);
    return found;
  };
  return fields.some(({ layout }) => layout.dynamic) ? tail(readAt) : { read: readAt, size, dynamic: false };
}

function listOf({ read, size }: Layout): Layout {
  return tail((hex, at) => {
    const count = sizeIn(hex, at);
    const start = at + WORD;
    if (start + count * size > hex.length)
      throw new Error(`found ${hex.length / 2} bytes of event data, wanted at least ${(start + count * size) / 2}`);
    return Array.from({ length: count }, (_, i) => read(hex, start + i * size, start));
  });
}
