import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
import { sha256, toBeHex, toUtf8Bytes } from "ethers";
import { canonicalJson } from "./canonicalJson.ts";

/** What a leaf tells: how a task ended, or what a node's account was. */
export const LEAF = { task: 1, node: 2 } as const;

/** One fact of a checkpoint: a task's id and final record, or a node's number and account word (32 bytes as hex). */
export interface Leaf {
  kind: (typeof LEAF)[keyof typeof LEAF];
  key: bigint;
  value: string;
}

/** A checkpoint as it is proposed: `contents` is the sha256 of `bytes`, the list of leaves that anyone can check the root with. */
export interface Checkpoint {
  root: string;
  contents: string;
  bytes: Uint8Array;
  /** The siblings that prove one leaf. Throws where it is not in the checkpoint. */
  proofOf: (leaf: Leaf) => string[];
}

const TYPES = ["uint8", "uint256", "bytes32"];
type Row = [number, string, string];

const rowOf = ({ kind, key, value }: Leaf): Row => [kind, key.toString(), value];

/** A node's account word as a leaf's value. */
export const accountValue = (word: bigint): string => toBeHex(word, 32);

/** The checkpoint over these facts, whatever their order. Twin of `Anchor.proves`. Throws on an empty list and on a fact given twice. */
export function checkpointOf(leaves: readonly Leaf[]): Checkpoint {
  if (leaves.length === 0) throw new RangeError("found no leaf, wanted at least one: an empty checkpoint proves nothing");
  const rows = leaves.map(rowOf).sort(byKindAndKey);
  rows.forEach((row, i) => {
    const before = rows[i - 1];
    if (before !== undefined && byKindAndKey(before, row) === 0)
      throw new RangeError(`found two facts of kind ${row[0]} on ${row[1]}, wanted one`);
  });
  const tree = StandardMerkleTree.of(rows, TYPES);
  const bytes = toUtf8Bytes(canonicalJson(rows));
  return { root: tree.root, contents: sha256(bytes), bytes, proofOf: (leaf) => tree.getProof(rowOf(leaf)) };
}

/** The leaves that a checkpoint's contents list. Throws on anything that is not such a list. */
export function leavesIn(bytes: Uint8Array): Leaf[] {
  const rows = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  if (!Array.isArray(rows)) throw new RangeError("found no list of leaves, wanted the contents of a checkpoint");
  return rows.map((row: unknown) => {
    const [kind, key, value] = Array.isArray(row) ? (row as unknown[]) : [];
    const known = Object.values(LEAF).find((one) => one === kind);
    if (
      known === undefined ||
      typeof key !== "string" ||
      typeof value !== "string" ||
      !/^\d+$/.test(key) ||
      !/^0x[0-9a-f]{64}$/.test(value)
    )
      throw new RangeError(`found ${JSON.stringify(row).slice(0, 80)}, wanted [kind, key, value]`);
    return { kind: known, key: BigInt(key), value };
  });
}

/** Whether a proposed root is that of these contents: what a challenger asks before it bonds. */
export function agrees(root: string, contents: string, bytes: Uint8Array): boolean {
  if (sha256(bytes) !== contents) return false;
  try {
    return checkpointOf(leavesIn(bytes)).root === root;
  } catch {
    return false;
  }
}

function byKindAndKey(a: Row, b: Row): number {
  if (a[0] !== b[0]) return a[0] - b[0];
  const [left, right] = [BigInt(a[1]), BigInt(b[1])];
  return left < right ? -1 : left > right ? 1 : 0;
}
