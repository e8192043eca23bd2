import { Contract } from "ethers";
import { interfaces } from "../chain/abis.ts";
import type { Deployment } from "../chain/deployment.ts";
import type { Endpoint } from "../chain/endpoint.ts";
import { digestOf } from "../content/contentId.ts";
import { applyChanges, decodeAnswers, decodeOutcomes } from "../protocol/answers.ts";
import { commitmentOf } from "../protocol/commitment.ts";
import { committee } from "../protocol/draw.ts";
import { settlementOf } from "../protocol/judging.ts";
import { distance } from "../protocol/sketch.ts";
import { type Opening, Status } from "../protocol/types.ts";
import {
  type BundleCall,
  type BundleLog,
  callsOf,
  deciding,
  factsIn,
  leaseLog,
  membersIn,
  openingsIn,
  type TaskFacts,
  taskLogs,
} from "./auditEvidence.ts";

export const BUNDLE_VERSION = 1;

/** What the bundle says came of the task; all of it follows from the rest, and is computed again when it is verified. */
export interface BundleFindings {
  status: string;
  seed: string | null;
  committee: number[];
  seats: { seat: number; node: number; opened: boolean; answers: { digest: string; tokens: number }[]; net: string; accepted: number }[];
  /** Hamming distances of the first prompt's sketches, by place among the opened seats. */
  distances: number[][];
  outcomes: { canonicalSeat: number | null; accepted: number }[];
  charged: string;
}

/** Everything about a task in one file. */
export interface AuditBundle {
  format: "corroborate-audit";
  version: number;
  chainId: string;
  addresses: Record<string, string>;
  task: string;
  fromBlock: number;
  /** Every event of the task, and the one that drew its lease. */
  logs: BundleLog[];
  lease: { id: number; log: BundleLog } | null;
  /** The block that decided who sits where. */
  decidedBy: { block: number; hash: string } | null;
  /** Calldata of the transactions that handed openings over: salts and claims are nowhere else. */
  calls: BundleCall[];
  /** The task's record on chain, and the block at which it was read. */
  record: { value: string; block: number };
  /** Contents by digest, base64: the manifest, the answers, the claim lists; what nobody handed out is null. */
  contents: Record<string, string | null>;
  findings: BundleFindings;
}

/** One thing that was compared. */
export interface AuditCheck {
  name: "format" | "chain" | "events" | "lease" | "draw" | "calls" | "commitments" | "record" | "contents" | "findings";
  ok: boolean;
  detail: string;
}

export interface AuditOptions {
  endpoint: Endpoint;
  deployment: Pick<Deployment, "addresses" | "blockNumber">;
  /** Where to begin to look for the task's events. */
  fromBlock?: number;
  /** Bytes by digest; undefined where nobody has them. */
  contentOf: (digest: string) => Promise<Uint8Array | undefined>;
}

/** Collects everything about a task from the chain and from whoever holds its contents. Throws where there is no such task. */
export async function exportBundle(task: bigint, { endpoint, deployment, fromBlock, contentOf }: AuditOptions): Promise<AuditBundle> {
  const { addresses } = deployment;
  const from = fromBlock ?? deployment.blockNumber;
  const logs = await taskLogs(endpoint, addresses, task, from);
  const facts = factsIn(logs);
  if (facts === undefined) throw new Error(`found no task ${task} from block ${from} on, wanted one; see the index for its number`);
  const lease = facts.lease === 0 ? null : await leaseLog(endpoint, addresses, facts.lease, deployment.blockNumber);
  const decidedBy = await deciding(endpoint, facts, task);
  const calls = await callsOf(endpoint, logs, addresses["SessionQueue"]);
  const block = await endpoint.provider.getBlockNumber();
  const queue = new Contract(addresses["SessionQueue"], interfaces["SessionQueue"], endpoint.provider);
  const value = (await queue.getFunction("recordOf").staticCall(task, { blockTag: block })) as string;
  const findings = findingsOf(task, facts, lease === null ? [] : membersIn(lease.log));
  const wanted = new Set<string>([facts.terms.manifest, ...findings.seats.flatMap(({ answers }) => answers.map(({ digest }) => digest))]);
  for (const call of calls) for (const { claim } of openingsIn(call.input, task)) wanted.add(claim);
  const contents: AuditBundle["contents"] = {};
  for (const digest of [...wanted].filter((one) => !/^0x0{62}/.test(one)).sort()) {
    const bytes = await contentOf(digest).catch(() => undefined);
    contents[digest] = bytes === undefined ? null : toBase64(bytes);
  }
  const shared = { format: "corroborate-audit" as const, version: BUNDLE_VERSION, chainId: String(endpoint.chainId) };
  const named = { SessionQueue: addresses["SessionQueue"], Validation: addresses["Validation"], NodePool: addresses["NodePool"] };
  return {
    ...shared,
    addresses: named,
    task: String(task),
    fromBlock: from,
    logs,
    lease,
    decidedBy,
    calls,
    record: { value, block },
    contents,
    findings,
  };
}

/** Compares a bundle with a chain and with itself. Needs no index, no router and no node. `ok` is false with the name of what differs. */
export async function verifyBundle(bundle: AuditBundle, endpoint: Endpoint): Promise<{ ok: boolean; checks: AuditCheck[] }> {
  const checks: AuditCheck[] = [];
  const check = (name: AuditCheck["name"], ok: boolean, detail: string) => checks.push({ name, ok, detail });
  const done = () => ({ ok: checks.every(({ ok }) => ok), checks });
  const wellFormed = bundle.format === "corroborate-audit" && bundle.version === BUNDLE_VERSION && Array.isArray(bundle.logs);
  check(
    "format",
    wellFormed,
    `format ${String(bundle.format)}, version ${String(bundle.version)}; wanted corroborate-audit ${BUNDLE_VERSION}`,
  );
  if (!wellFormed) return done();
  check(
    "chain",
    bundle.chainId === String(endpoint.chainId),
    `the bundle is of chain ${bundle.chainId}, the endpoint of ${endpoint.chainId}`,
  );
  const task = BigInt(bundle.task);
  const onChain = await taskLogs(endpoint, bundle.addresses, task, bundle.fromBlock);
  const differing = firstDifference(bundle.logs, onChain);
  check("events", differing === undefined, differing ?? `${onChain.length} events are those of the chain`);
  const facts = factsIn(onChain);
  if (facts === undefined) {
    check("findings", false, `the chain knows no task ${task} from block ${bundle.fromBlock} on`);
    return done();
  }

  const lease = facts.lease === 0 ? null : await leaseLog(endpoint, bundle.addresses, facts.lease, 0);
  const sameLease = JSON.stringify(lease) === JSON.stringify(bundle.lease);
  check(
    "lease",
    sameLease,
    sameLease ? `lease ${facts.lease} was drawn as the bundle says` : `the bundle's lease is not lease ${facts.lease} of the chain`,
  );

  const decidedBy = await deciding(endpoint, facts, task);
  const sameBlock = JSON.stringify(decidedBy) === JSON.stringify(bundle.decidedBy);
  const seedFollows = facts.seed === undefined || decidedBy !== null;
  check(
    "draw",
    sameBlock && seedFollows,
    sameBlock
      ? `block ${decidedBy?.block ?? "none"} gives the seed`
      : `the bundle names block ${bundle.decidedBy?.block ?? "none"} ${bundle.decidedBy?.hash ?? ""}, the seed follows from ${decidedBy?.block ?? "none"} ${decidedBy?.hash ?? ""}`,
  );

  const calls = await callsOf(endpoint, onChain, bundle.addresses["SessionQueue"]!);
  const badCall = calls.find((call, i) => JSON.stringify(call) !== JSON.stringify(bundle.calls[i]));
  const sameCalls = badCall === undefined && calls.length === bundle.calls.length;
  check(
    "calls",
    sameCalls,
    sameCalls
      ? `${calls.length} transactions carry what the bundle says`
      : `calldata of ${badCall?.transaction ?? "a transaction"} is not that of the chain`,
  );

  const unbound = unboundSeat(task, facts, calls, { chainId: endpoint.chainId, queue: bundle.addresses["SessionQueue"]! });
  check("commitments", unbound === undefined, unbound ?? "every opening is what its seat committed to");

  const queue = new Contract(bundle.addresses["SessionQueue"]!, interfaces["SessionQueue"], endpoint.provider);
  const value = (await queue.getFunction("recordOf").staticCall(task)) as string;
  const settled = facts.settled === undefined || BigInt(value) >> 248n === BigInt(facts.settled.status);
  const sameRecord = facts.settled === undefined || value === bundle.record.value;
  check("record", settled && sameRecord, `the contract's record is ${value}, the bundle's ${bundle.record.value}`);

  const badContent = Object.entries(bundle.contents).find(([digest, bytes]) => bytes !== null && digestOf(fromBase64(bytes)) !== digest);
  const held = Object.values(bundle.contents).filter((bytes) => bytes !== null).length;
  const expected = [facts.terms.manifest].filter((digest) => !(digest in bundle.contents));
  check(
    "contents",
    badContent === undefined && expected.length === 0,
    badContent === undefined
      ? expected.length === 0
        ? `${held} of ${Object.keys(bundle.contents).length} contents are here, and hash to their digests`
        : `no entry for the manifest ${expected[0]}`
      : `the content under ${badContent[0]} does not hash to it`,
  );

  const findings = findingsOf(task, facts, lease === null ? [] : membersIn(lease.log));
  const wrong = (Object.keys(findings) as (keyof BundleFindings)[]).find(
    (name) => JSON.stringify(findings[name]) !== JSON.stringify(bundle.findings?.[name]),
  );
  check(
    "findings",
    wrong === undefined,
    wrong === undefined
      ? `status ${findings.status}, charged ${findings.charged}: judged anew with the same result`
      : `${wrong} of the bundle is ${JSON.stringify(bundle.findings?.[wrong])?.slice(0, 120)}, judged anew it is ${JSON.stringify(findings[wrong]).slice(0, 120)}`,
  );
  return done();
}

/** Judges and prices the task anew. */
function findingsOf(task: bigint, facts: TaskFacts, members: number[]): BundleFindings {
  const { terms, settled, commits, changes } = facts;
  const status = Object.entries(Status).find(([, value]) => value === (settled?.status ?? Status.Open))![0];
  const seated = facts.seed === undefined || members.length === 0 ? [] : committee(members, facts.seed, terms.redundancy);
  const shared = { status, seed: facts.seed === undefined ? null : String(facts.seed), committee: seated };
  if (settled === undefined) return { ...shared, seats: [], distances: [], outcomes: [], charged: "0" };
  const openings = commits.map(({ seat, node, commitment }): Opening => ({
    seat,
    node,
    opened: ((settled.seats >> seat) & 1) === 1,
    secret: commitment,
    claim: "0x",
    changes: changes.get(seat) ?? "0x",
  }));
  const ending = settlementOf({ task, terms, base: settled.base, openings }, settled.rejected);
  const answersOf = (seat: number) => decodeAnswers(applyChanges(settled.base, changes.get(seat) ?? "0x"));
  const sketches = openings.flatMap(({ seat, opened }) => (opened ? (answersOf(seat)[0]?.sketch ?? []) : []));
  return {
    ...shared,
    seats: openings.map(({ seat, node, opened }, i) => ({
      seat,
      node,
      opened,
      answers: opened ? answersOf(seat).map(({ digest, tokens }) => ({ digest, tokens })) : [],
      net: String(ending.seats[i]!.net),
      accepted: ending.seats[i]!.accepted,
    })),
    distances: sketches.map((a) => sketches.map((b) => distance(a, b))),
    outcomes: decodeOutcomes(settled.outcomes),
    charged: String(settled.charged),
  };
}

/** Says which seat's opening is not what it committed to; undefined where all are. */
function unboundSeat(
  task: bigint,
  { commits, attempt }: TaskFacts,
  calls: BundleCall[],
  domain: { chainId: bigint; queue: string },
): string | undefined {
  for (const { input } of calls)
    for (const { seat, node, opened, secret, claim, answers, terms } of openingsIn(input, task)) {
      if (!opened) continue;
      const committed = commits.find((one) => one.seat === seat && one.node === node);
      if (committed === undefined) continue;
      const found = commitmentOf(domain, task, node, terms, answers, claim, secret, attempt);
      if (found !== committed.commitment) return `seat ${seat} committed to ${committed.commitment}, its opening gives ${found}`;
    }
  return undefined;
}

function firstDifference(told: BundleLog[], onChain: BundleLog[]): string | undefined {
  for (const [i, log] of onChain.entries()) {
    const one = told[i];
    if (one === undefined) return `the bundle ends before event ${i + 1} of ${onChain.length} (transaction ${log.transaction})`;
    const field = (Object.keys(log) as (keyof BundleLog)[]).find((name) => JSON.stringify(one[name]) !== JSON.stringify(log[name]));
    if (field !== undefined)
      return `${field} of event ${i + 1} (transaction ${log.transaction}, log ${log.index}) is not that of the chain`;
  }
  return told.length > onChain.length ? `the bundle has ${told.length - onChain.length} events that the chain does not have` : undefined;
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8_192) text += String.fromCharCode(...bytes.subarray(i, i + 8_192));
  return btoa(text);
}

function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}
